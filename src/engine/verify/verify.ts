import { type Clock, systemClock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";
import { gaps as coverageGaps } from "../../model/coverage.ts";
import { compareCursorValues, stepCursor } from "../../model/cursor.ts";
import type { CursorRange } from "../../model/position.ts";
import { parseSliceStep, type SliceStep } from "../../model/slices.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import { millisecondsToTimestamp } from "../../model/timestamp.ts";
import type { StateStore } from "../../state/contract.ts";
import { closeOutput } from "../closing.ts";
import type { CursorField, OutputReader, Pipeline } from "../ports.ts";
import { isRanged } from "../run/plan-parts.ts";
import { cursorAskedFor } from "../run/requested-start.ts";
import { Warnings } from "../run/result.ts";
import { workFor } from "../user-code/user-code.ts";
import { type Compared, Verification } from "./verification.ts";
import type { VerifyResult } from "./verify-result.ts";

export interface VerifyOptions {
  /** Only read, for the stream's position and coverage. */
  readonly state: StateStore;
  /** The first and the last cursor value to compare. Default: the stream's beginning and its watermark. */
  readonly from?: string;
  readonly to?: string;
  /** How the source is read; see `BackfillOptions`. */
  readonly step?: string;
  readonly concurrency?: number;
  /** How many differences are listed; all are counted. Default: 100. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/**
 * Compares the source's records with the output's rows, through the pipeline's own filters: by counts and hashes of
 * keys and cursors in intervals of the leading cursor, and record by record where they differ. Records past the
 * watermark do not count as missing. Memory is bounded, whatever the stream's size (promise P13); nothing is written,
 * and no position moves (P11).
 *
 * Throws `ARGUMENT_INVALID` for outputs that cannot be read again and ranges that cannot be read, and what reading
 * throws: a source that was not read to its end compares nothing (P15).
 *
 * ```ts
 * const { equal, missing, gaps } = await verify(pipeline, { state });
 * for (const { from, to } of gaps) if (from !== null) await backfill(pipeline, { state, from, to });
 * ```
 */
export function verify(pipeline: Pipeline, options: VerifyOptions): Promise<VerifyResult> {
  return workFor(pipeline, (codeFailed) => {
    const signal = options.signal === undefined ? codeFailed : AbortSignal.any([options.signal, codeFailed]);
    return verified(pipeline, { ...options, signal });
  });
}

async function verified(
  pipeline: Pipeline,
  options: VerifyOptions & { readonly signal: AbortSignal },
): Promise<VerifyResult> {
  const clock = options.clock ?? systemClock;
  const startedAt = clock.elapsed();
  const warnings = new Warnings();
  const { signal } = options;
  const field = rangedField(pipeline, options);
  const reading = readingOf(pipeline, options, field);
  const range = field === null ? null : await rangeAsked(pipeline, options, field, clock);
  const reader = await openReader(pipeline, { clock, signal, warn: warnings.add });
  let compared: Compared;
  try {
    const stored = await options.state.get(pipeline.key);
    compared = await new Verification({
      pipeline,
      reader,
      clock,
      signal,
      warn: warnings.add,
      field,
      range,
      watermark: stored?.position.watermark ?? null,
      facts: new Set(stored?.position.facts),
      ...reading,
      limit: options.limit ?? 100,
    }).compare();
  } finally {
    await closeOutput(reader, warnings.add);
  }
  const { connector, stream } = pipeline.key;
  return {
    pipeline: pipeline.name,
    connector,
    stream,
    from: firstOf(range, field),
    to: range?.upper ?? null,
    ...compared,
    uncovered: await uncovered(pipeline, options.state, field, range),
    durationMs: Math.round(clock.elapsed() - startedAt),
    warnings: warnings.list(),
  };
}

function firstOf(range: CursorRange | null, field: CursorField | null): string | null {
  if (range === null || field === null || range.lower === null) return null;
  return stepCursor(field.type, range.lower, field.precision, 1);
}

async function openReader(
  pipeline: Pipeline,
  context: Omit<Parameters<NonNullable<Pipeline["output"]["openReader"]>>[0], "key">,
): Promise<OutputReader> {
  const { output, key } = pipeline;
  if (output.openReader !== undefined) return output.openReader({ key, ...context });
  throw invalid(pipeline, `the output (${output.kind}) cannot be read again`, {
    hint: "Databases and files of JSON lines can be compared with their source, and an output of your own that has an `openReader`.",
  });
}

/** The cursor that ranges are cut by; null for streams that can only be read as a whole. */
function rangedField(pipeline: Pipeline, { from, to, step }: VerifyOptions): CursorField | null {
  const [field] = pipeline.input.incremental.cursors;
  if (field !== undefined && isRanged(pipeline)) return field;
  if (from === undefined && to === undefined && step === undefined) return null;
  throw invalid(pipeline, "from, to and step need a stream that is read by a timestamp or an id", {
    hint: "Leave them out: the stream is then compared as a whole.",
  });
}

async function rangeAsked(
  pipeline: Pipeline,
  { state, from, to }: VerifyOptions,
  field: CursorField,
  clock: Clock,
): Promise<CursorRange> {
  const { incremental } = pipeline.input;
  const { type } = field;
  const asked = to === undefined ? null : cursorAskedFor(incremental, to, "to");
  const watermark = (await state.get(pipeline.key))?.position.watermark ?? null;
  const inPartitions = (incremental.partitions ?? null) !== null;
  const now = type === "timestamp_utc" ? millisecondsToTimestamp(clock.now()) : null;
  const upper =
    asked !== null && watermark !== null && compareCursorValues(type, asked, watermark) > 0
      ? watermark
      : (asked ?? watermark ?? (inPartitions ? null : now));
  if (upper === null) {
    throw invalid(pipeline, "it is not known up to where to compare: to", {
      hint: inPartitions
        ? "Each partition has its own watermark; give --to, a value that all of them have reached."
        : "Give --to, or run the stream first: the comparison then ends at its watermark.",
    });
  }
  const lower =
    from === undefined ? await beginning(pipeline, state, field) : cursorAskedFor(incremental, from, "from");
  if (lower === null) return { lower, upper };
  if (compareCursorValues(type, lower, upper) > 0) {
    throw invalid(pipeline, `the comparison would end at ${upper}, before it begins at ${lower}`);
  }
  return { lower: stepCursor(type, lower, field.precision, -1), upper };
}

/** Where the stream was declared to begin; null is the source's own beginning. */
async function beginning(pipeline: Pipeline, state: StateStore, field: CursorField): Promise<string | null> {
  const { start = null } = pipeline.input.incremental;
  if (start === null) return null;
  if ("at" in start) return start.at;
  const known = await state.coverage(pipeline.key).catch(() => []);
  const lower = known[0]?.lower ?? null;
  if (lower !== null) return stepCursor(field.type, lower, field.precision, 1);
  throw invalid(
    pipeline,
    "the stream began so much before its first run, and nothing says when that was: from",
  );
}

function readingOf(
  pipeline: Pipeline,
  { step, concurrency }: VerifyOptions,
  field: CursorField | null,
): { step: SliceStep | null; concurrency: number } {
  const { slices, bounded = true } = pipeline.input.incremental;
  if (step !== undefined && !bounded) {
    throw invalid(
      pipeline,
      "the source is not sent the upper end of a slice, and would give all that follows each time",
      {
        hint: "Declare `statePersistence.until`, or leave the step out.",
      },
    );
  }
  const asked = step === undefined ? null : parseSliceStep(step);
  if (asked !== null && (asked.unit === "number") !== (field?.type === "numeric_id")) {
    throw invalid(pipeline, `the step ${step} does not fit the stream's cursor, which is a ${field?.type}`, {
      hint: "Times take a length, as P1D; ids a number, as 1000.",
    });
  }
  return { step: asked ?? slices?.step ?? null, concurrency: concurrency ?? slices?.concurrency ?? 1 };
}

async function uncovered(
  pipeline: Pipeline,
  state: StateStore,
  field: CursorField | null,
  range: CursorRange | null,
): Promise<readonly CursorRange[]> {
  if (field === null || range === null || (await state.get(pipeline.key)) === null) return [];
  const covered = await state.coverage(pipeline.key);
  return covered.length === 0 ? [] : coverageGaps(field.type, covered, range);
}

function invalid(pipeline: Pipeline, message: string, options: { hint?: string } = {}): TidemarkError {
  const stream = formatStreamKey(pipeline.key);
  return new TidemarkError("ARGUMENT_INVALID", `${stream}: ${message}`, { stream, ...options });
}
