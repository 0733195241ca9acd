import { randomUUID } from "node:crypto";
import { isTidemarkError } from "../../../errors.ts";
import { stringifyJson } from "../../../model/json.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { checkBegin, checkCheckpoint, checkCompletion, checkFailure } from "../../arguments.ts";
import { committedText } from "../../committed-text.ts";
import type {
  BeginOptions,
  Checkpoint,
  Completion,
  Failure,
  PartitionMove,
  Run,
  RunRef,
  StreamState,
  WriteContext,
} from "../../contract.ts";
import * as lifecycle from "../../lifecycle.ts";
import { type Beside, type Change, runRef, type StreamRow, scopeOf } from "../../rows.ts";
import { defaultLeaseSeconds } from "../../tables.ts";
import { streamState } from "../../view.ts";
import { streamRow, textOf } from "./columns.ts";
import { LastSeen, type Seen } from "./last-seen.ts";
import type { Ledger } from "./ledger.ts";
import { asBegun, asStored, moveOf, seenValues } from "./move.ts";
import { positionParameter } from "./parameters.ts";
import type { Runner } from "./session.ts";
import type { Row, Statement, Value } from "./statement.ts";
import type { Steps } from "./steps.ts";

/** A step of the lifecycle on a stream's row: what it changes, null where that is done already; throws to refuse. */
type Step = (row: StreamRow | null, now: number) => Change | null;
type BesideStep = (row: StreamRow | null, now: number, beside: Beside) => Change | null;

const nothingBeside: Beside = {
  edits: "refuse",
  partition: () => null,
  backfilled: () => [],
  removed: () => null,
};

/**
 * The steps of a run. Each is taken at first on the row as this process last saw it, and stored by
 * one statement that takes effect only where that is still the row. Where it is not, or the step
 * refuses, or has something rarer to do, the step is taken again on the row as it is read, and stored
 * under its lock.
 */
export class RunSteps {
  readonly #ledger: Ledger;
  readonly #steps: Steps;
  readonly #lastSeen = new LastSeen();

  constructor(ledger: Ledger, steps: Steps) {
    this.#ledger = ledger;
    this.#steps = steps;
  }

  async begin(key: StreamKey, options: BeginOptions): Promise<Run> {
    checkBegin(key, options);
    const runId = options.runId ?? randomUUID();
    const kind = options.kind ?? "live";
    const row = kind === "live" ? await this.#beginAtOnce(key, runId, options) : null;
    if (row === null) return this.#beginByRule(key, runId, options);
    const lowerBoundText = committedText(row.cursorType, row.position);
    return lifecycle.grantedRun({ row, supersededRunId: null, lowerBoundText }, runRef(row, runId, options));
  }

  async #beginAtOnce(key: StreamKey, runId: string, options: BeginOptions): Promise<StreamRow | null> {
    const { database } = this.#ledger;
    const { cursorType, epochFloor = 0, actor = null, owner } = options;
    const values = {
      ...key,
      scope: "",
      run_id: runId,
      cursor_type: cursorType,
      epoch_floor: epochFloor,
      actor,
      lease_seconds: options.leaseSeconds ?? defaultLeaseSeconds,
      owner: owner === undefined ? null : stringifyJson(owner),
    };
    const seen = this.#lastSeen.of(key, "");
    const begun = seen === null ? null : begunAgain(seen.row, runId, options);
    if (seen !== null && begun !== null) {
      const told = await one(database, this.#steps.beginAgain, { ...values, ...seenValues(seen) });
      if (told !== null) return this.#remember(asBegun(begun, told, database.place), seen.position);
    }
    const told = await one(database, this.#steps.begin, values);
    if (told === null) return null;
    return this.#remember(streamRow(told, database.place), textOf(told, "position", database.place));
  }

  async #beginByRule(key: StreamKey, runId: string, options: BeginOptions): Promise<Run> {
    const kind = options.kind ?? "live";
    const scope = scopeOf({ ...options, kind, runId });
    const subject = { key, scope, compares: true, ...(options.runId === undefined ? {} : { runId }) };
    let told: Pick<lifecycle.Begun, "supersededRunId" | "lowerBoundText"> = {
      supersededRunId: null,
      lowerBoundText: null,
    };
    const { row, changed } = await this.#ledger.decide({}, subject, async (found, rows) => {
      const live = scope === "" ? found.row : (await rows.read(key, "")).row;
      lifecycle.refuseEndedRun(found.row, found.run);
      const typed = live ?? found.row;
      const hasOthers =
        typed !== null &&
        lifecycle.changesType(typed, options.cursorType) &&
        (await rows.partitions.hasAny(key, typed.scope, typed.resetEpoch));
      const begun = lifecycle.begin(found.row, live, key, runId, options, found.now, hasOthers);
      told = begun;
      return begun.runs.length === 0 ? null : begun;
    });
    if (changed) this.#remember(row, positionParameter(key, row.position));
    return lifecycle.grantedRun({ ...told, row }, runRef(row, runId, options));
  }

  async heartbeat(run: RunRef): Promise<void> {
    const scope = scopeOf(run);
    const values = { ...run.key, scope, run_id: run.runId, epoch: run.epoch };
    if ((await one(this.#ledger.database, this.#steps.heartbeat, values)) !== null) return;
    await this.#byRule(run, {}, (held, now) => ({
      row: lifecycle.heartbeat(held, run, now),
      runs: [],
      audit: [],
    }));
  }

  async checkpoint(run: RunRef, made: Checkpoint, context: WriteContext): Promise<void> {
    checkCheckpoint(run.key, made);
    await this.#takeBeside(run, context, made.partitions ?? [], (row, now, beside) =>
      lifecycle.checkpoint(row, run, made, now, beside),
    );
  }

  async complete(run: RunRef, done: Completion, context: WriteContext): Promise<StreamState> {
    checkCompletion(run.key, done);
    const completes: BesideStep = (row, now, beside) => lifecycle.complete(row, run, done, now, beside);
    const covers = run.kind === "backfill" ? [null] : [];
    return streamState(await this.#takeBeside(run, context, done.partitions ?? [], completes, covers));
  }

  async fail(run: RunRef, failure: Failure): Promise<StreamState> {
    checkFailure(run.key, failure);
    const step: Step = (row, now) => lifecycle.fail(row, run, failure, now);
    return streamState(await this.#take(run, {}, step, false));
  }

  async #take(run: RunRef, context: WriteContext, step: Step, compares = true): Promise<StreamRow> {
    const moved = await this.#ledger.using(context, (runner) => this.#moveAtOnce(runner, run, step));
    return moved ?? this.#byRule(run, context, step, compares);
  }

  /** A step that may need more than the run's row: partitions, and what backfills `covers` already. */
  async #takeBeside(
    run: RunRef,
    context: WriteContext,
    moves: readonly PartitionMove[],
    step: BesideStep,
    covers: readonly null[] = [],
  ): Promise<StreamRow> {
    if (moves.length === 0 && covers.length === 0) {
      return this.#take(run, context, (row, now) => step(row, now, nothingBeside));
    }
    const scope = scopeOf(run);
    const names = moves.map(({ partition }) => partition);
    const backfilled = scope === "" ? [] : [...covers, ...names];
    const { row, changed } = await this.#ledger.decideHeld(
      context,
      { key: run.key, scope, compares: true },
      async (held, rows) =>
        step(held.row, held.now, await rows.partitions.beside(run.key, scope, names, backfilled, "refuse")),
    );
    if (changed) this.#remember(row, positionParameter(run.key, row.position));
    return row;
  }

  /** Null where nothing was changed. */
  async #moveAtOnce(runner: Runner, run: RunRef, step: Step): Promise<StreamRow | null> {
    const seen = await this.#seenBy(runner, run);
    const change = seen === null ? null : taken(step, seen.row);
    if (seen === null || change === null) return null;
    const { shape, values } = moveOf(seen, change);
    const told = await one(runner, this.#steps.move(shape), values);
    return told === null ? null : this.#remember(asStored(change.row, told, runner.place), values.position);
  }

  /** The run's row as it was last seen; one look more where another process began the run. */
  async #seenBy(runner: Runner, run: RunRef): Promise<Seen | null> {
    const scope = scopeOf(run);
    const known = this.#lastSeen.of(run.key, scope);
    if (known?.row.runId === run.runId && known.row.epoch === run.epoch) return known;
    const { row, position } = await this.#ledger.rowsOn(runner).read(run.key, scope);
    return row === null || position === null ? null : { row, position };
  }

  /** `compares`: whether the step is refused on a row that was changed outside Tidemark. A run may always fail. */
  async #byRule(run: RunRef, context: WriteContext, step: Step, compares = false): Promise<StreamRow> {
    const subject = { key: run.key, scope: scopeOf(run), compares };
    const { row, changed } = await this.#ledger.decide(context, subject, async ({ row: held, now }) =>
      step(held, now),
    );
    if (changed) this.#remember(row, positionParameter(run.key, row.position));
    return row;
  }

  #remember(row: StreamRow, position: string): StreamRow {
    this.#lastSeen.set({ row, position });
    return row;
  }
}

/** What the step makes of a row that may be out of date; null where it refuses or has nothing to do. */
function taken(step: Step, seen: StreamRow): Change | null {
  try {
    return step(seen, seen.updatedAt);
  } catch (error) {
    // Whether it is so is for the row to tell that is stored now.
    if (isTidemarkError(error)) return null;
    throw error;
  }
}

/** The row with the new run, where that is all that there is to it. */
function begunAgain(seen: StreamRow, runId: string, options: BeginOptions): StreamRow | null {
  if (seen.status === "running" || lifecycle.changesType(seen, options.cursorType)) return null;
  const step: Step = (row, now) => lifecycle.begin(row, seen, seen.key, runId, options, now, false);
  return taken(step, seen)?.row ?? null;
}

/** What the rules have better words for: a run id that the history has, a position that is no JSON. */
const forTheRules: readonly unknown[] = ["23505", "22P02"];

/** The statement's row; null where it changed nothing. */
async function one<P extends string>(
  runner: Runner,
  statement: Statement<P>,
  values: Readonly<Record<P, Value>>,
): Promise<Row | null> {
  try {
    const [row = null] = await runner.run(statement, values);
    return row;
  } catch (error) {
    if (isTidemarkError(error) && forTheRules.includes(error.details?.sqlState)) return null;
    throw error;
  }
}
