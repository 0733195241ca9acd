import type { Incremental } from "../../engine/ports.ts";
import { isTidemarkError } from "../../errors.ts";
import { compareCursorValues, isOrdered, readCursorValue } from "../../model/cursor.ts";
import { type SourceRecord, valueAt } from "../../model/record.ts";

/**
 * Checks whether the pages of a read are those of a newest-first feed that only gains records at its front: each cursor
 * is lower than the one before it, repeated records end with the last record of the page before, and new records lie
 * above everything read or below it. Then no record is missing between two pages. Records with equal cursors may change
 * places, so one such pair makes it false.
 */
export class NewestFirst {
  readonly #field: Incremental["cursors"][number] | null;
  #holds: boolean;
  #highest: string | null = null;
  #lowest: string | null = null;
  /** The highest cursor of the current page, if it is above those of all pages before. */
  #ahead: string | null = null;
  /** The identity of the record with the lowest cursor so far. */
  #last: string | null = null;

  constructor({ cursors: [field] }: Incremental) {
    this.#field = field ?? null;
    this.#holds = field !== undefined && field.path !== null && isOrdered(field.type);
  }

  /** Whether all pages so far were like this. */
  get holds(): boolean {
    return this.#holds;
  }

  /** Adds a page, with an identity for each record; `known` are the identities that came before. */
  note(records: readonly SourceRecord[], marks: readonly string[], known: ReadonlySet<string>): void {
    if (!this.#holds) return;
    let before: string | null = null;
    let markBefore: string | null = null;
    for (const [index, record] of records.entries()) {
      const cursor = this.#cursorOf(record);
      const mark = marks[index];
      const descends = cursor !== null && (before === null || this.#isBelow(cursor, before));
      if (!descends || mark === undefined || !(known.has(mark) || this.#joins(cursor, mark, markBefore))) {
        this.#holds = false;
        return;
      }
      before = cursor;
      markBefore = mark;
    }
    this.#highest = this.#ahead ?? this.#highest;
    this.#ahead = null;
  }

  /** Whether a new record lies above everything read, or directly below it. */
  #joins(cursor: string, mark: string, markBefore: string | null): boolean {
    const [highest, lowest] = [this.#highest, this.#lowest];
    if (highest === null || lowest === null) {
      this.#highest = cursor;
      this.#lowest = cursor;
      this.#last = mark;
      return true;
    }
    if (this.#isBelow(highest, cursor)) {
      // The first new record of a page is the highest of those added at the front; the others lie below it.
      this.#ahead ??= cursor;
      return true;
    }
    if (!this.#isBelow(cursor, lowest) || (markBefore !== null && markBefore !== this.#last)) return false;
    this.#lowest = cursor;
    this.#last = mark;
    return true;
  }

  #cursorOf(record: SourceRecord): string | null {
    const field = this.#field;
    const raw = field?.path == null ? null : valueAt(record, field.path);
    if (field === null || raw === null || raw === undefined) return null;
    try {
      return readCursorValue(field.type, raw, field.format);
    } catch (error) {
      if (isTidemarkError(error)) return null;
      throw error;
    }
  }

  #isBelow(a: string, b: string): boolean {
    return this.#field !== null && compareCursorValues(this.#field.type, a, b) < 0;
  }
}
