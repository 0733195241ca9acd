import { isTidemarkError, type TidemarkError } from "../../errors.ts";
import type { Page } from "../ports.ts";
import type { ReadRange } from "../tracking/range.ts";
import { Handover } from "./handover.ts";
import { readAhead } from "./read-ahead.ts";

/** An event of reading, in order. */
export type ReadEvent =
  | { readonly kind: "page"; readonly range: ReadRange; readonly page: Page }
  | { readonly kind: "ended"; readonly range: ReadRange }
  | { readonly kind: "failed"; readonly range: ReadRange; readonly error: unknown };

export interface RangeReading {
  /** How many ranges are read at once. */
  readonly concurrency: number;
  /** Aborts its signal when the range's pages are no longer needed. */
  readonly read: (range: ReadRange, signal: AbortSignal) => AsyncIterable<Page>;
  /** Called where the source no longer knows the place to go on at; the range is then read from its start. */
  readonly onRefused: (error: TidemarkError) => void;
}

/**
 * Reads several ranges at once and passes on their pages one by one, with one page of each fetched ahead. A range's
 * failure is passed on in order, and the other ranges continue. An error while listing the ranges is thrown.
 */
export function readRanges(
  ranges: AsyncIterable<ReadRange>,
  reading: RangeReading,
): AsyncGenerator<ReadEvent, void, undefined> {
  return reading.concurrency === 1 ? readInTurn(ranges, reading) : readTogether(ranges, reading);
}

async function* readInTurn(
  ranges: AsyncIterable<ReadRange>,
  reading: RangeReading,
): AsyncGenerator<ReadEvent, void, undefined> {
  for await (const range of ranges) yield* readOne(range, reading);
}

async function* readTogether(
  ranges: AsyncIterable<ReadRange>,
  reading: RangeReading,
): AsyncGenerator<ReadEvent, void, undefined> {
  const handover = new Handover<ReadEvent>();
  const stop = new AbortController();
  const iterator = ranges[Symbol.asyncIterator]();
  const work = async (): Promise<void> => {
    for (;;) {
      const next = await iterator.next();
      if (next.done) return;
      for await (const event of readOne(next.value, reading, stop.signal)) {
        if (!(await handover.give(event))) return;
      }
    }
  };
  const workers = Array.from({ length: reading.concurrency }, work);
  Promise.all(workers).then(
    () => handover.end(),
    (error: unknown) => handover.fail(error),
  );
  try {
    yield* handover.taken();
  } finally {
    handover.stop();
    // The other ranges need not finish what they are reading, but each must have ended before the input is closed.
    stop.abort();
    await Promise.allSettled(workers);
    await iterator.return?.();
  }
}

async function* readOne(
  range: ReadRange,
  reading: RangeReading,
  stop?: AbortSignal,
): AsyncGenerator<ReadEvent, void, undefined> {
  const own = new AbortController();
  const signal = stop === undefined ? own.signal : AbortSignal.any([own.signal, stop]);
  try {
    for await (const page of readAhead(reading.read(range, signal), () => own.abort())) {
      if (range.abandoned) return;
      yield { kind: "page", range, page };
    }
  } catch (error) {
    if (!isTidemarkError(error, "RESUME_REFUSED") || !range.restart())
      return yield { kind: "failed", range, error };
    reading.onRefused(error);
    return yield* readOne(range, reading, stop);
  }
  yield { kind: "ended", range };
}
