import { realpathSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";
import type { OpenTransaction } from "../../sql/port.ts";
import type { StateStore } from "../contract.ts";
import { RowStateStore, type RowStorage, type RowTransaction } from "../row-store.ts";
import { openStateFile, stateFileError } from "./file.ts";
import { SqliteRows } from "./rows.ts";
import { Statements } from "./statements.ts";

/**
 * State in an SQLite file: the default, for one machine and without a server. The file is made where
 * there is none. Throws `STATE_UNREADABLE`, `STATE_TOO_NEW`, `STATE_UNAVAILABLE`.
 */
export async function openSqliteState(path: string, options: { clock?: Clock } = {}): Promise<StateStore> {
  return new RowStateStore(new SqliteStorage(path), options.clock ?? systemClock);
}

class SqliteStorage implements RowStorage {
  readonly databaseIdentity: string;
  readonly #file: string;
  readonly #db: DatabaseSync;
  readonly #rows: SqliteRows;
  /** Rows over callers' own connections, which keep their prepared statements as ours do. */
  readonly #borrowed = new WeakMap<DatabaseSync, SqliteRows>();

  constructor(path: string) {
    this.#db = openStateFile(path);
    this.#file = realpathSync(path);
    this.databaseIdentity = `sqlite:${this.#file}`;
    this.#rows = new SqliteRows(new Statements(this.#db), this.#file);
  }

  async read<T>(work: (tx: RowTransaction) => T): Promise<T> {
    return this.#within("BEGIN", work);
  }

  async transact<T>(work: (tx: RowTransaction) => T, transaction?: OpenTransaction): Promise<T> {
    if (transaction === undefined) return this.#within("BEGIN IMMEDIATE", work);
    try {
      return work(this.#borrow(transaction));
    } catch (error) {
      throw stateFileError(error, this.#file);
    }
  }

  #within<T>(begin: string, work: (tx: RowTransaction) => T): T {
    try {
      this.#db.exec(begin);
      const result = work(this.#rows);
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#db.isOpen && this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw stateFileError(error, this.#file);
    }
  }

  #borrow(transaction: OpenTransaction): SqliteRows {
    if (!(transaction instanceof DatabaseSync) || !transaction.isTransaction) {
      throw new TidemarkError(
        "ARGUMENT_INVALID",
        "the transaction is not an open one: SQLite state takes a DatabaseSync after BEGIN",
      );
    }
    const known = this.#borrowed.get(transaction);
    if (known !== undefined) return known;
    const location = transaction.location();
    if (location === null || realpathSync(location) !== this.#file) {
      throw new TidemarkError(
        "ARGUMENT_INVALID",
        `the transaction is on ${location ?? "a database in memory"}, and the state is in ${this.#file}`,
        { hint: "Open the connection on the state's own file, so that one commit covers both." },
      );
    }
    const rows = new SqliteRows(new Statements(transaction), this.#file);
    this.#borrowed.set(transaction, rows);
    return rows;
  }

  async close(): Promise<void> {
    if (this.#db.isOpen) this.#db.close();
  }
}
