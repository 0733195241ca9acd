import { compareCursorValues } from "../../model/cursor.ts";
import type { Order } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { CursorField } from "../ports.ts";
import type { HighestCursor } from "./highest-cursor.ts";
import { describeRecord } from "./record-cursors.ts";

/**
 * The order in which a range is read: the declared one, until a record contradicts it (promise P9). From then on the
 * watermark waits for the end of the window, as in an unordered read.
 */
export class RecordOrder {
  readonly #field: CursorField;
  readonly #highest: HighestCursor;
  #value: Order;
  /** The cursor of the record before, while the order is taken to be ascending; null before the first. */
  #last: string | null = null;

  constructor(field: CursorField, highest: HighestCursor, declared: Order) {
    this.#field = field;
    this.#highest = highest;
    this.#value = declared;
  }

  get value(): Order {
    return this.#value;
  }

  get isAscending(): boolean {
    return this.#value === "ascending";
  }

  get last(): string | null {
    return this.#last;
  }

  /** Adds a page that is in order, by its highest cursor. */
  passed(highest: string): void {
    this.#last = highest;
  }

  fallBack(): void {
    this.#value = "unordered";
  }

  /** How a record breaks the order, for messages; null where it does not. A repeated page does not break it. */
  disorderAt(cursor: string, record: SourceRecord, repeats: boolean): string | null {
    if (!this.isAscending) return null;
    const last = this.#last;
    if (last === null || compareCursorValues(this.#field.type, cursor, last) >= 0) {
      this.#last = cursor;
      return null;
    }
    if (repeats) return null;
    const from = this.#highest.unclearFrom(cursor);
    // Records in the order of writing look like this when clocks are set back.
    if (from !== null && from === this.#highest.unclearFrom(last)) return null;
    this.#last = cursor;
    return `${describeRecord(record)} has cursor ${cursor} and came after ${last}`;
  }
}
