import { recordMark } from "../../engine/page-guard.ts";
import type { Incremental } from "../../engine/ports.ts";
import type { SourceRecord } from "../../model/record.ts";

/**
 * Tells whether a page holds the very records of the page before it. Kept is one page. Records
 * without a key that are not even told apart within their page say nothing.
 */
export class RepeatedPage {
  readonly #incremental: Incremental;
  #before: readonly SourceRecord[] = [];

  constructor(incremental: Incremental) {
    this.#incremental = incremental;
  }

  /** To be asked of every page, in turn. */
  isRepeated(records: readonly SourceRecord[]): boolean {
    const before = this.#before;
    this.#before = records;
    if (records.length === 0 || records.length !== before.length) return false;
    const mark = (record: SourceRecord): string => recordMark(record, this.#incremental);
    // The first record alone tells most pages apart.
    for (const [index, record] of records.entries()) {
      const other = before[index];
      if (other === undefined || mark(record) !== mark(other)) return false;
    }
    if (this.#incremental.key !== null) return true;
    return records.length > 1 && new Set(records.map(mark)).size === records.length;
  }
}
