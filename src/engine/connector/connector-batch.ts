import type { SourceRecord } from "../../model/record.ts";
import type { Page } from "../ports.ts";

/**
 * Cuts what a connector yields into pages of `size` records. A page with a cursor ends at the cursor, so that the
 * cursor covers all of the page; records after it go to the next page.
 */
export class ConnectorBatch {
  readonly #size: number;
  #records: SourceRecord[] = [];
  /** The last cursor yielded, and how many of `records` came before it. */
  #covered: { readonly cursor: string; readonly at: number } | null = null;
  /** Cursors taken since the last page that had none but cursors before them. */
  #idle = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Takes what was yielded, and returns the pages that are full. */
  add(records: readonly SourceRecord[], cursor: string | undefined): Page[] {
    for (const record of records) this.#records.push(record);
    const pages: Page[] = [];
    // A full page is held until the next item, which may be the cursor that covers it.
    while (this.#records.length > this.#size) pages.push(this.#cut());
    if (cursor === undefined) return pages;
    this.#idle = records.length === 0 ? this.#idle + 1 : 0;
    this.#covered = { cursor, at: this.#records.length };
    if (this.#records.length >= this.#size || this.#idle >= this.#size) pages.push(this.#cut());
    return pages;
  }

  /** The records that a cursor covers, as a page; null where there is no cursor. */
  covered(): Page | null {
    return this.#covered === null ? null : this.#cut();
  }

  /** What is left at the end, in order. */
  rest(): Page[] {
    const pages: Page[] = [];
    while (this.#covered !== null || this.#records.length > 0) pages.push(this.#cut());
    return pages;
  }

  #cut(): Page {
    const covered = this.#covered;
    const records = this.#records.splice(0, covered?.at ?? this.#size);
    this.#covered = null;
    this.#idle = 0;
    return covered === null ? { records, next: null } : { records, next: null, cursor: covered.cursor };
  }
}
