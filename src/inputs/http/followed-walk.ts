import { hash } from "node:crypto";
import type { TidemarkError } from "../../errors.ts";
import type { ResumePoint } from "../../model/position.ts";
import { totalInAnswer } from "./last-page-again.ts";
import { NextPlace } from "./next-place.ts";
import { type PageFailure, pageCap } from "./page-failure.ts";
import { PageTotals } from "./page-totals.ts";
import type { FollowedPagination } from "./pagination-schema.ts";
import { ShownTotals } from "./shown-totals.ts";
import type { PageSeen, Walk, WalkParts, WalkStep } from "./walk.ts";

/** Follows tokens or links. Memory is constant, except for a short digest of each. */
export class FollowedWalk implements Walk {
  readonly #pagination: FollowedPagination;
  readonly #parts: Pick<WalkParts, "dataField">;
  readonly #resolve: (link: URL, fail: PageFailure) => URL;
  readonly #totals: PageTotals;
  readonly #next: NextPlace;
  readonly #shown: ShownTotals;
  readonly #visited = new Set<string>();
  #pages = 0;
  #emptyPages = 0;
  #place: ResumePoint | null;
  #failure: TidemarkError | null = null;
  /** The last page shows the end, so no request is made past it. */
  readonly mayBePastEnd = false;

  constructor(
    pagination: FollowedPagination,
    resume: ResumePoint | null,
    resolve: (link: URL, fail: PageFailure) => URL,
    parts: WalkParts,
  ) {
    this.#pagination = pagination;
    this.#parts = parts;
    this.#resolve = resolve;
    this.#place = resume;
    const before = resume === null ? { records: 0, pages: 0 } : { records: resume.read ?? null, pages: null };
    this.#totals = new PageTotals(pagination, before, parts);
    this.#shown = new ShownTotals(before.records, parts);
    this.#next = new NextPlace(pagination, this.#totals, resume !== null, parts);
    if (resume !== null) this.#visited.add(digestOf(resume.token));
  }

  get place(): ResumePoint | null {
    return this.#place;
  }

  get resumePlace(): ResumePoint | null {
    return this.#place;
  }

  isPastEnd(): boolean {
    return false;
  }

  advance(page: PageSeen): WalkStep {
    const { answer, fail } = page;
    const { records } = answer;
    this.#pages += 1;
    this.#emptyPages = records.length === 0 ? this.#emptyPages + 1 : 0;
    this.#totals.note(answer, fail);
    this.#shown.note(page, records.length);
    const next = this.#totals.isReachedAt(answer) ? null : this.#after(page);
    if (next === null) {
      this.#failure ??= this.#totals.shortfall(fail);
      if (this.#failure === null && !this.#saysHowMuch) this.#shown.end();
      return { records, more: false };
    }
    const { maxPages } = this.#pagination;
    if (this.#pages >= maxPages) {
      this.#failure = pageCap(maxPages, fail);
      return { records, more: false };
    }
    if (this.#emptyPages >= mostEmptyPages) {
      this.#failure = this.#endless(page);
      return { records, more: false };
    }
    this.#place = next;
    return { records, more: true };
  }

  /** Whether a declared field gives the total, or another warning was given. */
  get #saysHowMuch(): boolean {
    return this.#next.hasWarned || this.#totals.recordsLeft !== null || this.#totals.hasMore === false;
  }

  finish(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #after(page: PageSeen): ResumePoint | null {
    const { response, fail } = page;
    const found = this.#next.after(page);
    if (found.failure !== null) return this.#stop(found.failure);
    if (found.text === null) return null;
    const place = { kind: this.#pagination.type === "link" ? "link" : "token", token: found.text } as const;
    if (place.kind === "token") {
      if (isOwnAddress(place.token, response.url)) return this.#stop(this.#isAddress(fail));
      return this.#unlessVisited(place, page);
    }
    const url = URL.parse(place.token, response.url.href);
    if (url === null) throw fail("SOURCE_INVALID", "the link to the next page is no address");
    return this.#unlessVisited({ ...place, token: this.#resolve(url, fail).href }, page);
  }

  #unlessVisited(place: ResumePoint, { answer, fail }: PageSeen): ResumePoint | null {
    const digest = digestOf(place.token);
    if (this.#visited.has(digest)) {
      // An empty page is the end; some sources repeat its token there, for a later read.
      if (answer.records.length === 0 && this.#totals.hasMore !== true) return null;
      return this.#stop(
        fail("PAGE_REPEATED", `the next page's ${place.kind} was followed before in this run`),
      );
    }
    this.#visited.add(digest);
    const { records } = this.#totals.read;
    const isCounted = this.#pagination.totalField !== undefined && records !== null;
    return isCounted ? { ...place, read: records } : place;
  }

  /** Some sources return a token with every page, forever. */
  #endless({ answer, response, fail }: PageSeen): TidemarkError {
    const { type, hasMoreField, totalField } = this.#pagination;
    const { dataField } = this.#parts;
    const envelope = { body: answer.body, headers: response.headers, dataField };
    const would = totalField === undefined ? totalInAnswer(envelope) : null;
    const what = type === "link" ? "links" : "tokens";
    return fail(
      "SOURCE_TRUNCATED",
      `the source led on by ${what} through ${mostEmptyPages} pages without a record`,
      hasMoreField === undefined
        ? `If it gives a next page for ever, declare the field that tells its last one: \`hasMoreField\`.${would === null ? "" : ` An empty page ends the read where a declared total came whole: ${would}.`} If it searches through many records that do not match, ask it for a narrower range.`
        : `If \`${hasMoreField}\` says nothing of the next page, declare another field as \`hasMoreField\`.`,
    );
  }

  #isAddress(fail: PageFailure): TidemarkError {
    const field = `\`${this.#pagination.nextCursorField ?? ""}\``;
    return fail(
      "SOURCE_INVALID",
      `${field} holds an address of the next page and not a token, and \`type: cursor\` would send it as one`,
      `Declare \`type: link\` with \`nextCursorField: ${this.#pagination.nextCursorField ?? ""}\`.`,
    );
  }

  #stop(failure: TidemarkError): null {
    this.#failure = failure;
    return null;
  }
}

/** A source that filters while it scans may return hundreds of empty pages. */
const mostEmptyPages = 1000;

/** Whether a token is the requested address with other parameters. */
function isOwnAddress(token: string, asked: URL): boolean {
  if (!/^(?:https?:\/\/|\/|\?)/i.test(token)) return false;
  const url = URL.parse(token, asked.href);
  return url?.origin === asked.origin && url.pathname === asked.pathname && url.search.includes("=");
}

/** Tokens may be long, and a read may have very many. */
function digestOf(token: string): string {
  return hash("sha1", token, "base64").slice(0, 16);
}
