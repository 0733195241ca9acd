import type { Incremental, Warn } from "../../engine/ports.ts";
import { recordMark } from "../../engine/tracking/page-guard.ts";
import type { SourceRecord } from "../../model/record.ts";
import { NewestFirst } from "./newest-first.ts";

/** How many records are remembered in each of two halves. */
const remembered = 25_000;

/** How many records of a page came before, and how many of those the walk did not request on purpose. */
export interface Again {
  readonly known: number;
  readonly shifted: number;
}

const none: Again = { known: 0, shifted: 0 };

/**
 * Finds records that come on two pages of one read, with the same key and cursor. Pages that are counted are cut from
 * an order; if the order shifts in between, one record comes twice and another not at all. Memory is bounded by a
 * number of records. Records without a key may be equal by chance, so they are ignored.
 */
export class ReadAgain {
  readonly #incremental: Incremental;
  readonly #most: number;
  #recent = new Set<string>();
  #former = new Set<string>();
  readonly #newestFirst: NewestFirst;
  #shifted = 0;

  constructor(incremental: Incremental, most = remembered) {
    this.#incremental = incremental;
    this.#most = most;
    this.#newestFirst = new NewestFirst(incremental);
  }

  /** Adds a page. Records in `own`, from the page before, may come again because the walk requested them. */
  note(records: readonly SourceRecord[], own: readonly SourceRecord[] = []): Again {
    if (this.#incremental.key === null || records.length === 0) return none;
    if (this.#recent.size >= this.#most) {
      this.#former = this.#recent;
      this.#recent = new Set();
    }
    const marks = records.map((record) => recordMark(record, this.#incremental));
    const known = marks.filter((mark) => this.#recent.has(mark) || this.#former.has(mark));
    this.#newestFirst.note(records, marks, new Set(known));
    for (const mark of marks) this.#recent.add(mark);
    if (known.length === 0) return none;
    const expected = new Set(own.map((record) => recordMark(record, this.#incremental)));
    const shifted = known.filter((mark) => !expected.has(mark)).length;
    this.#shifted += shifted;
    return { known: known.length, shifted };
  }

  /** Call where the read ends. */
  warn(warn: Warn, param: string): void {
    // If records were only inserted at the front, those pushed to the next page came twice, and none was missed.
    if (this.#shifted === 0 || this.#newestFirst.holds) return;
    const many = this.#shifted === 1 ? "1 record" : `${this.#shifted} records`;
    warn(
      "PAGES_SHIFTED",
      `the source's order shifted while its pages were counted by \`${param}\`: ${many} came twice in this read. Either as many came in ahead, or as many are missing. Let the source sort by a value that does not change, with an id behind it; \`pagination: seek\` and page tokens do not shift, nor do links unless they count pages`,
    );
  }
}
