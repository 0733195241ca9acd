import { whenFree } from "../../databases/sqlite/busy.ts";
import type { SqliteHandle } from "../../databases/sqlite/handle.ts";
import { Statements } from "../../databases/sqlite/statements.ts";
import type { ChainLink } from "../../state/hash-chain.ts";
import { openStateFile, stateFileError } from "../../state/storage/sqlite/file.ts";
import type { KeyRow } from "./key-row.ts";
import {
  auditColumns,
  auditFields,
  keyColumns,
  keyFields,
  keysTooNew,
  readKeyAudit,
  readKeyRow,
} from "./rows.ts";
import type { KeyStorage } from "./store.ts";

/** The tables' steps; a database is brought from the step it has to the last. Never change a step. */
const steps: readonly string[] = [
  `
  CREATE TABLE tidemark_keys (
    id TEXT PRIMARY KEY,
    name TEXT,
    scope TEXT NOT NULL,
    connectors TEXT,
    hash TEXT NOT NULL,
    created_at_utc TEXT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at_utc TEXT,
    revoked_at_utc TEXT,
    revoked_by TEXT,
    last_used_at_utc TEXT
  ) WITHOUT ROWID;
  CREATE TABLE tidemark_key_audit (
    number INTEGER PRIMARY KEY,
    key_id TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    terms TEXT NOT NULL,
    hash TEXT NOT NULL
  );
  CREATE TABLE tidemark_key_schema (
    version INTEGER NOT NULL,
    audit_number INTEGER NOT NULL,
    audit_head TEXT NOT NULL
  );
  INSERT INTO tidemark_key_schema VALUES (1, 0, '');
  `,
];

/**
 * Keys in the SQLite file that holds the state. Without `create`, null where the file has none. Throws
 * as `openSqliteState` does.
 */
export async function sqliteKeys(
  path: string,
  { create }: { readonly create: boolean },
): Promise<KeyStorage | null> {
  const db = openStateFile(path);
  try {
    if (!create && versionOf(db) === 0) {
      db.close();
      return null;
    }
    const storage = new SqliteKeys(db, path);
    await storage.migrate();
    return storage;
  } catch (error) {
    db.close();
    throw stateFileError(error, path);
  }
}

class SqliteKeys implements KeyStorage {
  readonly #db: SqliteHandle;
  readonly #path: string;
  readonly #sql: Statements;

  constructor(db: SqliteHandle, path: string) {
    this.#db = db;
    this.#path = path;
    this.#sql = new Statements(db);
  }

  async migrate(): Promise<void> {
    if (versionOf(this.#db) === steps.length) return;
    await this.#transact(() => {
      const version = versionOf(this.#db);
      if (version > steps.length) throw keysTooNew(this.#path, version, steps.length);
      for (const step of steps.slice(version)) this.#db.exec(step);
      this.#db.exec(`UPDATE tidemark_key_schema SET version = ${steps.length}`);
    });
  }

  async find(id: string): Promise<KeyRow | null> {
    return this.#transact(() => this.#row(id), "BEGIN");
  }

  async list(): Promise<KeyRow[]> {
    return this.#transact(() => this.#rows(), "BEGIN");
  }

  async change(id: string, decide: Parameters<KeyStorage["change"]>[1]): Promise<void> {
    await this.#transact(() => {
      const keys = Number(this.#sql.get("SELECT count(*) AS keys FROM tidemark_keys")?.keys);
      const made = decide({ row: this.#row(id), keys, tail: this.#tail() });
      if (made === null) return;
      this.#sql.run(
        `INSERT OR REPLACE INTO tidemark_keys (${keyColumns.join(", ")}) VALUES (${marks(keyColumns)})`,
        ...inOrder(keyColumns, keyFields(made.row)),
      );
      this.#sql.run(
        `INSERT INTO tidemark_key_audit (${auditColumns.join(", ")}) VALUES (${marks(auditColumns)})`,
        ...inOrder(auditColumns, auditFields(made.audit)),
      );
      this.#sql.run(
        "UPDATE tidemark_key_schema SET audit_number = ?, audit_head = ?",
        made.audit.number,
        made.audit.hash,
      );
    });
  }

  async touch(id: string, atUtc: string, unlessAfterUtc: string): Promise<void> {
    await this.#transact(() =>
      this.#sql.run(
        `UPDATE tidemark_keys SET last_used_at_utc = ?
         WHERE id = ? AND (last_used_at_utc IS NULL OR last_used_at_utc <= ?)`,
        atUtc,
        id,
        unlessAfterUtc,
      ),
    );
  }

  async audit(): ReturnType<KeyStorage["audit"]> {
    return this.#transact(() => {
      const rows = this.#sql.all("SELECT * FROM tidemark_key_audit ORDER BY number");
      return {
        rows: rows.map((raw) => readKeyAudit(raw, this.#path)),
        tail: this.#tail(),
        keys: this.#rows(),
      };
    }, "BEGIN");
  }

  #row(id: string): KeyRow | null {
    const raw = this.#sql.get("SELECT * FROM tidemark_keys WHERE id = ?", id);
    return raw === undefined ? null : readKeyRow(raw, this.#path);
  }

  #rows(): KeyRow[] {
    return this.#sql
      .all("SELECT * FROM tidemark_keys ORDER BY created_at_utc, id")
      .map((raw) => readKeyRow(raw, this.#path));
  }

  #tail(): ChainLink {
    const row = this.#sql.get("SELECT audit_number, audit_head FROM tidemark_key_schema");
    return { number: Number(row?.audit_number), hash: String(row?.audit_head) };
  }

  async #transact<T>(work: () => T, begin = "BEGIN IMMEDIATE"): Promise<T> {
    try {
      return await whenFree(() => this.#attempt(work, begin));
    } catch (error) {
      throw stateFileError(error, this.#path);
    }
  }

  #attempt<T>(work: () => T, begin: string): T {
    this.#db.exec(begin);
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#db.isOpen) this.#db.close();
  }
}

function inOrder<Name extends string, Value>(columns: readonly Name[], fields: Record<Name, Value>): Value[] {
  return columns.map((name) => fields[name]);
}

function marks(columns: readonly string[]): string {
  return columns.map(() => "?").join(", ");
}

/** The step that the file's tables have; 0 where it has none. */
function versionOf(db: SqliteHandle): number {
  const found = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'tidemark_key_schema'").get();
  if (found === undefined) return 0;
  return Number(db.prepare("SELECT version FROM tidemark_key_schema").get()?.version);
}
