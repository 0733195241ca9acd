import type { StreamKey } from "../../../model/stream-key.ts";
import type { WriteContext } from "../../contract.ts";
import { streamNotFound } from "../../refusals.ts";
import type { Change, StreamRow } from "../../rows.ts";
import { comparedFound } from "./compared-row.ts";
import type { StateDatabase } from "./database.ts";
import { stateError } from "./errors.ts";
import type { Queries } from "./queries.ts";
import { type Found, PostgresRows } from "./rows.ts";
import type { Runner } from "./session.ts";
import { Transactions } from "./transaction.ts";

/** One step of the lifecycle: what it changes, null where all is as it is to be; it throws to refuse. */
type Step = (found: Found, rows: PostgresRows) => Promise<Change | null>;

/** Which row a step is about, and which run it has to know of beside it. */
export interface Subject {
  readonly key: StreamKey;
  readonly scope: string;
  readonly runId?: string;
  /** Whether the step is refused on a live row that was changed outside Tidemark. */
  readonly compares?: boolean;
}

/** The row after a step, and whether that changed it. */
export interface Taken {
  readonly row: StreamRow;
  readonly changed: boolean;
}

/** The stored rows and the ways to them: by the pool's connections or in a caller's transaction. */
export class Ledger {
  readonly database: StateDatabase;
  readonly rows: PostgresRows;
  readonly #queries: Queries;
  readonly #transactions: Transactions;

  constructor(database: StateDatabase, queries: Queries) {
    this.database = database;
    this.#queries = queries;
    this.rows = this.rowsOn(database);
    this.#transactions = new Transactions(database);
  }

  rowsOn(runner: Runner): PostgresRows {
    return new PostgresRows(runner, this.#queries);
  }

  /** Does work by the caller's transaction if there is one, and by the pool otherwise. */
  async using<T>(context: WriteContext, work: (runner: Runner) => Promise<T>): Promise<T> {
    if (context.transaction === undefined) return work(this.database);
    try {
      return await work(await this.#transactions.join(context.transaction));
    } catch (error) {
      this.database.noteFailure(error);
      throw stateError(error, this.database.place);
    }
  }

  /**
   * Takes a step by the rules. The step is asked twice: first without holding the row, since most of
   * what comes here is refused, then with it. What it decides must bear being repeated.
   */
  async decide(context: WriteContext, subject: Subject, step: Step): Promise<Taken> {
    const { key, scope, runId } = subject;
    return this.using(context, async (runner) => {
      const rows = this.rowsOn(runner);
      const found = await rows.read(key, scope, runId);
      if ((await step(found, rows)) === null) return unchanged(found.row, key);
      if (context.transaction === undefined) return this.inTurn(true, subject, step);
      return (await take(rows, subject, step)) ?? unchanged(null, key);
    });
  }

  /** As `decide`, without a look at the row before it is held: for steps that read more beside it. */
  async decideHeld(context: WriteContext, subject: Subject, step: Step): Promise<Taken> {
    if (context.transaction === undefined) return this.inTurn(true, subject, step);
    return this.using(
      context,
      async (runner) => (await take(this.rowsOn(runner), subject, step)) ?? unchanged(null, subject.key),
    );
  }

  /** Takes a step in a transaction of its own. */
  async inTurn(repeatable: boolean, subject: Subject, step: Step): Promise<Taken> {
    for (;;) {
      const taken = await this.database.transact(repeatable, (session) =>
        take(this.rowsOn(session), subject, step),
      );
      if (taken !== null) return taken;
    }
  }
}

/** Null where the row was missing and another has made it meanwhile. */
async function take(
  rows: PostgresRows,
  { key, scope, runId, compares = false }: Subject,
  step: Step,
): Promise<Taken | null> {
  const held = await rows.lock(key, scope, runId);
  if (compares && scope === "") await comparedFound(rows, key, held, "refuse");
  const change = await step(held, rows);
  if (change === null) return unchanged(held.row, key);
  return (await rows.store(change, held.row)) ? { row: change.row, changed: true } : null;
}

function unchanged(row: StreamRow | null, key: StreamKey): Taken {
  if (row === null) throw streamNotFound(key);
  return { row, changed: false };
}
