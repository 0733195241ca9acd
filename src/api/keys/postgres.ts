import type { ChainLink } from "../../state/hash-chain.ts";
import { StateDatabase } from "../../state/storage/postgres/database.ts";
import type { Runner, Session } from "../../state/storage/postgres/session.ts";
import { statement } from "../../state/storage/postgres/statement.ts";
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
    id text COLLATE "C" PRIMARY KEY,
    name text,
    scope text NOT NULL,
    connectors text,
    hash text NOT NULL,
    created_at_utc text NOT NULL,
    created_by text NOT NULL,
    expires_at_utc text,
    revoked_at_utc text,
    revoked_by text,
    last_used_at_utc text COLLATE "C"
  );
  CREATE TABLE tidemark_key_audit (
    number bigint PRIMARY KEY,
    key_id text NOT NULL,
    at_utc text NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    terms text NOT NULL,
    hash text NOT NULL
  );
  CREATE TABLE tidemark_key_schema (
    version integer NOT NULL,
    audit_number bigint NOT NULL,
    audit_head text NOT NULL
  );
  INSERT INTO tidemark_key_schema VALUES (1, 0, '');
  `,
];

/** Any number would do; it only has to be the same in every version. */
const lockNumber = 1_953_260_902;

const lockSchema = statement(
  "lock_keys",
  [],
  `SELECT pg_advisory_xact_lock(${lockNumber}, hashtext(current_schema()))`,
);
const hasTables = statement(
  "has_keys",
  [],
  `SELECT EXISTS (
     SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = current_schema() AND c.relname = 'tidemark_key_schema') AS found`,
);

/**
 * Keys in the PostgreSQL database that holds the state. Without `create`, null where it has none.
 * Throws as `openPostgresState` does.
 */
export async function postgresKeys(
  url: string,
  { create }: { readonly create: boolean },
): Promise<KeyStorage | null> {
  const database = await StateDatabase.open(url);
  try {
    const sql = statementsOn(database.schema);
    if (!create && !(await isThere(database))) {
      await database.close();
      return null;
    }
    await database.transact(true, (session) => migrate(session, sql));
    return new PostgresKeys(database, sql);
  } catch (error) {
    await database.close();
    throw error;
  }
}

class PostgresKeys implements KeyStorage {
  readonly #database: StateDatabase;
  readonly #sql: KeyStatements;

  constructor(database: StateDatabase, sql: KeyStatements) {
    this.#database = database;
    this.#sql = sql;
  }

  find(id: string): Promise<KeyRow | null> {
    return this.#row(this.#database, id);
  }

  list(): Promise<KeyRow[]> {
    return this.#rows(this.#database);
  }

  /** Not repeated where its outcome is unknown: a key made twice would be two. */
  async change(id: string, decide: Parameters<KeyStorage["change"]>[1]): Promise<void> {
    await this.#database.transact(false, async (session) => {
      // The one row is locked, so that changes follow one another and the log has no gap.
      const tail = tailOf(await session.run(this.#sql.lockTail, {}));
      const [counted] = await session.run(this.#sql.count, {});
      const row = await this.#row(session, id);
      const made = decide({ row, keys: Number(counted?.keys), tail });
      if (made === null) return;
      await session.run(this.#sql.save, keyFields(made.row));
      await session.run(this.#sql.append, auditFields(made.audit));
      await session.run(this.#sql.moveTail, { number: made.audit.number, hash: made.audit.hash });
    });
  }

  async touch(id: string, atUtc: string, unlessAfterUtc: string): Promise<void> {
    await this.#database.run(this.#sql.touch, { id, at: atUtc, before: unlessAfterUtc });
  }

  audit(): ReturnType<KeyStorage["audit"]> {
    return this.#database.transact(
      true,
      async (session) => {
        const rows = await session.run(this.#sql.log, {});
        return {
          rows: rows.map((raw) => readKeyAudit(raw, session.place)),
          tail: tailOf(await session.run(this.#sql.tail, {})),
          keys: await this.#rows(session),
        };
      },
      "ISOLATION LEVEL REPEATABLE READ READ ONLY",
    );
  }

  async #row(runner: Runner, id: string): Promise<KeyRow | null> {
    const [raw] = await runner.run(this.#sql.find, { id });
    return raw === undefined ? null : readKeyRow(raw, runner.place);
  }

  async #rows(runner: Runner): Promise<KeyRow[]> {
    return (await runner.run(this.#sql.list, {})).map((raw) => readKeyRow(raw, runner.place));
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

type KeyStatements = ReturnType<typeof statementsOn>;

function statementsOn(schema: string) {
  const quoted = `"${schema.replaceAll('"', '""')}"`;
  const keys = `${quoted}.tidemark_keys`;
  const log = `${quoted}.tidemark_key_audit`;
  const meta = `${quoted}.tidemark_key_schema`;
  const values = (columns: readonly string[]): string => columns.map((name) => `$${name}`).join(", ");
  return {
    find: statement("find_key", ["id"], `SELECT * FROM ${keys} WHERE id = $id`),
    list: statement("list_keys", [], `SELECT * FROM ${keys} ORDER BY created_at_utc COLLATE "C", id`),
    count: statement("count_keys", [], `SELECT count(*)::integer AS keys FROM ${keys}`),
    save: statement(
      "save_key",
      keyColumns,
      `INSERT INTO ${keys} (${keyColumns.join(", ")}) VALUES (${values(keyColumns)})
       ON CONFLICT (id) DO UPDATE SET revoked_at_utc = excluded.revoked_at_utc, revoked_by = excluded.revoked_by`,
    ),
    touch: statement(
      "touch_key",
      ["id", "at", "before"],
      `UPDATE ${keys} SET last_used_at_utc = $at
       WHERE id = $id AND (last_used_at_utc IS NULL OR last_used_at_utc <= $before)`,
    ),
    log: statement("key_log", [], `SELECT * FROM ${log} ORDER BY number`),
    append: statement(
      "append_key_log",
      auditColumns,
      `INSERT INTO ${log} (${auditColumns.join(", ")}) VALUES (${values(auditColumns)})`,
    ),
    tail: statement("key_tail", [], `SELECT audit_number, audit_head FROM ${meta}`),
    lockTail: statement("lock_key_tail", [], `SELECT audit_number, audit_head FROM ${meta} FOR UPDATE`),
    moveTail: statement(
      "move_key_tail",
      ["number", "hash"],
      `UPDATE ${meta} SET audit_number = $number, audit_head = $hash`,
    ),
    version: statement("key_version", [], `SELECT version FROM ${meta}`),
  };
}

async function isThere(runner: Runner): Promise<boolean> {
  const [row] = await runner.run(hasTables, {});
  return row?.found === "t";
}

async function migrate(session: Session, sql: KeyStatements): Promise<void> {
  await session.run(lockSchema, {});
  const [row] = (await isThere(session)) ? await session.run(sql.version, {}) : [];
  const version = Number(row?.version ?? 0);
  if (version > steps.length) throw keysTooNew(session.place, version, steps.length);
  if (version === steps.length) return;
  for (const step of steps.slice(version)) await session.script(step);
  await session.script(`UPDATE tidemark_key_schema SET version = ${steps.length}`);
}

function tailOf(rows: readonly Readonly<Record<string, unknown>>[]): ChainLink {
  return { number: Number(rows[0]?.audit_number), hash: String(rows[0]?.audit_head) };
}
