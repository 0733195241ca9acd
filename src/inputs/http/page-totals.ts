import type { Incremental, Warn } from "../../engine/ports.ts";
import type { TidemarkError } from "../../errors.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import type { ResumePoint } from "../../model/position.ts";
import { formatPath, type Path, parsePath, valueAt } from "../../model/record.ts";
import { showValue } from "../../model/unreadable-value.ts";
import { type Answer, siblingKeys } from "./answer.ts";
import { exactText } from "./answer-values.ts";
import type { Facts } from "./facts.ts";
import { MoreFlag } from "./more-flag.ts";
import type { PageFailure } from "./page-failure.ts";
import type { CountedPagination, PlacePagination } from "./pagination-schema.ts";

/** How much of the result lies before the start of a read; null where unknown. */
export interface ReadBefore {
  readonly records: number | null;
  readonly pages: number | null;
}

/** How much of the result lies before a place: the stored count, or else derived from the place. */
export function readBefore(pagination: CountedPagination, { kind, token, read }: ResumePoint): ReadBefore {
  if (pagination.type === "offset") return { records: read ?? Number(token), pages: null };
  const pages = kind === "page" ? Number(token) - pagination.startPage : null;
  return { pages, records: read ?? (pages === 0 ? 0 : null) };
}

export interface TotalsParts {
  readonly facts: Facts;
  readonly warn: Warn;
  readonly incremental: Pick<Incremental, "order" | "cursors">;
}

/** Compares the totals that a source gives with what has been read (promise P15). */
export class PageTotals {
  readonly #totalPath: Path | null;
  readonly #pagesPath: Path | null;
  readonly #flag: MoreFlag;
  readonly #facts: Facts;
  readonly #warn: Warn;
  /** How many records and pages of the result have been read; null where the read began at an unknown place. */
  #records: number | null;
  #pages: number | null;
  #isFirst = true;
  #total: number | null = null;
  #totalPages: number | null = null;
  /** Totals below what came are ignored from then on. */
  #isTotalRefuted = false;
  #arePagesRefuted = false;
  /** How many records the newest page had. */
  #count = 0;
  /** How many records came twice because the order shifted, and by how much the total has grown. */
  #shifted = 0;
  #grown = 0;
  /** By how much the totals grew with the newest page; null where unknown. */
  #recordsGrown: number | null = null;
  #pagesGrown: number | null = null;
  /** Whether a changed total must still be reported. */
  #reportsChange: boolean;

  /**
   * Whether repeated records only show that others moved to the front: newest first, a record that changes during the
   * read moves above everything read, and the next run reads it.
   */
  readonly #isNewestFirst: boolean;

  constructor(pagination: PlacePagination, before: ReadBefore, parts: TotalsParts) {
    const { facts, warn } = parts;
    this.#isNewestFirst = parts.incremental.order === "descending" && parts.incremental.cursors.length > 0;
    // Counted places shift when the result grows or shrinks before them; tokens may not.
    this.#reportsChange = pagination.type === "page" || pagination.type === "offset";
    this.#totalPath = pathOrNull(pagination.totalField);
    this.#pagesPath = pathOrNull("totalPagesField" in pagination ? pagination.totalPagesField : undefined);
    this.#flag = new MoreFlag(pathOrNull(pagination.hasMoreField), facts, warn);
    this.#facts = facts;
    this.#warn = warn;
    this.#records = before.records;
    this.#pages = before.pages;
  }

  /** How much has been read so far; null where the read began at an unknown place. */
  get read(): ReadBefore {
    return { records: this.#records, pages: this.#pages };
  }

  /** Whether the last page said that another follows; null where it said nothing. */
  get hasMore(): boolean | null {
    return this.#flag.value;
  }

  /** Whether the flag was seen to change where the pages ended, in this run or an earlier one. */
  get isFlagProven(): boolean {
    return this.#flag.isProven;
  }

  /** Whether pages are left by the source's number of pages; null where it gave none. */
  get pagesLeft(): boolean | null {
    return this.#totalPages === null || this.#pages === null ? null : this.#pages < this.#totalPages;
  }

  /** Whether records are left by the source's total; null where it gave none, or a wrong one. */
  get recordsLeft(): boolean | null {
    if (this.#total === null || this.#records === null) return null;
    // Each record that was inserted before the place during the read makes one record come twice.
    const ahead = this.#isNewestFirst ? this.#shifted : Math.min(this.#shifted, this.#grown);
    return this.#records + ahead < this.#total;
  }

  /**
   * Whether as many records came as the total says, and the total is of the whole result: with some sources a total
   * that equals the number of records on the page is the page's size.
   */
  get agrees(): boolean {
    const { recordsLeft } = this;
    if (recordsLeft !== false) return false;
    return (
      this.#total !== this.#count || (this.#facts.has(this.#totalFact) && !this.#facts.has(this.#wrongFact))
    );
  }

  /**
   * Whether a page without records is the end because it repeats a total that was reached, which cannot be the page's
   * size. A total of 0 counts if the stream has seen the total exceed a page.
   */
  isReachedAt({ body, records }: Answer): boolean {
    if (this.#totalPath === null || records.length > 0 || this.recordsLeft !== false) return false;
    if (this.hasMore === true || this.pagesLeft === true) return false;
    const total = exactText(valueAt(body, this.#totalPath));
    if (total === null || total === "" || Number(total) !== this.#total) return false;
    if (this.#total > 0) this.#facts.learn(this.#totalFact);
    return this.#facts.has(this.#totalFact) && !this.#facts.has(this.#wrongFact);
  }

  /**
   * Whether the newest page may be the one before it, shifted by this many records that were inserted before it: the
   * total has then grown by as many. Null where the source gives no total.
   */
  movedOnBy(count: number): boolean | null {
    if (this.#recordsGrown !== null) return this.#recordsGrown >= count;
    return this.#pagesGrown === null ? null : this.#pagesGrown >= 1;
  }

  /**
   * Adds a page with its number of new records and of records repeated by a shift. The totals are those of the newest
   * page with records: past the end some sources return 0.
   */
  note({ body, records }: Answer, fail: PageFailure, fresh: number = records.length, shifted = 0): void {
    this.#shifted += shifted;
    this.#count = records.length;
    if (this.#records !== null) this.#records += fresh;
    if (this.#pages !== null) this.#pages += 1;
    this.#flag.note(body, fail);
    if (body !== undefined && (records.length > 0 || this.#isFirst)) {
      this.#noteTotals(
        this.#countAt(body, this.#totalPath, fail) ?? this.#total,
        this.#countAt(body, this.#pagesPath, fail) ?? this.#totalPages,
      );
    }
    this.#isFirst = false;
  }

  #noteTotals(total: number | null, totalPages: number | null): void {
    this.#isTotalRefuted ||= this.#isLess(total, this.#records, "records");
    this.#arePagesRefuted ||= this.#count > 0 && this.#isLess(totalPages, this.#pages, "pages");
    const totalRecords = this.#isTotalRefuted ? null : total;
    const pageCount = this.#arePagesRefuted ? null : totalPages;
    this.#compare("records", this.#total, totalRecords);
    this.#compare("pages", this.#totalPages, pageCount);
    this.#recordsGrown = difference(this.#total, totalRecords);
    this.#grown += Math.max(0, this.#recordsGrown ?? 0);
    this.#pagesGrown = difference(this.#totalPages, pageCount);
    this.#total = totalRecords;
    this.#totalPages = pageCount;
    if (totalRecords !== null && totalRecords > this.#count) this.#facts.learn(this.#totalFact);
    if (this.#isTotalRefuted) this.#facts.learn(this.#wrongFact);
  }

  /** The facts that the total exceeded the number of records on a page, and that it was below what came. */
  get #totalFact(): string {
    return `total:${formatPath(this.#totalPath ?? [])}`;
  }

  get #wrongFact(): string {
    return `total-wrong:${formatPath(this.#totalPath ?? [])}`;
  }

  /** Whether more came than a total says; then it warns. */
  #isLess(total: number | null, read: number | null, counted: string): boolean {
    if (total === null || read === null || total >= read) return false;
    this.#warn(
      "TOTAL_IGNORED",
      `the source reported ${total} ${counted}, and has returned ${read}: its total does not count the whole result, and is no longer used in this run`,
    );
    return true;
  }

  #compare(counted: string, before: number | null, now: number | null): void {
    if (!this.#reportsChange || before === null || now === null || before === now) return;
    this.#warn(
      "TOTAL_CHANGED",
      `the source reported ${before} ${counted}, then ${now}: its records changed while their pages were counted, so one may have slipped past a page's border unread; \`pagination: seek\` and page tokens do not shift, nor do links unless they count pages`,
    );
    this.#reportsChange = false;
  }

  /** At the end of a read: `SOURCE_TRUNCATED` if a total is above what was read, else null. */
  shortfall(fail: PageFailure): TidemarkError | null {
    if (this.#records !== 0) this.#flag.warnIfNeverSeen();
    if (this.recordsLeft === true) {
      return fail(
        "SOURCE_TRUNCATED",
        `the source ended after ${this.#records} ${this.#shifted > 0 ? "different records" : "records"}, and reported ${this.#total}`,
        this.#shifted > 0
          ? shiftedHint
          : "Try again. If it stays so, the total may count records that the source does not give: then leave `totalField` out.",
      );
    }
    if (this.pagesLeft === true) {
      return fail("SOURCE_TRUNCATED", `the source ended after ${this.#pages} of ${this.#totalPages} pages`);
    }
    return null;
  }

  /** A whole number in the body; null where the source does not know it, or gives it only with the first page. */
  #countAt(body: unknown, path: Path | null, fail: PageFailure): number | null {
    if (path === null) return null;
    const value = valueAt(body, path);
    if (value === null || (value === undefined && !this.#isFirst) || isAtLeast(body, path)) return null;
    const number = typeof value === "string" || value instanceof ExactNumber ? Number(value) : value;
    if (typeof number !== "number" || !Number.isInteger(number) || value === "") {
      throw fail(
        "SOURCE_INVALID",
        value === undefined
          ? `the answer has no \`${formatPath(path)}\`, where a whole number was expected${siblingKeys(body, path)}`
          : `\`${formatPath(path)}\` is ${showValue(value)}, and a whole number was expected`,
        "Give the path of a number, or leave the key out: a total only confirms where the read ends by itself.",
      );
    }
    return number < 0 ? null : number;
  }
}

const shiftedHint =
  "Records came twice, on two pages, so that others came not at all: let the source sort by a value that does not change, with an id behind it, or page by `seek`, tokens or links. If it gives the newest first, declare `order: descending`.";

/** Elasticsearch marks a total at which it stopped counting: `{ value: 10000, relation: "gte" }`. */
function isAtLeast(body: unknown, path: Path): boolean {
  return path.at(-1) === "value" && valueAt(body, [...path.slice(0, -1), "relation"]) === "gte";
}

function difference(before: number | null, now: number | null): number | null {
  return before === null || now === null ? null : now - before;
}

function pathOrNull(dotted: string | undefined): Path | null {
  return dotted === undefined ? null : parsePath(dotted);
}
