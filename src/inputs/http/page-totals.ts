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

/** How much of the result lies before the place at which a read begins; null where that is not known. */
export interface ReadBefore {
  readonly records: number | null;
  readonly pages: number | null;
}

/** How much of the result lies before a place: as it was counted, else as far as the place can tell. */
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

/** What a source says of its result as a whole, against what has been read of it (promise P15). */
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
  /** Totals that said less than what came are no longer listened to. */
  #isTotalRefuted = false;
  #arePagesRefuted = false;
  /** How many records the newest page had. */
  #count = 0;
  /** How many records came a second time, since their order shifted; and by how much the total has grown in all. */
  #shifted = 0;
  #grown = 0;
  /** By how much the totals grew with the newest page; null where that is not known. */
  #recordsGrown: number | null = null;
  #pagesGrown: number | null = null;
  /** Whether a total that is another than before is still to be told; not where that says nothing. */
  #reportsChange: boolean;

  /**
   * Whether records that come twice stand for others that moved ahead: newest first, a record that changes while
   * pages are counted is above all that was read, and the next run brings it.
   */
  readonly #isNewestFirst: boolean;

  constructor(pagination: PlacePagination, before: ReadBefore, parts: TotalsParts) {
    const { facts, warn } = parts;
    this.#isNewestFirst = parts.incremental.order === "descending" && parts.incremental.cursors.length > 0;
    // Places that are counted shift when the result grows or shrinks before them; tokens need not.
    this.#reportsChange = pagination.type === "page" || pagination.type === "offset";
    this.#totalPath = pathOrNull(pagination.totalField);
    this.#pagesPath = pathOrNull("totalPagesField" in pagination ? pagination.totalPagesField : undefined);
    this.#flag = new MoreFlag(pathOrNull(pagination.hasMoreField), facts, warn);
    this.#facts = facts;
    this.#warn = warn;
    this.#records = before.records;
    this.#pages = before.pages;
  }

  /** How much has been read by now; null where the read began at an unknown place. */
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

  /** Whether the source told of a number of pages, and what that says of the next page; null where it did not. */
  get pagesLeft(): boolean | null {
    return this.#totalPages === null || this.#pages === null ? null : this.#pages < this.#totalPages;
  }

  /** Whether the source told of more records than came; null where it told of no number, or a wrong one. */
  get recordsLeft(): boolean | null {
    if (this.#total === null || this.#records === null) return null;
    // Of what came in ahead while pages were counted, one record comes twice for each.
    const ahead = this.#isNewestFirst ? this.#shifted : Math.min(this.#shifted, this.#grown);
    return this.#records + ahead < this.#total;
  }

  /**
   * Whether as many records came as the source told of, and it told of the whole result: a total that is
   * the number of records on the page is the size of the page with some sources.
   */
  get agrees(): boolean {
    const { recordsLeft } = this;
    if (recordsLeft !== false) return false;
    return (
      this.#total !== this.#count || (this.#facts.has(this.#totalFact) && !this.#facts.has(this.#wrongFact))
    );
  }

  /**
   * Whether a page without records is the end, since it repeats a total that came whole: that is not the size of the page. A
   * total of 0 is taken where the stream has seen it count more than a page.
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
   * Whether the newest page may be the one before it, moved on by so many records that came in ahead of
   * it: the total has then grown by them. Null where the source tells of no total.
   */
  movedOnBy(count: number): boolean | null {
    if (this.#recordsGrown !== null) return this.#recordsGrown >= count;
    return this.#pagesGrown === null ? null : this.#pagesGrown >= 1;
  }

  /**
   * Takes in a page, of whose records so many did not come before, and so many came again by a shift. Totals are those of the newest page with
   * records: past the end some sources say 0.
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

  /** That the total was more than the number of records on a page; that it was less than what came. */
  get #totalFact(): string {
    return `total:${formatPath(this.#totalPath ?? [])}`;
  }

  get #wrongFact(): string {
    return `total-wrong:${formatPath(this.#totalPath ?? [])}`;
  }

  /** Whether a total is refuted by what came; that is then told. */
  #isLess(total: number | null, read: number | null, counted: string): boolean {
    if (total === null || read === null || total >= read) return false;
    this.#warn(
      "TOTAL_IGNORED",
      `the source told of ${total} ${counted}, and has given ${read}: its total does not count the whole result, and is no longer used in this run`,
    );
    return true;
  }

  #compare(counted: string, before: number | null, now: number | null): void {
    if (!this.#reportsChange || before === null || now === null || before === now) return;
    this.#warn(
      "TOTAL_CHANGED",
      `the source told of ${before} ${counted}, then of ${now}: its records changed while their pages were counted, so one may have slipped past a page's border unread; \`pagination: seek\` and page tokens do not shift, nor do links unless they count pages`,
    );
    this.#reportsChange = false;
  }

  /** Where a read ends: `SOURCE_TRUNCATED` if the source told of more than was read, else null. */
  shortfall(fail: PageFailure): TidemarkError | null {
    if (this.#records !== 0) this.#flag.warnIfNeverSeen();
    if (this.recordsLeft === true) {
      return fail(
        "SOURCE_TRUNCATED",
        `the source ended after ${this.#records} ${this.#shifted > 0 ? "different records" : "records"}, and told of ${this.#total}`,
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

  /** A whole number in the body; null where the source does not know it, or told it with the first page only. */
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

/** Elasticsearch says beside a total whether it stopped counting: `{ value: 10000, relation: "gte" }`. */
function isAtLeast(body: unknown, path: Path): boolean {
  return path.at(-1) === "value" && valueAt(body, [...path.slice(0, -1), "relation"]) === "gte";
}

function difference(before: number | null, now: number | null): number | null {
  return before === null || now === null ? null : now - before;
}

function pathOrNull(dotted: string | undefined): Path | null {
  return dotted === undefined ? null : parsePath(dotted);
}
