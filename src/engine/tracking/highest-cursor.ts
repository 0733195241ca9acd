import { type CursorType, compareCursorValues } from "../../model/cursor.ts";
import type { Position } from "../../model/position.ts";
import type { CursorField } from "../ports.ts";
import { later, type UnclearTimes, unclearTimes } from "./unclear-times.ts";

/**
 * The highest cursor within a window so far, and the watermark that follows from it. If the highest cursor lies in an
 * hour that local time repeats, the watermark stays before that hour.
 */
export class HighestCursor {
  readonly #type: CursorType;
  readonly #unclear: UnclearTimes | null;
  /** Null before the first record. */
  value: string | null;
  /** The cursor from which on deliveries are remembered: the highest cursor, or the beginning of its ambiguous hour. */
  #keptFrom: string | null;

  constructor(field: CursorField, start: Position) {
    this.#type = field.type;
    this.#unclear = unclearTimes(field);
    this.value = start.window?.highest ?? start.watermark;
    this.#keptFrom = this.unclearFrom(this.value) ?? this.value;
  }

  /** Returns the cursor from which on deliveries must be remembered; null where the cursor is not higher. */
  raise(cursor: string): string | null {
    if (!this.#isAbove(cursor, this.value)) return null;
    this.value = cursor;
    this.#keptFrom = this.unclearFrom(cursor) ?? cursor;
    return this.#keptFrom;
  }

  /** Whether a record at the cursor may be read again from the watermark, so that it must be remembered. */
  isKept(cursor: string): boolean {
    if (cursor === this.value) return true;
    return this.#unclear !== null && this.#keptFrom !== null && !this.#isAbove(this.#keptFrom, cursor);
  }

  /** The beginning of a cursor's ambiguous hour; null where it is in none. */
  unclearFrom(cursor: string | null): string | null {
    return this.#unclear === null || cursor === null ? null : this.#unclear.from(cursor);
  }

  /** The highest cursor, or the last value before its ambiguous hour, but not below `lower`. */
  watermark(lower: string | null): string | null {
    const from = this.unclearFrom(this.value);
    if (this.#unclear === null || from === null) return this.value;
    return later(this.#unclear.before(from), lower);
  }

  #isAbove(cursor: string, other: string | null): boolean {
    return other === null || compareCursorValues(this.#type, cursor, other) > 0;
  }
}
