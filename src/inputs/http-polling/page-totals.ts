import type { Warn } from "../../engine/ports.ts";
import type { TidemarkError } from "../../errors.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import { formatPath, type Path, parsePath, valueAt } from "../../model/record.ts";
import { type Answer, kindOf, type PageFailure } from "./answer.ts";
import type { PlacePagination } from "./pagination-schema.ts";

/** What a source says of its result as a whole, against what has been read of it (promise P15). */
export class PageTotals {
  readonly #totalPath: Path | null;
  readonly #pagesPath: Path | null;
  readonly #morePath: Path | null;
  /** How many records and pages of the result have been read; null where the read began at an unknown place. */
  #records: number | null;
  #pages: number | null;
  #isFirst = true;
  #total: number | null = null;
  #totalPages: number | null = null;
  #hasMore: boolean | null = null;
  /** By how much the totals grew with the newest page; null where that is not known. */
  #recordsGrown: number | null = null;
  #pagesGrown: number | null = null;
  /** Told of the first total that is another than before; null where that says nothing, or is told. */
  #warn: Warn | null;

  constructor(
    pagination: PlacePagination,
    before: { records: number | null; pages: number | null },
    warn: Warn,
  ) {
    // Places that are counted shift when the result grows or shrinks before them; tokens need not.
    this.#warn = pagination.type === "page" || pagination.type === "offset" ? warn : null;
    this.#totalPath = pathOrNull(pagination.totalField);
    this.#pagesPath = pathOrNull("totalPagesField" in pagination ? pagination.totalPagesField : undefined);
    this.#morePath = pathOrNull(pagination.hasMoreField);
    this.#records = before.records;
    this.#pages = before.pages;
  }

  /** Whether the last page said that another follows; null where it said nothing. */
  get hasMore(): boolean | null {
    return this.#hasMore;
  }

  /** Whether the source has told where its result ends. */
  get isKnown(): boolean {
    return this.#total !== null || this.#totalPages !== null;
  }

  /** Whether all that the source told of has been read; its number of pages counts before that of records. */
  get isReached(): boolean {
    if (this.#totalPages !== null && this.#pages !== null) return this.#pages >= this.#totalPages;
    return this.#total !== null && this.#records !== null && this.#records >= this.#total;
  }

  /**
   * Whether the newest page may be the one before it, moved on by so many records that came in ahead of
   * it: the total has then grown by them. Null where the source tells of no total.
   */
  movedOnBy(count: number): boolean | null {
    if (this.#recordsGrown !== null) return this.#recordsGrown >= count;
    return this.#pagesGrown === null ? null : this.#pagesGrown >= 1;
  }

  /** Takes in a page. Totals are those of the newest page with records: past the end some sources say 0. */
  note({ body, records }: Answer, fail: PageFailure): void {
    if (this.#records !== null) this.#records += records.length;
    if (this.#pages !== null) this.#pages += 1;
    this.#hasMore = this.#morePath === null ? null : flagAt(body, this.#morePath, fail);
    if (body !== undefined && (records.length > 0 || this.#isFirst)) {
      const total = this.#count(body, this.#totalPath, fail) ?? this.#total;
      const totalPages = this.#count(body, this.#pagesPath, fail) ?? this.#totalPages;
      this.#compare("records", this.#total, total);
      this.#compare("pages", this.#totalPages, totalPages);
      this.#recordsGrown = difference(this.#total, total);
      this.#pagesGrown = difference(this.#totalPages, totalPages);
      this.#total = total;
      this.#totalPages = totalPages;
    }
    this.#isFirst = false;
  }

  #compare(counted: string, before: number | null, now: number | null): void {
    if (before === null || before === now) return;
    this.#warn?.(
      "TOTAL_CHANGED",
      `the source told of ${before} ${counted}, then of ${now}: its records changed while their pages were counted, so one may have slipped past a page's border unread; \`pagination: seek\`, page tokens and links do not shift`,
    );
    this.#warn = null;
  }

  /** Where a read ends: `SOURCE_TRUNCATED` if the source told of more than was read, else null. */
  shortfall(fail: PageFailure): TidemarkError | null {
    if (this.#total !== null && this.#records !== null && this.#records < this.#total) {
      return fail(
        "SOURCE_TRUNCATED",
        `the source ended after ${this.#records} records, and told of ${this.#total}`,
        "Try again; where it stays so, compare `totalField` and `limit` with what the source grants.",
      );
    }
    if (this.#totalPages !== null && this.#pages !== null && this.#pages < this.#totalPages) {
      return fail("SOURCE_TRUNCATED", `the source ended after ${this.#pages} of ${this.#totalPages} pages`);
    }
    return null;
  }

  /** A whole number in the body; null where the source does not know it, or told it with the first page only. */
  #count(body: unknown, path: Path | null, fail: PageFailure): number | null {
    if (path === null) return null;
    const value = valueAt(body, path);
    if (value === null || (value === undefined && !this.#isFirst)) return null;
    const number = typeof value === "string" || value instanceof ExactNumber ? Number(value) : value;
    if (typeof number !== "number" || !Number.isInteger(number) || value === "") {
      throw fail("SOURCE_INVALID", `\`${formatPath(path)}\` is ${kindOf(value)}, not a whole number`);
    }
    return number < 0 ? null : number;
  }
}

function difference(before: number | null, now: number | null): number | null {
  return before === null || now === null ? null : now - before;
}

function pathOrNull(dotted: string | undefined): Path | null {
  return dotted === undefined ? null : parsePath(dotted);
}

function flagAt(body: unknown, path: Path, fail: PageFailure): boolean | null {
  const value = valueAt(body, path);
  if (value === undefined || value === null) return null;
  if (typeof value === "boolean") return value;
  throw fail("SOURCE_INVALID", `\`${formatPath(path)}\` is ${kindOf(value)}, not a boolean`);
}
