import { nanosecondOfCanonical, secondsOfCanonical } from "../../model/calendar.ts";
import type { CursorType } from "../../model/cursor.ts";
import { millisecondsToTimestamp } from "../../model/timestamp.ts";

/** A record for the comparison: its identity and its cursor. */
export interface Entry {
  readonly key: string;
  /** Canonical; null where cursors are not compared. */
  readonly cursor: string | null;
}

/** The most intervals; when there would be more, each becomes twice as wide. */
const mostCells = 4096;

/** One interval: how many records each side has of it, and by what their hashes differ. */
export interface Cell {
  readonly index: number;
  source: number;
  output: number;
  high: number;
  low: number;
}

/** Maps a record to the axis that is cut into intervals: a number that grows with the cursor. */
export interface Axis {
  readonly kind: "cursor" | "key";
  position(entry: Entry, hash: EntryHash): number;
}

/** By time in milliseconds, or by number. Texts have no measure, and are cut by the hash of their keys. */
export function axisOf(type: CursorType | null): Axis {
  switch (type) {
    case "timestamp_utc":
      return {
        kind: "cursor",
        position: ({ cursor }) =>
          cursor === null
            ? 0
            : secondsOfCanonical(cursor) * 1000 + Math.floor(nanosecondOfCanonical(cursor) / 1e6),
      };
    case "numeric_id":
      return { kind: "cursor", position: ({ cursor }) => Math.floor(Number(cursor)) };
    default:
      return { kind: "key", position: (_entry, { low }) => low % mostCells };
  }
}

/** A position as a cursor value again. */
export function valueOfPosition(type: CursorType, position: number): string {
  return type === "timestamp_utc" ? millisecondsToTimestamp(position) : BigInt(position).toString();
}

/** A 64-bit hash of a key and a cursor. One instance is reused, so that a record allocates nothing. */
export class EntryHash {
  high = 0;
  low = 0;

  of({ key, cursor }: Entry): void {
    this.high = 0xdeadbeef;
    this.low = 0x41c6ce57;
    this.#add(key);
    this.#mix(0x10000);
    if (cursor !== null) this.#add(cursor);
    const high =
      Math.imul(this.high ^ (this.high >>> 16), 2246822507) ^
      Math.imul(this.low ^ (this.low >>> 13), 3266489909);
    const low =
      Math.imul(this.low ^ (this.low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
    this.high = high >>> 0;
    this.low = low >>> 0;
  }

  #add(text: string): void {
    let { high, low } = this;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      high = Math.imul(high ^ code, 2654435761);
      low = Math.imul(low ^ code, 1597334677);
      low ^= low >>> 15;
    }
    this.high = high;
    this.low = low;
  }

  #mix(code: number): void {
    this.high = Math.imul(this.high ^ code, 2654435761);
    this.low = Math.imul(this.low ^ code, 1597334677);
  }
}

/**
 * Sums of both sides by interval, in any order of records: hashes of the source are added and those of the output
 * subtracted, so that equal intervals sum to zero. Intervals widen as the range grows, so that memory is bounded.
 */
export class IntervalSums {
  readonly axis: Axis;
  readonly #hash = new EntryHash();
  #cells = new Map<number, Cell>();
  #width = 1;
  #last: Cell | null = null;

  constructor(axis: Axis) {
    this.axis = axis;
  }

  /** The width of an interval, in the axis's unit. */
  get width(): number {
    return this.#width;
  }

  add(entry: Entry, side: "source" | "output"): void {
    const hash = this.#hash;
    hash.of(entry);
    const cell = this.#cellAt(Math.floor(this.axis.position(entry, hash) / this.#width));
    cell[side] += 1;
    const sign = side === "source" ? 1 : -1;
    cell.high = (cell.high + sign * hash.high) >>> 0;
    cell.low = (cell.low + sign * hash.low) >>> 0;
  }

  /** The interval of a record that was added before; null for one of none. */
  cellOf(entry: Entry): Cell | null {
    this.#hash.of(entry);
    return this.#cells.get(Math.floor(this.axis.position(entry, this.#hash) / this.#width)) ?? null;
  }

  /** All intervals that hold anything, in order. */
  cells(): Cell[] {
    return [...this.#cells.values()].sort((a, b) => a.index - b.index);
  }

  #cellAt(index: number): Cell {
    if (this.#last?.index === index) return this.#last;
    let cell = this.#cells.get(index);
    if (cell === undefined) {
      cell = { index, source: 0, output: 0, high: 0, low: 0 };
      this.#cells.set(index, cell);
      if (this.#cells.size > mostCells) return this.#widened(cell);
    }
    this.#last = cell;
    return cell;
  }

  /** Merges pairs of intervals until there is room, and returns the interval that the cell is now in. */
  #widened(cell: Cell): Cell {
    let { index } = cell;
    while (this.#cells.size > mostCells) {
      const wider = new Map<number, Cell>();
      for (const one of this.#cells.values()) {
        const at = Math.floor(one.index / 2);
        const into = wider.get(at);
        if (into === undefined) {
          wider.set(at, { ...one, index: at });
          continue;
        }
        into.source += one.source;
        into.output += one.output;
        into.high = (into.high + one.high) >>> 0;
        into.low = (into.low + one.low) >>> 0;
      }
      this.#cells = wider;
      this.#width *= 2;
      index = Math.floor(index / 2);
    }
    this.#last = null;
    return this.#cellAt(index);
  }
}

export function differs({ source, output, high, low }: Cell): boolean {
  return source !== output || high !== 0 || low !== 0;
}
