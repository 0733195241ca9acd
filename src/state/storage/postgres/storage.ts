import { isTidemarkError } from "../../../errors.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { readAuditRecord } from "../../codec.ts";
import { agreesWithLog } from "../../compared-row.ts";
import type { StreamRow } from "../../rows.ts";
import type { Rows, StateStorage, Stepping, Subject } from "../../state-storage.ts";
import { runInTurn, type Work } from "../../work.ts";
import { streamRow, textOf } from "./columns.ts";
import type { StateDatabase } from "./database.ts";
import { stateError } from "./errors.ts";
import { LastSeen } from "./last-seen.ts";
import { positionParameter } from "./parameters.ts";
import type { PostgresProbe } from "./probe.ts";
import type { Queries } from "./queries.ts";
import { HeldRows, PostgresRows, RowAppeared } from "./rows.ts";
import { assertKnownTables } from "./schema.ts";
import { Missed, NeedsHold, SeenRows, type Sight } from "./seen-rows.ts";
import type { Runner } from "./session.ts";
import { Transactions } from "./transaction.ts";
import type { Writes } from "./write-sql.ts";

/**
 * State on PostgreSQL.
 *
 * A step is taken in the first of these ways that succeeds:
 *
 * 1. On the row as this process remembers it, stored by one statement that compares and sets.
 * 2. The same on the row as it is read now. What the step refuses then is refused.
 * 3. In a transaction, with the row locked before it is read: for partitions, operators' acts, a takeover, a new stream,
 *    and a row that keeps changing.
 */
export class PostgresStorage implements StateStorage {
  readonly #database: StateDatabase;
  readonly #queries: Queries;
  readonly #writes: Writes;
  readonly #probe: PostgresProbe;
  readonly #transactions: Transactions;
  readonly #lastSeen = new LastSeen();

  constructor(
    database: StateDatabase,
    { queries, writes, probe }: { queries: Queries; writes: Writes; probe: PostgresProbe },
  ) {
    this.#database = database;
    this.#queries = queries;
    this.#writes = writes;
    this.#probe = probe;
    this.#transactions = new Transactions(database);
  }

  get databaseIdentity(): string {
    return this.#database.identity;
  }

  read<T>(work: (rows: Rows) => Work<T>): Promise<T> {
    return runInTurn(work(new PostgresRows(this.#database, this.#queries)));
  }

  snapshot<T>(work: (rows: Rows) => Work<T>): Promise<T> {
    return this.#database.transact(
      true,
      (session) => runInTurn(work(new PostgresRows(session, this.#queries))),
      "ISOLATION LEVEL REPEATABLE READ READ ONLY",
    );
  }

  async step<T>({ key, scope }: Subject, work: (rows: Rows) => Work<T>, how: Stepping = {}): Promise<T> {
    if (scope === null) return this.read(work);
    const once = how.once ?? false;
    if (how.transaction !== undefined) {
      const runner = await this.#join(how.transaction);
      return this.#withStateErrors(async () => {
        const taken = await this.#takeSeen(runner, key, scope, work);
        return taken === null ? this.#takeHeld(runner, scope, work) : taken.result;
      });
    }
    const taken = once ? null : await this.#takeSeen(this.#database, key, scope, work);
    if (taken !== null) return taken.result;
    for (;;) {
      try {
        return await this.#database.transact(!once, (session) => this.#takeHeld(session, scope, work));
      } catch (error) {
        if (!(error instanceof RowAppeared)) throw error;
      }
    }
  }

  #join(transaction: NonNullable<Stepping["transaction"]>): Promise<Runner> {
    return this.#withStateErrors(() => this.#transactions.join(transaction));
  }

  /** Runs work on a caller's connection, and converts its errors to errors of the state. */
  async #withStateErrors<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#database.noteFailure(error);
      throw stateError(error, this.#database.place);
    }
  }

  /** Takes a step on the row as it is remembered, or as it is read now. Null where neither can be. */
  async #takeSeen<T>(
    runner: Runner,
    key: StreamKey,
    scope: string,
    work: (rows: Rows) => Work<T>,
  ): Promise<{ readonly result: T } | null> {
    try {
      const known = this.#lastSeen.of(key, scope);
      const taken = known === null ? null : await this.#attempt(runner, { ...known, now: null }, work);
      if (taken !== null) return taken;
      const read = await this.#look(runner, key, scope);
      return read === null ? null : await this.#attempt(runner, read, work);
    } catch (error) {
      if (error instanceof NeedsHold) return null;
      throw error;
    }
  }

  async #attempt<T>(
    runner: Runner,
    sight: Sight,
    work: (rows: Rows) => Work<T>,
  ): Promise<{ readonly result: T } | null> {
    const rows = new SeenRows(runner, this.#queries, this.#writes, sight);
    const isRemembered = sight.now === null;
    try {
      const result = await runInTurn(work(rows));
      if (rows.stored !== null) this.#lastSeen.set(rows.stored);
      // Only the stored row can show that there is nothing to do; the cached row is not enough.
      return rows.stored === null && isRemembered ? null : { result };
    } catch (error) {
      if (error instanceof Missed) return null;
      // A refusal is final only if everything it depends on was just read.
      const isUncertain = isRemembered || rows.assumesNewRun;
      if (isUncertain && !rows.hasWritten && isTidemarkError(error)) return null;
      throw error;
    }
  }

  /** The row as it is stored now, with the end of its log; null where there is none. */
  async #look(runner: Runner, key: StreamKey, scope: string): Promise<Sight | null> {
    const { place } = this.#database;
    const [raw] = await runner.run(this.#queries.look, { ...key, scope });
    assertKnownTables(raw?.version, place);
    if (raw === undefined || raw.connector === null) return null;
    const row = streamRow(raw, place);
    const last = raw.last_audit == null ? null : readAuditRecord(JSON.parse(String(raw.last_audit)), place);
    return {
      row,
      position: textOf(raw, "position", place),
      now: Date.parse(textOf(raw, "now", place)),
      isCompared: agreesWithLog(row, last),
    };
  }

  /** Takes a step with the row held until the transaction ends. */
  async #takeHeld<T>(runner: Runner, scope: string, work: (rows: Rows) => Work<T>): Promise<T> {
    const rows = new HeldRows(runner, this.#queries, scope);
    const result = await runInTurn(work(rows));
    if (rows.stored !== null) this.#remember(rows.stored, rows.wasCompared);
    return result;
  }

  #remember(row: StreamRow, isCompared: boolean): void {
    if (row.positionWatermark !== undefined) this.#lastSeen.forget(row.key, row.scope);
    else this.#lastSeen.set({ row, position: positionParameter(row.key, row.position), isCompared });
  }

  probe(): Promise<void> {
    return this.#probe.write();
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
