import { type CursorType, compareCursorValues } from "../../model/cursor.ts";
import { type Cell, differs, type Entry, EntryHash, type IntervalSums } from "./verify-sums.ts";

/** How one record differs between source and output. */
export interface Difference {
  /** Only in the source; only in the output; or in both with different cursors. */
  readonly kind: "missing" | "extra" | "different";
  readonly key: string;
  /** The cursor in the source and in the output; null where it is missing, or cursors are not compared. */
  readonly source: string | null;
  readonly output: string | null;
}

/** How many of the source's records are held at once to be compared one by one. */
export const mostRecords = 200_000;
const buckets = 1 << 16;

export interface RecordComparisonOptions {
  readonly sums: IntervalSums;
  readonly type: CursorType | null;
  /** Whether the output appends, so that every record counts; an upsert holds the newest record of a key. */
  readonly appends: boolean;
  /** Called with each difference, and the interval of its record. */
  readonly found: (difference: Difference, cell: Cell) => void;
}

/**
 * Compares the records of the intervals that differ, one by one. The source's come first, then the output's, then
 * `finish`. If there are more than can be held, `narrow` first receives both sides once: then only records whose key
 * hash occurs in a difference are held.
 */
export class RecordComparison {
  readonly #options: RecordComparisonOptions;
  readonly #hash = new EntryHash();
  #narrowing: { readonly high: Uint32Array; readonly low: Uint32Array } | null = null;
  /** By key, and for appends by key and cursor: how many records of the source were not yet found in the output. */
  readonly #waiting = new Map<string, { entry: Entry; count: number }>();
  /** Keys of an upsert that were already found in the output. */
  readonly #extra = new Map<string, Entry>();
  /** How many records of differing intervals could not be held, by interval. */
  readonly unlisted = new Map<Cell, number>();

  constructor(options: RecordComparisonOptions) {
    this.#options = options;
  }

  /** Whether more may differ than can be held. */
  get isLarge(): boolean {
    return (
      this.#options.sums
        .cells()
        .filter(differs)
        .reduce((sum, { source }) => sum + source, 0) > mostRecords
    );
  }

  get extras(): ReadonlyMap<string, Entry> {
    return this.#extra;
  }

  narrow(entry: Entry, side: "source" | "output"): void {
    if (this.#differing(entry) === null) return;
    this.#narrowing ??= { high: new Uint32Array(buckets), low: new Uint32Array(buckets) };
    const { high, low } = this.#narrowing;
    const at = this.#bucketOf(entry);
    const sign = side === "source" ? 1 : -1;
    high[at] = (high[at] ?? 0) + sign * this.#hash.high;
    low[at] = (low[at] ?? 0) + sign * this.#hash.low;
  }

  #bucketOf(entry: Entry): number {
    this.#hash.of({ key: entry.key, cursor: null });
    const bucket = this.#hash.low % buckets;
    this.#hash.of(entry);
    return bucket;
  }

  #isEven(entry: Entry): boolean {
    if (this.#narrowing === null) return false;
    const at = this.#bucketOf(entry);
    return this.#narrowing.high[at] === 0 && this.#narrowing.low[at] === 0;
  }

  #differing(entry: Entry): Cell | null {
    const cell = this.#options.sums.cellOf(entry);
    return cell !== null && differs(cell) ? cell : null;
  }

  #nameOf({ key, cursor }: Entry): string {
    return this.#options.appends && cursor !== null ? `${cursor}\n${key}` : key;
  }

  source(entry: Entry): void {
    const cell = this.#differing(entry);
    if (cell === null || this.#isEven(entry)) return;
    const name = this.#nameOf(entry);
    const known = this.#waiting.get(name);
    if (known === undefined) {
      if (this.#waiting.size < mostRecords) this.#waiting.set(name, { entry, count: 1 });
      else this.unlisted.set(cell, (this.unlisted.get(cell) ?? 0) + 1);
    } else if (this.#options.appends) known.count += 1;
    else if (this.#compare(entry.cursor, known.entry.cursor) > 0) known.entry = entry;
  }

  output(entry: Entry): void {
    const { appends, found } = this.#options;
    const cell = this.#differing(entry);
    const name = this.#nameOf(entry);
    const waiting = this.#waiting.get(name);
    if (waiting === undefined) {
      if (cell === null || this.#isEven(entry) || this.unlisted.size > 0) return;
      if (this.#extra.size < mostRecords && !appends) this.#extra.set(name, entry);
      else found({ kind: "extra", key: entry.key, source: null, output: entry.cursor }, cell);
      return;
    }
    if (appends) {
      waiting.count -= 1;
      if (waiting.count < 0 && cell !== null)
        found({ kind: "extra", key: entry.key, source: null, output: entry.cursor }, cell);
      return;
    }
    this.#waiting.delete(name);
    const order = this.#compare(entry.cursor, waiting.entry.cursor);
    // The source may have a newer version of it in an interval where both sides are equal.
    if (order === 0 || (order > 0 && cell === null)) return;
    const at = this.#differing(waiting.entry);
    if (at === null) return;
    const { key, cursor: source } = waiting.entry;
    found({ kind: "different", key, source, output: entry.cursor }, at);
  }

  /** Adds a source record past the range: its row in the output is older, not extra. */
  renewed(entry: Entry): boolean {
    return this.#extra.delete(this.#nameOf(entry));
  }

  finish(): void {
    const { appends, found } = this.#options;
    for (const { entry, count } of this.#waiting.values()) {
      const cell = this.#differing(entry);
      if (cell === null) continue;
      for (let left = appends ? count : 1; left > 0; left--)
        found({ kind: "missing", key: entry.key, source: entry.cursor, output: null }, cell);
    }
    for (const entry of this.#extra.values()) {
      const cell = this.#differing(entry);
      if (cell !== null) found({ kind: "extra", key: entry.key, source: null, output: entry.cursor }, cell);
    }
  }

  #compare(a: string | null, b: string | null): number {
    const { type } = this.#options;
    return a === null || b === null || type === null ? 0 : compareCursorValues(type, a, b);
  }
}
