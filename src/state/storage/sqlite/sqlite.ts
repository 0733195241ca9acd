import { realpathSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock } from "../../../clock.ts";
import type { OpenTransaction } from "../../../databases/port.ts";
import { isBusy, whenFree } from "../../../databases/sqlite/busy.ts";
import type { BetterSqlite3, SqliteHandle } from "../../../databases/sqlite/handle.ts";
import { Statements } from "../../../databases/sqlite/statements.ts";
import { messageOf, TidemarkError } from "../../../errors.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { StorageAtOnce } from "../../at-once.ts";
import type { StateStore } from "../../contract.ts";
import { storeClosed } from "../../refusals.ts";
import type { RowStorage, RowTransaction, Transacting } from "../../row-storage.ts";
import { writeScratch } from "../../scratch.ts";
import { noTransaction, type RunStatement, statementsOf } from "../../statement-runner.ts";
import { StreamStateStore } from "../../store.ts";
import { openStateFile, stateFileError } from "./file.ts";
import { replayed } from "./replayed.ts";
import { SqliteRows } from "./rows.ts";

/**
 * State in an SQLite file: the default, for one machine and without a server. The file is made where
 * there is none. Throws `STATE_UNREADABLE`, `STATE_TOO_NEW`, `STATE_UNAVAILABLE`.
 *
 * `complete` and `checkpoint` take a `DatabaseSync` on the same file, after `BEGIN IMMEDIATE`, as
 * the caller's own transaction, or what `statementsOf` takes.
 */
export async function openSqliteState(
  path: string,
  options: { readonly clock?: Clock; readonly driver?: BetterSqlite3 | undefined } = {},
): Promise<StateStore> {
  return new StreamStateStore(
    new StorageAtOnce(new SqliteStorage(path, options.driver), options.clock ?? systemClock),
  );
}

class SqliteStorage implements RowStorage {
  readonly databaseIdentity: string;
  readonly #file: string;
  readonly #db: SqliteHandle;
  readonly #rows: SqliteRows;
  /** Whether the file is open by Node's own SQLite. */
  readonly #isNodes: boolean;
  /** Rows over callers' own connections, which keep their prepared statements as ours do. */
  readonly #borrowed = new WeakMap<DatabaseSync, SqliteRows>();

  constructor(path: string, driver: BetterSqlite3 | undefined) {
    this.#db = openStateFile(path, driver);
    this.#isNodes = driver === undefined;
    this.#file = realpathSync(path);
    this.databaseIdentity = `sqlite:${this.#file}`;
    this.#rows = new SqliteRows(new Statements(this.#db), this.#file);
  }

  async read<T>(work: (tx: RowTransaction) => T): Promise<T> {
    return this.#within("BEGIN", work);
  }

  /**
   * It writes the number that is already there; the page is still written and synced. On a full disk a small commit may
   * fit into the existing write-ahead log, so a temporary file is written as well.
   */
  async probe(): Promise<void> {
    await this.#within("BEGIN IMMEDIATE", () => {
      const [known = 0] = Object.values(this.#db.prepare("PRAGMA user_version").get() ?? {});
      this.#db.exec(`PRAGMA user_version = ${Number(known)}`);
      writeScratch(`${this.#file}-probe`);
    });
  }

  async transact<T>(
    _: StreamKey,
    work: (tx: RowTransaction) => T,
    { transaction, relaxed = false }: Transacting = {},
  ): Promise<T> {
    return transaction === undefined
      ? this.#within("BEGIN IMMEDIATE", work, relaxed)
      : this.#isNodes && transaction instanceof DatabaseSync
        ? this.#withinCallers(transaction, work)
        : this.#withinForeign(transaction, work);
  }

  async #within<T>(begin: string, work: (tx: RowTransaction) => T, relaxed = false): Promise<T> {
    try {
      return await whenFree(() => (relaxed ? this.#relaxed(begin, work) : this.#attempt(begin, work)));
    } catch (error) {
      throw stateFileError(error, this.#file);
    }
  }

  /** Without waiting for the disk: the next full commit or the system syncs it. */
  #relaxed<T>(begin: string, work: (tx: RowTransaction) => T): T {
    if (!this.#db.isOpen) throw storeClosed(this.#file);
    this.#db.exec("PRAGMA synchronous = NORMAL");
    try {
      return this.#attempt(begin, work);
    } finally {
      this.#db.exec("PRAGMA synchronous = FULL");
    }
  }

  #attempt<T>(begin: string, work: (tx: RowTransaction) => T): T {
    if (!this.#db.isOpen) throw storeClosed(this.#file);
    this.#db.exec(begin);
    try {
      this.#rows.begun();
      const result = work(this.#rows);
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      this.#rows.rolledBack();
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  #withinCallers<T>(transaction: DatabaseSync, work: (tx: RowTransaction) => T): T {
    const { db, rows } = this.#borrow(transaction);
    try {
      db.exec("SAVEPOINT tidemark");
      try {
        rows.joined();
        const result = work(rows);
        db.exec("RELEASE tidemark");
        return result;
      } catch (error) {
        if (db.isTransaction) db.exec("ROLLBACK TO tidemark; RELEASE tidemark");
        throw error;
      }
    } catch (error) {
      throw stateFileError(error, this.#file);
    }
  }

  /** In a transaction of another driver, or of a query builder, which may answer later. */
  async #withinForeign<T>(transaction: OpenTransaction, work: (tx: RowTransaction) => T): Promise<T> {
    const run = statementsOf(transaction);
    if (run === null) {
      throw noTransaction(
        "it is no DatabaseSync after BEGIN IMMEDIATE, and nothing else that runs a statement",
      );
    }
    await this.#assertSameLibrary(run);
    await this.#assertHeld(run);
    try {
      return await replayed(run, (statements) => {
        const rows = new SqliteRows(statements, this.#file);
        rows.joined();
        return work(rows);
      });
    } catch (error) {
      throw stateFileError(error, this.#file);
    }
  }

  /**
   * Refuses a connection of another copy of SQLite in this process, as better-sqlite3 has one. POSIX locks are a
   * process's and not a connection's, so that two copies do not see each other's: both may write at once,
   * and damage the file.
   */
  async #assertSameLibrary(run: RunStatement): Promise<void> {
    const ask =
      "SELECT sqlite_source_id() AS id, (SELECT group_concat(compile_options) FROM pragma_compile_options) AS options";
    const own = this.#db.prepare(ask).get();
    const [theirs] = await run(ask);
    if (theirs?.id === own?.id && theirs?.options === own?.options) return;
    throw new TidemarkError(
      "ARGUMENT_INVALID",
      "the transaction cannot be used: it is of another copy of SQLite than the state's, and two copies in one process do not see each other's locks",
      {
        hint: "Write the rows by the library that the state is open by: by `node:sqlite`, by itself or below Kysely; or open the state by better-sqlite3 too, openState(url, { sqlite: Database }).",
      },
    );
  }

  /**
   * Refuses what does not hold the right to write to the state's file: no transaction, or one on another file. A
   * statement that changes nothing takes that right in the caller's transaction, and then nobody else can.
   */
  async #assertHeld(run: RunStatement): Promise<void> {
    try {
      await run("UPDATE tidemark_streams SET scope = scope WHERE 0 RETURNING 1 AS done");
    } catch (error) {
      throw /no such table/.test(messageOf(error)) ? this.#elsewhere() : stateFileError(error, this.#file);
    }
    try {
      this.#db.exec("BEGIN IMMEDIATE");
    } catch (error) {
      if (isBusy(error)) return;
      throw stateFileError(error, this.#file);
    }
    this.#db.exec("ROLLBACK");
    throw this.#elsewhere();
  }

  #elsewhere(): TidemarkError {
    return noTransaction(`it has not begun, or is not on the state's file ${this.#file}`);
  }

  #borrow(transaction: DatabaseSync): { db: DatabaseSync; rows: SqliteRows } {
    if (!transaction.isOpen || !transaction.isTransaction) {
      throw noTransaction("it has not begun; run BEGIN IMMEDIATE first");
    }
    const known = this.#borrowed.get(transaction);
    if (known !== undefined) return { db: transaction, rows: known };
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
    return { db: transaction, rows };
  }

  async close(): Promise<void> {
    if (this.#db.isOpen) this.#db.close();
  }
}
