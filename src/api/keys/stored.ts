import { compareTexts } from "../../model/text-order.ts";
import { columnNames, decode, encode } from "../../state/derive/table.ts";
import type { ChainLink } from "../../state/hash-chain.ts";
import { insertion } from "../../state/storage/postgres/columns.ts";
import { statement } from "../../state/storage/postgres/statement.ts";
import { got, type Work } from "../../state/work.ts";
import type { KeyDatabase, RunKeyStatement } from "./database.ts";
import type { KeyStorage } from "./store.ts";
import { apiKeys, type KeyAuditRecord, type KeyRow, keyAudit, revocationColumns } from "./tables.ts";

/** Keys in a database, the same in each. */
export class StoredKeys implements KeyStorage {
  readonly #database: KeyDatabase;
  readonly #sql: KeyStatements;

  constructor(database: KeyDatabase) {
    this.#database = database;
    this.#sql = statementsIn(database.schemaPrefix);
  }

  async find(id: string): Promise<KeyRow | null> {
    return this.#keys(await this.#database.run(this.#sql.find, { id }))[0] ?? null;
  }

  async list(): Promise<KeyRow[]> {
    return byCreation(this.#keys(await this.#database.run(this.#sql.list, {})));
  }

  async change(id: string, decide: Parameters<KeyStorage["change"]>[1]): Promise<void> {
    await this.#database.change((run) => this.#change(run, id, decide));
  }

  *#change(run: RunKeyStatement, id: string, decide: Parameters<KeyStorage["change"]>[1]): Work<void> {
    const tail = tailOf(yield* got(run(this.#sql.tail, {})));
    const [counted] = yield* got(run(this.#sql.count, {}));
    const [row = null] = this.#keys(yield* got(run(this.#sql.find, { id })));
    const made = decide({ row, keys: Number(counted?.keys), tail });
    if (made === null) return;
    yield* got(run(this.#sql.save, encode(apiKeys, made.row)));
    yield* got(run(this.#sql.append, encode(keyAudit, made.audit)));
    yield* got(run(this.#sql.moveTail, { number: made.audit.number, hash: made.audit.hash }));
  }

  async touch(id: string, atUtc: string, unlessAfterUtc: string): Promise<void> {
    await this.#database.run(this.#sql.touch, { id, at: atUtc, before: unlessAfterUtc });
  }

  audit(): ReturnType<KeyStorage["audit"]> {
    return this.#database.snapshot((run) => this.#audit(run));
  }

  *#audit(run: RunKeyStatement): Work<Awaited<ReturnType<KeyStorage["audit"]>>> {
    const log = yield* got(run(this.#sql.log, {}));
    const tail = tailOf(yield* got(run(this.#sql.tail, {})));
    const keys = byCreation(this.#keys(yield* got(run(this.#sql.list, {}))));
    const rows: KeyAuditRecord[] = log.map((raw) => decode(keyAudit, raw, this.#holder));
    return { rows, tail, keys };
  }

  #keys(rows: readonly unknown[]): KeyRow[] {
    return rows.map((raw) => decode(apiKeys, raw, this.#holder));
  }

  get #holder(): string {
    return `${this.#database.place}: the API keys`;
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

function byCreation(rows: KeyRow[]): KeyRow[] {
  return rows.sort((a, b) => compareTexts(a.createdAtUtc, b.createdAtUtc) || compareTexts(a.id, b.id));
}

function tailOf([row]: readonly Readonly<Record<string, unknown>>[]): ChainLink {
  return { number: Number(row?.audit_number), hash: String(row?.audit_head) };
}

type KeyStatements = ReturnType<typeof statementsIn>;

function statementsIn(prefix: string) {
  const keys = `${prefix}${apiKeys.name}`;
  const log = `${prefix}${keyAudit.name}`;
  const end = `${prefix}tidemark_key_schema`;
  const revocation = revocationColumns.map((column) => `${column} = excluded.${column}`);
  return {
    find: statement("find_key", ["id"], `SELECT * FROM ${keys} WHERE id = $id`),
    list: statement("list_keys", [], `SELECT * FROM ${keys}`),
    count: statement("count_keys", [], `SELECT count(*) AS keys FROM ${keys}`),
    save: statement(
      "save_key",
      columnNames(apiKeys),
      `${insertion(keys, apiKeys)} ON CONFLICT (id) DO UPDATE SET ${revocation.join(", ")}`,
    ),
    touch: statement(
      "touch_key",
      ["id", "at", "before"],
      `UPDATE ${keys} SET last_used_at_utc = $at
       WHERE id = $id AND (last_used_at_utc IS NULL OR last_used_at_utc <= $before)`,
    ),
    log: statement("key_log", [], `SELECT * FROM ${log} ORDER BY number`),
    append: statement("append_key_log", columnNames(keyAudit), insertion(log, keyAudit)),
    tail: statement("key_tail", [], `SELECT audit_number, audit_head FROM ${end}`),
    moveTail: statement(
      "move_key_tail",
      ["number", "hash"],
      `UPDATE ${end} SET audit_number = $number, audit_head = $hash`,
    ),
  };
}
