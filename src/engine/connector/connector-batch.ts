import type { SourceRecord } from "../../model/record.ts";
import type { Page } from "../ports.ts";

/**
 * Cuts what a connector yields into pages of `size` records. A page that has a cursor ends where the
 * cursor stands, so that it covers the page to its last record: records behind it wait for the next.
 */
export class ConnectorBatch {
  readonly #size: number;
  #records: SourceRecord[] = [];
  /** The last cursor yielded, and how many of `records` came before it. */
  #mark: { readonly cursor: string; readonly at: number } | null = null;
  /** Cursors taken since the last page that had none but cursors before them. */
  #idle = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Takes what was yielded, and returns the pages that are full. */
  add(records: readonly SourceRecord[], cursor: string | undefined): Page[] {
    for (const record of records) this.#records.push(record);
    const pages: Page[] = [];
    // A page that is just full waits for what comes next, which may be the cursor that covers it.
    while (this.#records.length > this.#size) pages.push(this.#cut());
    if (cursor === undefined) return pages;
    this.#idle = records.length === 0 ? this.#idle + 1 : 0;
    this.#mark = { cursor, at: this.#records.length };
    if (this.#records.length >= this.#size || this.#idle >= this.#size) pages.push(this.#cut());
    return pages;
  }

  /** The records that a cursor covers, as a page; null where there is no cursor. */
  covered(): Page | null {
    return this.#mark === null ? null : this.#cut();
  }

  /** What is left at the end, in order. */
  rest(): Page[] {
    const pages: Page[] = [];
    while (this.#mark !== null || this.#records.length > 0) pages.push(this.#cut());
    return pages;
  }

  #cut(): Page {
    const mark = this.#mark;
    const records = this.#records.splice(0, mark?.at ?? this.#size);
    this.#mark = null;
    this.#idle = 0;
    return mark === null ? { records, next: null } : { records, next: null, cursor: mark.cursor };
  }
}
