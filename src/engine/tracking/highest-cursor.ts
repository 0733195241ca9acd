import { type CursorType, compareCursorValues } from "../../model/cursor.ts";
import type { Position } from "../../model/position.ts";
import type { CursorField } from "../ports.ts";
import { later, type UnclearTimes, unclearTimes } from "./unclear-times.ts";

/**
 * The highest cursor within a window so far, and what the watermark may be by it. Where local times come twice, the
 * watermark stays before the hour that the highest cursor lies in.
 */
export class HighestCursor {
  readonly #type: CursorType;
  readonly #unclear: UnclearTimes | null;
  /** Null before the first record. */
  value: string | null;
  /** From where on what is delivered is remembered: the highest cursor, or where its unclear hour begins. */
  #keptFrom: string | null;

  constructor(field: CursorField, start: Position) {
    this.#type = field.type;
    this.#unclear = unclearTimes(field);
    this.value = start.window?.highest ?? start.watermark;
    this.#keptFrom = this.unclearFrom(this.value) ?? this.value;
  }

  /** Returns from where on deliveries are to be remembered; null where the cursor is not higher. */
  raise(cursor: string): string | null {
    if (!this.#isAbove(cursor, this.value)) return null;
    this.value = cursor;
    this.#keptFrom = this.unclearFrom(cursor) ?? cursor;
    return this.#keptFrom;
  }

  /** Whether a record at the cursor may come again with the watermark, so that it is to be remembered. */
  isKept(cursor: string): boolean {
    if (cursor === this.value) return true;
    return this.#unclear !== null && this.#keptFrom !== null && !this.#isAbove(this.#keptFrom, cursor);
  }

  /** Where the unclear hour of a cursor begins; null for one that is clear. */
  unclearFrom(cursor: string | null): string | null {
    return this.#unclear === null || cursor === null ? null : this.#unclear.from(cursor);
  }

  /** The highest cursor; before an unclear hour, as far as that does not lie below `lower`. */
  watermark(lower: string | null): string | null {
    const from = this.unclearFrom(this.value);
    if (this.#unclear === null || from === null) return this.value;
    return later(this.#unclear.before(from), lower);
  }

  #isAbove(cursor: string, other: string | null): boolean {
    return other === null || compareCursorValues(this.#type, cursor, other) > 0;
  }
}
