import { TidemarkError } from "../../errors.ts";
import type { Position } from "../../model/position.ts";
import type { ReadRange, StoredRange } from "../tracking/range.ts";
import { SlicedRange } from "../tracking/sliced-range.ts";
import { warnOfSkew } from "./clock-skew.ts";
import type { PlanParts } from "./plan-parts.ts";
import { RangeOpener } from "./range-opener.ts";
import { assertSince } from "./requested-start.ts";

/** The ranges that a run reads, and the positions that it moves. */
export interface RunPlan {
  /** The stream, where it moves as a whole; null where its partitions move. */
  readonly stored: StoredRange | null;
  /** What is read, in order. */
  readonly ranges: AsyncIterable<ReadRange>;
  /** How many of them are read at once. */
  readonly concurrency: number;
  /** Whether the other ranges continue when one fails. */
  readonly goesOn: boolean;
}

/**
 * Plans what a run reads:
 *
 * 1. The end of the window is frozen by the source's own clock, where it has one, and no higher than is safe.
 * 2. A stream without partitions is one range, read whole or in slices.
 * 3. Otherwise each partition is one, opened when its turn comes: there may be more than fit into memory.
 */
export async function planRun(parts: PlanParts): Promise<RunPlan> {
  const { pipeline, input, clock, backfill } = parts;
  const { incremental } = pipeline.input;
  assertSince(parts.asked, pipeline, parts.start);
  const before = clock.now();
  const now = (await input.now?.()) ?? before;
  warnOfSkew(parts.warn, now - before, "the source's");
  const safeUpper = (await input.safeUpper?.(parts.start)) ?? null;
  const readsPast = safeUpper === null || (input.readsPast?.() ?? false);
  const opener = new RangeOpener(parts, { now, safeUpper, readsPast }, now - before);
  const slicesAtOnce = backfill?.concurrency ?? incremental.slices?.concurrency ?? 1;
  if ((incremental.partitions ?? null) === null) {
    const start = withNote(parts.start, input.note?.());
    const stored = opener.open(null, start, start !== parts.start);
    const isSliced = stored instanceof SlicedRange;
    return {
      stored,
      ranges: readsOf(stored),
      concurrency: isSliced ? slicesAtOnce : 1,
      goesOn: isSliced,
    };
  }
  const partitionsAtOnce = incremental.partitions?.concurrency ?? 1;
  return {
    stored: null,
    ranges: partitions(parts, opener),
    concurrency: Math.max(partitionsAtOnce, slicesAtOnce),
    goesOn: true,
  };
}

/** The position, with the input's note where that has changed. */
function withNote(start: Position, note: string | undefined): Position {
  if (note === start.note) return start;
  const { note: _, ...rest } = start;
  return note === undefined ? rest : { ...rest, note };
}

async function* readsOf(stored: StoredRange): AsyncGenerator<ReadRange> {
  yield* stored.reads();
}

async function* partitions(parts: PlanParts, opener: RangeOpener): AsyncGenerator<ReadRange> {
  const { input, signal, partitionStart } = parts;
  if (input.partitions === undefined) {
    throw new TidemarkError("INTERNAL", "the input declares partitions and cannot name them");
  }
  for await (const names of input.partitions(signal)) {
    for (const name of names) {
      const { position, adopted } = await partitionStart(name);
      yield* opener.open(name, position, adopted).reads();
    }
  }
}
