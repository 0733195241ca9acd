import { z } from "zod";
import type { Cursor } from "../../model/cursor.ts";
import type { Position } from "../../model/position.ts";
import type { BoundParts, CommitBound } from "../port.ts";
import type { IdSource, Transaction } from "./id-source.ts";
import { isLong, waitUntilNone, warnOfHolder } from "./waiting.ts";

/** The highest id that was seen, and the transactions that may have held a lower one at that time. */
const observationSchema = z.strictObject({
  upper: z.string(),
  open: z.array(z.string()),
  /** The server's time, for messages. */
  at: z.string(),
});
type Observation = z.infer<typeof observationSchema>;

const noteSchema = z.strictObject({ ids: observationSchema });

/** Below every id that a bigint can hold. */
const lowest: Cursor = { type: "numeric_id", value: "-9223372036854775808" };

/**
 * Ends the window at the highest id that was seen, once every transaction has ended that was open after it was seen: a
 * sequence assigns ids in order, so only one of those transactions can hold a lower id that is not visible yet. If they
 * do not end soon, the observation is stored with the position, and the window ends at the observation stored before,
 * if its transactions have ended.
 */
export class IdBound implements CommitBound {
  readonly #parts: BoundParts;
  readonly #source: IdSource;
  #note: string | undefined;

  constructor(parts: BoundParts, source: IdSource) {
    this.#parts = parts;
    this.#source = source;
  }

  note(): string | undefined {
    return this.#note;
  }

  async safeUpper(position: Position): Promise<Cursor> {
    const source = this.#source;
    this.#note = undefined;
    await source.check();
    const upper = await this.#highest(position);
    const here = position.watermark === null ? lowest : cursor(position.watermark);
    const kept = observationIn(position.note);
    if (upper === null) return here;
    const ask = await source.holders();
    const first = await ask();
    const seen = { upper, open: first.map(({ transaction }) => transaction), at: await source.now() };
    const known = new Set(seen.open);
    const left = first.length === 0 ? [] : await waitUntilNone(async () => stillOpen(known, await ask()));
    if (left.length === 0) return cursor(upper);
    const keptOpen = kept === null ? left : stillOpen(new Set(kept.open), await ask());
    if (kept !== null && keptOpen.length === 0) {
      this.#keep(seen);
      return cursor(kept.upper);
    }
    this.#keep(kept ?? seen);
    this.#warnHeldBack(kept ?? seen, seen.at, keptOpen, position.watermark === null);
    return here;
  }

  #keep(observation: Observation): void {
    this.#note = JSON.stringify({ ids: observation });
  }

  /** A first run that reads nothing warns at once, because it looks like an empty source. */
  #warnHeldBack({ at }: Observation, now: string, open: readonly Transaction[], isFirst: boolean): void {
    const [holder] = open;
    if (holder !== undefined && (isFirst || isLong(at, now))) warnOfHolder(this.#parts.warn, holder.who, at);
  }

  /** The highest id that a read from here would return; null for none. */
  async #highest(position: Position): Promise<string | null> {
    const { subject } = this.#parts;
    for (let from = position, highest: string | null = null; ; ) {
      const read = await subject(from);
      const found = await this.#source.highest(read);
      if (found === null || found === highest) return highest;
      highest = found;
      if (!read.inPieces) return highest;
      from = { ...position, watermark: highest };
    }
  }
}

/** A transaction that was prepared before a restart of the server has another name since. */
function stillOpen(known: ReadonlySet<string>, now: readonly Transaction[]): Transaction[] {
  return now.filter(({ transaction }) => known.has(transaction) || transaction.startsWith("-1/"));
}

function observationIn(note: string | undefined): Observation | null {
  if (note === undefined) return null;
  try {
    return noteSchema.parse(JSON.parse(note)).ids;
  } catch {
    // A note of another kind of cursor does not apply to ids.
    return null;
  }
}

function cursor(value: string): Cursor {
  return { type: "numeric_id", value };
}
