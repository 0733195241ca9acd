import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";
import { addRange } from "../../model/coverage.ts";
import { compareCursorValues, stepCursor } from "../../model/cursor.ts";
import type { CursorRange } from "../../model/position.ts";
import { parseSliceStep, type SliceStep } from "../../model/slices.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import { millisecondsToTimestamp } from "../../model/timestamp.ts";
import type { BackfillState } from "../../state/contract.ts";
import type { CursorField, Incremental, Pipeline } from "../ports.ts";
import { attemptRun } from "./attempt.ts";
import { type BackfillPlan, isRanged } from "./plan-parts.ts";
import { cursorAskedFor } from "./requested-start.ts";
import type { RunResult } from "./result.ts";
import type { SyncOptions } from "./sync-options.ts";

export interface BackfillOptions extends Omit<SyncOptions, "fullRefresh" | "since" | "lookbackDays"> {
  /** The first cursor value to read; needed unless `resume` is given. */
  readonly from?: string;
  /** The last cursor value to read. Default: the live watermark, or now for a stream that was never read. */
  readonly to?: string;
  /** How the range is cut into slices, such as `P1D` or `1000`. Default: the pipeline's slices, or one piece. */
  readonly step?: string;
  /** How many slices are read at once. Default: the pipeline's setting, or 1. */
  readonly concurrency?: number;
  /** The id of an unfinished backfill to continue. */
  readonly resume?: string;
  /** Called with the range before anything is read; its id is what `resume` takes. */
  readonly onBegin?: (backfill: BackfillRange) => void;
}

/** A backfill's name and range. */
export interface BackfillRange {
  /** Pass this as `resume` to continue it. */
  readonly backfill: string;
  /** The first and the last cursor value of the range. */
  readonly from: string | null;
  readonly to: string;
}

/** The result of one run of a backfill. */
export interface BackfillResult extends RunResult, BackfillRange {}

/**
 * Reads a past range again, while live runs go on: the live watermark does not move (promise P11). Finished slices are
 * kept; another run with `resume` reads the rest. When all of it is read, the range counts as covered.
 *
 * Into an output that appends, only ranges that are not covered yet are read, since the rest would be there twice.
 *
 * Throws as `sync` does; `ARGUMENT_INVALID` for a range that cannot be read, for a `resume` id without an unfinished
 * backfill, and for streams that have no ordered cursor.
 *
 * ```ts
 * const result = await backfill(pipeline, { state, from: "2025-01-01", to: "2025-12-31", step: "P1D", concurrency: 4 });
 * ```
 */
export async function backfill(pipeline: Pipeline, options: BackfillOptions): Promise<BackfillResult> {
  const result = await attemptBackfill(pipeline, options);
  if (result.error !== null) throw result.error;
  return result;
}

/**
 * As `backfill`, but a run that failed is a result with its `error`. Throws only where no run can begin.
 *
 * ```ts
 * const { error, backfill } = await attemptBackfill(pipeline, { state, from: "2025-01-01" });
 * if (error !== null) await attemptBackfill(pipeline, { state, resume: backfill });
 * ```
 */
export async function attemptBackfill(pipeline: Pipeline, options: BackfillOptions): Promise<BackfillResult> {
  const field = leadingField(pipeline);
  const resumed = options.resume === undefined ? null : await resumable(pipeline, options, options.resume);
  const range = resumed ?? (await newRange(pipeline, options, field));
  const plan = await planOf(pipeline, options, field, range);
  const id = options.resume ?? randomUUID();
  const from = range.lower === null ? null : stepCursor(field.type, range.lower, field.precision, 1);
  const begun: BackfillRange = { backfill: id, from, to: range.upper };
  options.onBegin?.(begun);
  const result = await attemptRun(pipeline, options, {
    scope: `backfill/${id}`,
    begin: { kind: "backfill", backfill: id },
    plan: async () => plan,
  });
  return { ...result, ...begun };
}

function leadingField(pipeline: Pipeline): CursorField {
  const [field] = pipeline.input.incremental.cursors;
  if (field !== undefined && isRanged(pipeline)) return field;
  throw invalid(pipeline, "a backfill needs a stream that is read by a timestamp or an id", {
    hint: "Enable `statePersistence.timestamp` or `statePersistence.id`.",
  });
}

/** The range that an earlier run of the backfill stored. */
async function resumable(pipeline: Pipeline, options: BackfillOptions, id: string): Promise<CursorRange> {
  if (options.from !== undefined || options.to !== undefined) {
    throw invalid(pipeline, "a backfill that is resumed has its range already: leave out from and to");
  }
  const backfills = await options.state.backfills(pipeline.key);
  const found = backfills.find(({ backfill: known }) => known === id);
  if (found === undefined || found.status === "completed") {
    throw invalid(pipeline, `there is no backfill ${id} to go on with`, { hint: whichThereAre(backfills) });
  }
  const lower = found.range?.lower ?? null;
  const upper = found.range?.upper ?? null;
  if (upper === null) {
    throw invalid(pipeline, `backfill ${id} stopped before it had read anything, and kept no range`, {
      hint: "Begin it anew with --from and --to.",
    });
  }
  return { lower, upper };
}

function whichThereAre(backfills: readonly BackfillState[]): string {
  const open = backfills
    .filter(({ status, range }) => status !== "completed" && range !== null)
    .map(({ backfill: id }) => id);
  return open.length === 0
    ? "None is unfinished: begin one with --from and --to."
    : `Unfinished: ${open.join(", ")}.`;
}

async function newRange(
  pipeline: Pipeline,
  options: BackfillOptions,
  field: CursorField,
): Promise<CursorRange> {
  const { incremental } = pipeline.input;
  const { type, precision } = field;
  if (options.from === undefined) {
    throw invalid(pipeline, "a backfill needs to know where it begins", {
      hint: "Give --from (`from` in code), the first time or id to read, or --resume with the id of an unfinished backfill.",
    });
  }
  const from = cursorAskedFor(incremental, options.from, "from");
  const upper = await lastOf(pipeline, options, field);
  if (compareCursorValues(type, from, upper) > 0) {
    throw invalid(pipeline, `the backfill would end at ${upper}, before it begins at ${from}`);
  }
  // A range is (lower, upper], and `from` itself belongs to it.
  return { lower: stepCursor(type, from, precision, -1), upper };
}

/** The end of the range. It is never in the future, since records may still be added there. */
async function lastOf(pipeline: Pipeline, options: BackfillOptions, field: CursorField): Promise<string> {
  const { state, to, clock = systemClock } = options;
  const { incremental } = pipeline.input;
  const watermark = (await state.get(pipeline.key))?.position.watermark ?? null;
  const asked = to === undefined ? null : cursorAskedFor(incremental, to, "to");
  const now = field.type === "timestamp_utc" ? present(clock, incremental.safetyLag) : null;
  const upper = asked ?? watermark ?? now;
  if (upper === null) {
    throw invalid(pipeline, "a backfill by id needs to know where it ends", {
      hint: "Give --to (`to` in code), or run the stream first: the backfill then ends at the stream's watermark.",
    });
  }
  if (pipeline.output.appends && watermark === null && (incremental.partitions ?? null) !== null) {
    throw invalid(
      pipeline,
      "the output appends, and a stream with partitions has no watermark of its own where the backfill could end: the next live run could add its records again",
      { hint: "Give the output a `key`, so that records replace the rows that it holds." },
    );
  }
  const isPast = (end: string | null) => end !== null && compareCursorValues(field.type, upper, end) > 0;
  if (pipeline.output.appends && (watermark === null || isPast(watermark))) {
    throw invalid(
      pipeline,
      `the output appends, and the stream ${watermark === null ? "was never read" : `is at ${watermark}`}: records that the backfill reads past it would be added again by the next live run`,
      { hint: "Run the stream first, and let the backfill end at its watermark." },
    );
  }
  return now !== null && isPast(now) ? now : upper;
}

function present(clock: Clock, safetyLag: Incremental["safetyLag"]): string {
  const now = millisecondsToTimestamp(clock.now());
  return safetyLag === null ? now : stepCursor("timestamp_utc", now, safetyLag, -1);
}

async function planOf(
  pipeline: Pipeline,
  options: BackfillOptions,
  field: CursorField,
  range: CursorRange,
): Promise<BackfillPlan> {
  const { slices, bounded = true } = pipeline.input.incremental;
  const step =
    options.step === undefined ? (slices?.step ?? null) : stepAskedFor(pipeline, options.step, field);
  if (step !== null && !bounded) {
    throw invalid(
      pipeline,
      "the source is not sent the upper end of a slice, and would give all that follows each time",
      {
        hint: "Declare `statePersistence.until`, or leave the step out.",
      },
    );
  }
  const concurrency = options.concurrency ?? slices?.concurrency ?? 1;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw invalid(pipeline, `concurrency is ${concurrency}`, { hint: "Give a whole number from 1." });
  }
  const known = pipeline.output.appends ? await options.state.coverage(pipeline.key) : [];
  const merged = known.reduce<CursorRange[]>(
    (all, interval) => addRange(field.type, all, interval, field.precision),
    [],
  );
  return { range, step, concurrency, known: merged };
}

function stepAskedFor(pipeline: Pipeline, text: string, field: CursorField): SliceStep {
  const step = parseSliceStep(text);
  const fits = step.unit === "number" ? field.type === "numeric_id" : field.type === "timestamp_utc";
  if (fits) return step;
  throw invalid(pipeline, `the step ${text} does not fit the stream's cursor, which is a ${field.type}`, {
    hint: field.type === "timestamp_utc" ? "Write a length of time: P1D, P1M." : "Write a number: 1000.",
  });
}

function invalid(pipeline: Pipeline, message: string, options: { hint?: string } = {}): TidemarkError {
  const stream = formatStreamKey(pipeline.key);
  return new TidemarkError("ARGUMENT_INVALID", `${stream}: ${message}`, { stream, ...options });
}
