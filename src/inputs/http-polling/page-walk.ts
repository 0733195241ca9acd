import { hash } from "node:crypto";
import type { Incremental, Warn } from "../../engine/ports.ts";
import type { TidemarkError } from "../../errors.ts";
import type { HttpResponse } from "../../http/message.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import type { ResumePoint } from "../../model/position.ts";
import { parsePath, valueAt } from "../../model/record.ts";
import { type Answer, kindOf, type PageFailure, pageCap } from "./answer.ts";
import { nextLink } from "./link-header.ts";
import { PageTotals } from "./page-totals.ts";
import type { Pagination, PlacePagination } from "./pagination-schema.ts";
import { RepeatedPage } from "./repeated-page.ts";
import type { HttpPollingConfig } from "./schema.ts";

/** How pages follow one another; an offset cursor without `pagination` pages by itself. */
export function paginationOf({ pagination, statePersistence }: HttpPollingConfig): Pagination | null {
  const { offset } = statePersistence;
  if (pagination !== undefined) return pagination;
  return offset?.enabled
    ? {
        type: "offset",
        param: offset.queryParam,
        startOffset: 0,
        tokenGone: { statuses: [] },
        maxPages: 10_000,
      }
    : null;
}

/** A moved bound needs no place: the watermark is one. */
const resumeKinds = { page: "page", offset: "offset", cursor: "token", link: "link", seek: null } as const;

/** Whether a read by this pagination can go on at such a place. */
export function canResume(pagination: Pagination | null, place: ResumePoint): boolean {
  return pagination !== null && resumeKinds[pagination.type] === place.kind;
}

export interface WalkStart {
  /** Where to go on; null begins at the start. */
  readonly resume: ResumePoint | null;
  /** The leading offset that the window begins at; null where another cursor leads. */
  readonly offset: string | null;
}

/** What one page showed of the way on. */
export interface PageSeen {
  readonly response: HttpResponse;
  readonly answer: Answer;
  readonly fail: PageFailure;
}

/** Goes from page to page of one read, in constant memory but for a short digest of each token. */
export class PageWalk {
  readonly #pagination: PlacePagination;
  readonly #resolve: (link: URL, fail: PageFailure) => URL;
  readonly #warn: Warn;
  readonly #totals: PageTotals;
  /** Null where tokens and links tell one page from another. */
  readonly #repeats: RepeatedPage | null;
  readonly #visited = new Set<string>();
  #pages = 0;
  #place: ResumePoint | null;
  #failure: TidemarkError | null = null;

  /** `resolve` makes an address that a source gave into one that may be asked, or throws. */
  constructor(
    pagination: PlacePagination,
    incremental: Incremental,
    start: WalkStart,
    resolve: (link: URL, fail: PageFailure) => URL,
    warn: Warn,
  ) {
    this.#pagination = pagination;
    this.#resolve = resolve;
    this.#warn = warn;
    this.#place = start.resume ?? firstPlace(pagination, start.offset);
    this.#totals = new PageTotals(pagination, readBefore(pagination, this.#place), warn);
    const isCounted = pagination.type === "page" || pagination.type === "offset";
    this.#repeats = isCounted ? new RepeatedPage(incremental) : null;
    if (start.resume !== null) this.#visited.add(digestOf(start.resume.token));
  }

  /** Where the next page is; null asks for the first page without saying where. */
  get place(): ResumePoint | null {
    return this.#place;
  }

  /**
   * Takes in a page and goes on to the next; false where the walk is over, and `finish` then says
   * whether that is well. Throws `SOURCE_INVALID` for an answer that does not say what is declared.
   */
  advance(page: PageSeen): boolean {
    this.#pages += 1;
    this.#totals.note(page.answer, page.fail);
    const isRepeated = this.#repeats?.isRepeated(page.answer.records) ?? false;
    const next = isRepeated && !this.#mayRepeat(page) ? null : this.#after(page);
    if (next === null) {
      this.#failure ??= this.#totals.shortfall(page.fail);
      return false;
    }
    const { maxPages } = this.#pagination;
    if (this.#pages >= maxPages) {
      this.#failure = pageCap(maxPages, page.fail);
      return false;
    }
    this.#place = next;
    return true;
  }

  /**
   * Called once the last page has been handed on. Throws where the walk stopped early (promise P15):
   * `SOURCE_TRUNCATED` where the source told of more than it gave, `PAGE_REPEATED` for a token or
   * link that was followed before and for a page that came in place of another, `PAGE_CAP_REACHED`.
   */
  finish(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /**
   * A page in place of another holds back what was on that one, unless as many records came in ahead.
   * Where no total tells the two apart the read goes on, and the source's end decides.
   */
  #mayRepeat({ answer, fail }: PageSeen): boolean {
    const count = answer.records.length;
    const moved = this.#totals.movedOnBy(count);
    if (moved === false) {
      this.#failure = fail(
        "PAGE_REPEATED",
        "the page brought the same records as the page before it, and the source's total did not grow by them: what belongs here was not given",
        "Try again; where it stays so, see whether the source pages by this parameter.",
        true,
      );
    } else if (moved === null) {
      this.#warn(
        "PAGE_REPEATED_ONCE",
        "a page brought the same records as the page before it: either as many came in ahead while pages were counted, or the source gave it in place of another, whose records are then missing; `totalField` would tell, `pagination: seek`, page tokens and links do not shift",
      );
    }
    return moved !== false;
  }

  #after(page: PageSeen): ResumePoint | null {
    switch (this.#pagination.type) {
      case "page":
      case "offset":
        return this.#counted(page);
      case "cursor":
        return this.#token(page, this.#pagination.nextCursorField);
      case "link":
        return this.#link(page, this.#pagination.nextCursorField);
    }
  }

  #counted({ answer, fail }: PageSeen): ResumePoint | null {
    const count = answer.records.length;
    if (this.#isLast(count)) return null;
    const current = BigInt(this.#place?.token ?? "0");
    if (this.#pagination.type === "page") return { kind: "page", token: String(current + 1n) };
    if (count === 0)
      return this.#stop(fail("SOURCE_TRUNCATED", "the source said that more follows, and gave no records"));
    return { kind: "offset", token: String(current + BigInt(count)) };
  }

  /** What the source says counts first, then its totals, then how full the page is. */
  #isLast(count: number): boolean {
    const { hasMore, isKnown, isReached } = this.#totals;
    if (hasMore !== null) return !hasMore;
    if (isReached) return true;
    const { limit } = this.#pagination;
    return count === 0 || (!isKnown && limit !== undefined && count < limit);
  }

  #token({ answer, fail }: PageSeen, field: string): ResumePoint | null {
    const token = this.#nextAt(answer, field, fail);
    if (token === null) return null;
    return this.#unlessVisited({ kind: "token", token }, fail);
  }

  #link({ answer, response, fail }: PageSeen, field: string | undefined): ResumePoint | null {
    const text =
      field === undefined
        ? this.#unlessEnded(nextLink(response.headers.get("link")))
        : this.#nextAt(answer, field, fail);
    if (text === null) return null;
    const url = URL.parse(text, response.url.href);
    if (url === null) throw fail("SOURCE_INVALID", "the link to the next page is no address");
    return this.#unlessVisited({ kind: "link", token: this.#resolve(url, fail).href }, fail);
  }

  #unlessEnded(next: string | null): string | null {
    return this.#totals.hasMore === false ? null : next;
  }

  /** The next page's token or address in the body; null at the end. */
  #nextAt({ body, records }: Answer, field: string, fail: PageFailure): string | null {
    const { hasMore } = this.#totals;
    const { limit } = this.#pagination;
    const value = valueAt(body, parsePath(field));
    if (hasMore === false) return null;
    if (value === undefined || value === null || value === "" || value === false) {
      if (hasMore === true)
        throw fail("SOURCE_INVALID", `more pages follow, and \`${field}\` is ${kindOf(value)}`);
      if (value === undefined && body !== undefined && limit !== undefined && records.length >= limit) {
        this.#warn("NEXT_PAGE_ABSENT", `a full page had no \`${field}\`; it was taken for the last`);
      }
      return null;
    }
    if (typeof value === "string" || typeof value === "number" || value instanceof ExactNumber)
      return String(value);
    throw fail("SOURCE_INVALID", `\`${field}\` is ${kindOf(value)}, not a token or an address`);
  }

  #unlessVisited(place: ResumePoint, fail: PageFailure): ResumePoint | null {
    const digest = digestOf(place.token);
    if (this.#visited.has(digest)) {
      return this.#stop(
        fail("PAGE_REPEATED", `the next page's ${place.kind} was followed before in this run`),
      );
    }
    this.#visited.add(digest);
    return place;
  }

  #stop(failure: TidemarkError): null {
    this.#failure = failure;
    return null;
  }
}

/** Tokens may be long, and a read may have very many. */
function digestOf(token: string): string {
  return hash("sha1", token, "base64").slice(0, 16);
}

function firstPlace(pagination: PlacePagination, offset: string | null): ResumePoint | null {
  if (pagination.type === "page") return { kind: "page", token: String(pagination.startPage) };
  return pagination.type === "offset" ? { kind: "offset", token: offset ?? "0" } : null;
}

/** How much of the result lies before a place, as far as the place can tell. */
function readBefore(
  pagination: PlacePagination,
  place: ResumePoint | null,
): { records: number | null; pages: number | null } {
  if (place === null) return { records: 0, pages: 0 };
  if (place.kind === "offset") return { records: Number(place.token), pages: null };
  if (pagination.type !== "page" || place.kind !== "page") return { records: null, pages: null };
  const pages = Number(place.token) - pagination.startPage;
  const { limit } = pagination;
  return { pages, records: pages === 0 ? 0 : limit === undefined ? null : pages * limit };
}
