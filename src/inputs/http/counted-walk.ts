import type { TidemarkError } from "../../errors.ts";
import type { ResumePoint } from "../../model/position.ts";
import type { Answer } from "./answer.ts";
import { signAtEnd } from "./end-signs.ts";
import { LastPageAgain, sameForEachRequest, totalInAnswer } from "./last-page-again.ts";
import { describeSign, type Envelope } from "./more-signs.ts";
import {
  endsEmpty,
  endsOtherwise,
  isConfirming,
  isPastEnd,
  judge,
  mayBeFull,
  pagesFarther,
  refusedBehindFullPages,
  type Verdict,
} from "./page-end.ts";
import { type PageFailure, pageCap } from "./page-failure.ts";
import { PageSizes } from "./page-sizes.ts";
import { PageTotals, readBefore } from "./page-totals.ts";
import type { CountedPagination } from "./pagination-schema.ts";
import { ReadAgain } from "./read-again.ts";
import { RepeatedPage } from "./repeated-page.ts";
import { isRoundSize, ReportedPages } from "./reported-pages.ts";
import { ShownTotals } from "./shown-totals.ts";
import type { PageSeen, PastEnd, Walk, WalkParts, WalkStep } from "./walk.ts";

/** A page's records, and the place of the next page; null where none follows. */
interface Taken {
  readonly records: WalkStep["records"];
  readonly next: ResumePoint | null;
  readonly partial?: boolean;
}

interface Held {
  readonly page: PageSeen;
  readonly place: ResumePoint;
  /** The number of the place after it, where the walk continues if it was not the end. */
  readonly back: bigint;
  /** Whether it has the same records as the page before it. */
  readonly isSame: boolean;
}

/** Pages by counted numbers: pages or offsets. Memory is bounded by three pages. */
export class CountedWalk implements Walk {
  readonly #pagination: CountedPagination;
  readonly #parts: WalkParts;
  readonly #totals: PageTotals;
  readonly #sizes: PageSizes;
  readonly #repeats: RepeatedPage;
  readonly #again: ReadAgain;
  readonly #shown: ShownTotals;
  readonly #last = new LastPageAgain();
  #place: ResumePoint;
  #pages = 0;
  /** The verdict on the page before; null before the first. */
  #verdict: Verdict | null = null;
  /** Its number of records. */
  #count = 0;
  #emptyPages = 0;
  /** How many pages in a row had the same records as the one before. */
  #sameInARow = 0;
  /** Whether a page had other records than the one before it. */
  #hasMoved = false;
  /** Whether a warning about the end was given. */
  #hasWarned = false;
  /**
   * A repeated page that may mean the end. One more request decides, for offsets one much further on.
   */
  #held: Held | null = null;
  /** The offset that was requested again, since another page came instead. */
  #askedAgain: string | null = null;
  #failure: TidemarkError | null = null;

  constructor(pagination: CountedPagination, place: ResumePoint, parts: WalkParts) {
    this.#pagination = pagination;
    this.#parts = parts;
    this.#place = place;
    const before = readBefore(pagination, place);
    this.#totals = new PageTotals(pagination, before, parts);
    this.#shown = new ShownTotals(before.records, parts);
    this.#sizes = new PageSizes(parts.facts, pagination.limit);
    this.#repeats = new RepeatedPage(parts.incremental);
    this.#again = new ReadAgain(parts.incremental);
  }

  get place(): ResumePoint {
    return this.#place;
  }

  /** The resume point: the page that is held back, since the next request only checks it. */
  get resumePlace(): ResumePoint {
    return this.#held?.place ?? this.#place;
  }

  get mayBePastEnd(): boolean {
    return isConfirming(this.#verdict);
  }

  isPastEnd(status: number): boolean {
    if (this.#beginsAtEnd && status === noSuchRange) return true;
    return this.#totals.hasMore !== true && isPastEnd(status, this.#pagination, this.#verdict);
  }

  /** Whether the next request is the first one, at a stored offset: if nothing is new, it lies past the end. */
  get #beginsAtEnd(): boolean {
    const isKept = this.#parts.incremental.cursors[0]?.role === "offset";
    return isKept && this.#pages === 0 && BigInt(this.#place.token) > 0n;
  }

  advance(page: PageSeen): WalkStep {
    this.#pages += 1;
    const { next, ...taken } = this.#take(page);
    if (next === null) {
      this.#again.warn(this.#parts.warn, this.#pagination.param);
      this.#failure ??= this.#totals.shortfall(page.fail);
      if (this.#failure === null && !this.#saysHowMuch) this.#shown.end(this.#startHint);
      return { ...taken, more: false };
    }
    const { maxPages } = this.#pagination;
    if (this.#pages >= maxPages) {
      this.#failure = pageCap(maxPages, page.fail);
      return { ...taken, more: false };
    }
    this.#place = next;
    return { ...taken, more: true };
  }

  /** Whether a declared field gives the total, or another warning was given. */
  get #saysHowMuch(): boolean {
    return this.#hasWarned || this.#totals.recordsLeft !== null || this.#totals.hasMore === false;
  }

  finish(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #take(page: PageSeen): Taken {
    if (this.#held !== null) return this.#takeBehindRepeat(page, this.#held);
    if (page.pastEnd !== null) return this.#endBehind(page.pastEnd);
    const { answer, fail } = page;
    if (isConfirming(this.#verdict) && this.#isRepeat(answer)) return this.#hold(page);
    const isSame = this.#repeats.isSame(answer.records);
    if (isSame && this.#mayBeLastAgain(page)) return this.#hold(page);
    const known = isSame ? 0 : this.#countLedBackInto(answer.records);
    this.#note(page, isSame);
    if (isSame && this.#sameInARow > mostSame) return this.#endOfLoop(page);
    if (isSame && !this.#mayRepeat(answer, fail)) return { records: answer.records, next: null };
    const next = this.#after(page);
    return known === 0
      ? { records: answer.records, next }
      : { records: answer.records.slice(known), next, partial: true };
  }

  /**
   * How many records at the beginning of a page were on the page before: where pages are filtered, an offset leads back
   * into it. Passed on twice, they would break the order of an ascending source.
   */
  #countLedBackInto(records: WalkStep["records"]): number {
    const { type, limit } = this.#pagination;
    if (type !== "offset" || this.#parts.incremental.key === null) return 0;
    return isConfirming(this.#verdict) || limit === undefined ? this.#repeats.countKnownFirst(records) : 0;
  }

  #isRepeat({ records }: Answer): boolean {
    if (this.#repeats.isSame(records, true)) return true;
    return this.#pagination.type === "offset" && this.#repeats.isKnown(records);
  }

  /** Counts a page that is passed on. */
  #note(page: PageSeen, isSame: boolean): void {
    const { answer, fail } = page;
    const { records } = answer;
    const { fresh, shifted } = isSame ? { fresh: records.length, shifted: 0 } : this.#countNew(records);
    this.#sameInARow = isSame ? this.#sameInARow + 1 : 0;
    this.#totals.note(answer, fail, fresh, shifted);
    this.#shown.note(page, fresh);
    this.#last.note(this.#envelopeOf(page));
    this.#verdict = judge(records.length, this.#pagination, this.#totals, this.#sizes);
    this.#sizes.note(records.length);
    this.#hasMoved ||= this.#count > 0 && records.length > 0 && !isSame;
    this.#repeats.note(records);
    this.#count = records.length;
  }

  /**
   * After a filtered page an offset leads back into it: repeated records count once. Records without a key may be equal
   * by chance, so for them this applies only after a short page.
   */
  #countNew(records: WalkStep["records"]): { readonly fresh: number; readonly shifted: number } {
    const { type, limit } = this.#pagination;
    const leadsBack = type === "offset" && (isConfirming(this.#verdict) || limit === undefined);
    if (this.#parts.incremental.key === null) {
      const fresh = type === "offset" && isConfirming(this.#verdict);
      return { fresh: fresh ? this.#repeats.countNew(records) : records.length, shifted: 0 };
    }
    const { known, shifted } = this.#again.note(records, leadsBack ? this.#repeats.before : []);
    return { fresh: records.length - known, shifted };
  }

  #after(page: PageSeen): ResumePoint | null {
    const { answer, fail } = page;
    const count = answer.records.length;
    this.#emptyPages = count === 0 ? this.#emptyPages + 1 : 0;
    if (this.#verdict !== "end") return count === 0 ? this.#pastEmpty(fail) : this.#onBy(count);
    if (count === 0 && this.#pages > 1) this.#parts.facts.learn(endsEmpty);
    if (this.#totals.isFlagProven) return null;
    const { agrees, read } = this.#totals;
    const sign = signAtEnd(page, this.#parts.dataField, {
      agrees,
      pages: read.pages,
      pagination: this.#pagination,
    });
    if (sign !== null) {
      this.#hasWarned = true;
      this.#parts.warn(
        "MORE_PAGES_SHOWN",
        `the read ended by what \`pagination\` declares, and ${describeSign(sign)}${sign.text === undefined ? this.#startHint : followHint}`,
      );
    }
    return null;
  }

  #envelopeOf({ answer, response }: PageSeen): Pick<Envelope, "body" | "headers" | "dataField"> {
    return { body: answer.body, headers: response.headers, dataField: this.#parts.dataField };
  }

  /** The likely cause where less came than the source has, and its first page was not requested. */
  get #startHint(): string {
    const startsAtZero = this.#pagination.type !== "page" || this.#pagination.startPage === 0;
    return startsAtZero ? "" : "; if it counts pages from 0, set `pagination.startPage: 0`";
  }

  /** An offset moves past an empty page by no more than the largest page seen, so that nothing is skipped. */
  #pastEmpty(fail: PageFailure): ResumePoint | null {
    const mayLie = this.#pagination.type === "offset" || this.#totals.hasMore === true;
    if (mayLie && this.#emptyPages >= mostEmptyPages) {
      this.#failure = fail(
        "SOURCE_TRUNCATED",
        `the source said ${mostEmptyPages} times that more follows, and gave no records`,
        this.#pagination.hasMoreField === undefined
          ? undefined
          : `\`${this.#pagination.hasMoreField}\` may say nothing of the next page: leave \`hasMoreField\` out, and an empty page ends the read.`,
      );
      return null;
    }
    return this.#onBy(Math.max(this.#sizes.largest, 1));
  }

  /** The next page's number, or the offset after this many records. */
  #onBy(count: number): ResumePoint {
    return this.#placeAt(BigInt(this.#place.token) + (this.#pagination.type === "page" ? 1n : BigInt(count)));
  }

  /** A place, with how much has been read so far. */
  #placeAt(number: bigint): ResumePoint {
    const { records } = this.#totals.read;
    const isCounted = this.#pagination.totalField !== undefined && records !== null;
    return { kind: this.#place.kind, token: String(number), ...(isCounted ? { read: records } : {}) };
  }

  #hold(page: PageSeen): Taken {
    const { answer } = page;
    const count = answer.records.length;
    const back = BigInt(this.#onBy(count).token);
    // It came again on a second request, because pages are filtered and an offset leads back into the page before.
    if (this.#askedAgain === this.#place.token) return { records: [], next: this.#placeAt(back) };
    const isSame = this.#repeats.isSame(answer.records, true);
    this.#held = { page, place: this.#place, back, isSame };
    this.#repeats.note(answer.records);
    const size = Math.max(this.#pagination.limit ?? 0, this.#sizes.largest, count);
    return { records: [], next: this.#onBy(pagesFarther * size) };
  }

  #takeBehindRepeat(page: PageSeen, held: Held): Taken {
    const { answer } = page;
    if (page.pastEnd === null && this.#repeats.isSame(answer.records, true)) {
      return this.#endOfRepeats(held.page);
    }
    this.#held = null;
    const { answer: repeat, fail } = held.page;
    const { records } = repeat;
    this.#note(held.page, true);
    if (this.#pagination.type === "offset") {
      // Where pages are filtered, offsets overlap. The page of the check request is read when the walk gets there.
      this.#verdict = "confirm";
      if (this.#parts.incremental.key !== null) {
        if (held.isSame) this.#askedAgain = held.place.token;
        return { records: [], next: held.isSame ? held.place : this.#placeAt(held.back) };
      }
      if (this.#totals.recordsLeft === null) this.#warnOfRepeatedPage();
      return { records, next: this.#placeAt(held.back) };
    }
    if (!this.#mayRepeat(repeat, fail)) return { records, next: null };
    const taken = this.#take(page);
    return { records: [...records, ...taken.records], next: taken.next };
  }

  /** Whether a page after a full one may be the last one, returned again past the end. The next page decides. */
  #mayBeLastAgain(page: PageSeen): boolean {
    const { recordsLeft, pagesLeft, hasMore, read } = this.#totals;
    if (recordsLeft !== null || pagesLeft !== null || hasMore !== null) return false;
    return this.#last.ask(this.#envelopeOf(page), {
      records: read.records,
      isNumbered: this.#pagination.type === "page",
    });
  }

  /** Every page is the last one again: the source has no more, or it does not page by this parameter. */
  #endOfRepeats(page: PageSeen): Taken {
    const { records } = page.answer;
    const isSure =
      this.#hasMoved || this.#totals.recordsLeft === false || records.length < this.#sizes.largest;
    if (!isSure && !this.#hasWarnedOf(records)) this.#warnOfRepeats(page);
    return { records: [], next: null };
  }

  #warnOfRepeats(page: PageSeen): void {
    const { length } = page.answer.records;
    this.#warnOfEnd(sameForEachRequest(length, this.#pagination.param, this.#totalInAnswer(page)));
  }

  #totalInAnswer(page: PageSeen): string | null {
    return this.#pagination.totalField === undefined ? totalInAnswer(this.#envelopeOf(page)) : null;
  }

  /** Whether an earlier run warned about the same short page, so that nothing has changed. */
  #hasWarnedOf(records: WalkStep["records"]): boolean {
    const { limit } = this.#pagination;
    const { incremental, facts } = this.#parts;
    if (limit === undefined || records.length >= limit || isRoundSize(records.length)) return false;
    return new ReportedPages("told-repeats", incremental, facts).wasReported(records);
  }

  /** Handles a refused page that may mean the end. */
  #endBehind({ text, status }: PastEnd): Taken {
    const count = this.#count;
    const isDeclared = status !== null && this.#pagination.endStatuses.includes(status);
    const agrees = this.#totals.recordsLeft === false || this.#totals.pagesLeft === false;
    if (isDeclared || agrees) return { records: [], next: null };
    if (mayBeFull(count, this.#pages - 1, this.#sizes)) this.#warnOfEnd(refusedBehindFullPages(count, text));
    else if (status !== null && this.#parts.facts.has(endsEmpty)) this.#warnOfEnd(endsOtherwise(text));
    return { records: [], next: null };
  }

  #warnOfEnd(message: string): void {
    this.#hasWarned = true;
    this.#parts.warn("END_UNCONFIRMED", message);
  }

  /**
   * A repeated page may replace another one, whose records are then missing, unless as many were inserted before it.
   * Where no total distinguishes the two, the read continues, and the source's end decides.
   */
  #mayRepeat({ records }: Answer, fail: PageFailure): boolean {
    const moved = this.#totals.movedOnBy(records.length);
    if (moved === false) {
      this.#failure = fail(
        "PAGE_REPEATED",
        "the page brought the same records as the page before it, and the source's total did not grow by them: what belongs here was not given",
        `Try again; where it stays so, see whether the source pages by \`${this.#pagination.param}\`.`,
        true,
      );
    } else if (moved === null) {
      this.#warnOfRepeatedPage();
    }
    return moved !== false;
  }

  /** The engine compares pages by their records in order; an unsorted source returns them in any order. */
  #endOfLoop(page: PageSeen): Taken {
    const { param } = this.#pagination;
    const shown = this.#totalInAnswer(page);
    this.#failure = page.fail(
      "PAGE_REPEATED",
      `${this.#sameInARow + 1} pages in a row brought the same records; the run did not reach the source's end`,
      `The source may not page by \`${param}\`: compare its documentation.${shown === null ? "" : ` Some sources give their last page for any page past it: ${shown}.`}`,
    );
    return { records: [], next: null };
  }

  #warnOfRepeatedPage(): void {
    this.#parts.warn(
      "PAGE_REPEATED_ONCE",
      `a page that \`${this.#pagination.param}\` asked for brought the same records as the page before it: either as many came in ahead while pages were counted, or the source gave it in place of another, whose records are then missing; \`totalField\` would tell, \`pagination: seek\` and page tokens do not shift, nor do links unless they count pages`,
    );
  }
}

/** The status for "nothing from this offset on". */
const noSuchRange = 416;

/** One repeated page may come from records that moved during the read; more repeats are a loop. */
const mostSame = 1;

const followHint = "; if that leads on, declare `type: cursor` or `type: link`";

/** How many empty pages in a row may lie in the middle of a read by offset. */
const mostEmptyPages = 100;
