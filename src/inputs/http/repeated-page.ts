import type { Incremental } from "../../engine/ports.ts";
import { recordMark } from "../../engine/tracking/page-guard.ts";
import type { SourceRecord } from "../../model/record.ts";

/**
 * Compares a page with the pages before it. Two pages are kept. Records without a key that are equal within their page
 * are ignored.
 */
export class RepeatedPage {
  readonly #incremental: Incremental;
  #before: readonly SourceRecord[] = [];
  #earlier: readonly SourceRecord[] = [];

  constructor(incremental: Incremental) {
    this.#incremental = incremental;
  }

  /** Call with every page, in order, after it was compared. */
  note(records: readonly SourceRecord[]): void {
    this.#earlier = this.#before;
    this.#before = records;
  }

  /** The page before. */
  get before(): readonly SourceRecord[] {
    return this.#before;
  }

  /**
   * Whether the page has the same records as the page before it, in any order if they have a key. `alone`: also
   * compares a single record without a key.
   */
  isSame(records: readonly SourceRecord[], alone = false): boolean {
    const before = this.#before;
    if (records.length === 0 || records.length !== before.length) return false;
    if (this.#incremental.key !== null) return this.#holdsSame(records);
    // Fast path: the first record already differs for most pages.
    for (const [index, record] of records.entries()) {
      const other = before[index];
      if (other === undefined || this.#mark(record) !== this.#mark(other)) return false;
    }
    if (records.length === 1) return alone;
    return new Set(records.map((record) => this.#mark(record))).size === records.length;
  }

  #holdsSame(records: readonly SourceRecord[]): boolean {
    const [first] = records;
    if (first === undefined) return false;
    const mark = this.#mark(first);
    if (!this.#before.some((record) => this.#mark(record) === mark)) return false;
    const others = new Set(records.map((record) => this.#mark(record)));
    return this.#before.every((record) => others.has(this.#mark(record)));
  }

  /**
   * Whether all of its records were on the two pages before it, and it ends with the same record. Sources do this that
   * clamp an offset past the end, so that the page is full.
   */
  isKnown(records: readonly SourceRecord[]): boolean {
    const [last, lastBefore] = [records.at(-1), this.#before.at(-1)];
    if (last === undefined || lastBefore === undefined || this.#mark(last) !== this.#mark(lastBefore)) {
      return false;
    }
    const known = new Set([...this.#earlier, ...this.#before].map((record) => this.#mark(record)));
    return records.every((record) => known.has(this.#mark(record)));
  }

  /** How many of the records were not on the page before. */
  countNew(records: readonly SourceRecord[]): number {
    const known = new Set(this.#before.map((record) => this.#mark(record)));
    return records.filter((record) => !known.has(this.#mark(record))).length;
  }

  /** How many records, from the first on, were on the page before. */
  countKnownFirst(records: readonly SourceRecord[]): number {
    const [first] = records;
    if (first === undefined || this.#before.length === 0) return 0;
    const mark = this.#mark(first);
    if (!this.#before.some((record) => this.#mark(record) === mark)) return 0;
    const known = new Set(this.#before.map((record) => this.#mark(record)));
    const unknown = records.findIndex((record) => !known.has(this.#mark(record)));
    return unknown < 0 ? records.length : unknown;
  }

  #mark(record: SourceRecord): string {
    return recordMark(record, this.#incremental);
  }
}
