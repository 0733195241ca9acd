import { isTidemarkError, type TidemarkError } from "../../errors.ts";
import type { Page } from "../ports.ts";
import type { Unit } from "../tracking/part.ts";
import { Handover } from "./handover.ts";
import { readAhead } from "./read-ahead.ts";

/** What reading comes to, one thing after another. */
export type ReadEvent =
  | { readonly kind: "page"; readonly unit: Unit; readonly page: Page }
  | { readonly kind: "ended"; readonly unit: Unit }
  | { readonly kind: "failed"; readonly unit: Unit; readonly error: unknown };

export interface UnitReading {
  /** How many units are read at once. */
  readonly concurrency: number;
  /** Aborts its signal where nobody waits for the unit's pages any more. */
  readonly read: (unit: Unit, signal: AbortSignal) => AsyncIterable<Page>;
  /** Told of a place that the source no longer knows; its unit is then read from its start. */
  readonly onRefused: (error: TidemarkError) => void;
}

/**
 * Reads units, so many at once, and hands over their pages one by one, with one page of each being
 * fetched ahead. A unit that fails is told of in its turn, and the others go on; what fails while
 * units are being found is thrown.
 */
export function readUnits(
  units: AsyncIterable<Unit>,
  reading: UnitReading,
): AsyncGenerator<ReadEvent, void, undefined> {
  return reading.concurrency === 1 ? readInTurn(units, reading) : readTogether(units, reading);
}

async function* readInTurn(
  units: AsyncIterable<Unit>,
  reading: UnitReading,
): AsyncGenerator<ReadEvent, void, undefined> {
  for await (const unit of units) yield* readOne(unit, reading);
}

async function* readTogether(
  units: AsyncIterable<Unit>,
  reading: UnitReading,
): AsyncGenerator<ReadEvent, void, undefined> {
  const handover = new Handover<ReadEvent>();
  const iterator = units[Symbol.asyncIterator]();
  const work = async (): Promise<void> => {
    for (;;) {
      const next = await iterator.next();
      if (next.done) return;
      for await (const event of readOne(next.value, reading)) {
        if (!(await handover.give(event))) return;
      }
    }
  };
  const workers = Promise.all(Array.from({ length: reading.concurrency }, work));
  workers.then(
    () => handover.end(),
    (error: unknown) => handover.fail(error),
  );
  try {
    yield* handover.taken();
  } finally {
    handover.stop();
    await workers.catch(() => {});
    await iterator.return?.();
  }
}

async function* readOne(unit: Unit, reading: UnitReading): AsyncGenerator<ReadEvent, void, undefined> {
  const own = new AbortController();
  try {
    for await (const page of readAhead(reading.read(unit, own.signal), () => own.abort())) {
      if (unit.abandoned) return;
      yield { kind: "page", unit, page };
    }
  } catch (error) {
    const again = isTidemarkError(error, "RESUME_REFUSED") ? unit.fromStart() : null;
    if (again === null || !isTidemarkError(error, "RESUME_REFUSED"))
      return yield { kind: "failed", unit, error };
    reading.onRefused(error);
    return yield* readOne(again, reading);
  }
  yield { kind: "ended", unit };
}
