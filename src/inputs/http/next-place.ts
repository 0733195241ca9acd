import type { TidemarkError } from "../../errors.ts";
import { formatPath, type Path, parsePath, valueAt } from "../../model/record.ts";
import { type Answer, jsonKindOf } from "./answer.ts";
import { exactText } from "./answer-values.ts";
import { hasPageLinks, nextLink } from "./link-header.ts";
import { describeSign, isMoreFlag, type MoreSign, saysEnd, signOfMore } from "./more-signs.ts";
import type { PageFailure } from "./page-failure.ts";
import { PageSizes } from "./page-sizes.ts";
import type { PageTotals } from "./page-totals.ts";
import type { FollowedPagination } from "./pagination-schema.ts";
import { isRoundSize, ReportedPages } from "./reported-pages.ts";
import type { PageSeen, WalkParts } from "./walk.ts";

export interface NextFound {
  /** The next page's token or address in the source's form; null where none follows. */
  readonly text: string | null;
  /** The error to throw after the page was passed on; null for none. */
  readonly failure: TidemarkError | null;
}

const ended: NextFound = { text: null, failure: null };

/** Finds the next page's token or address, and distinguishes the end from a missing one (promise P15). */
export class NextPlace {
  readonly #pagination: FollowedPagination;
  readonly #totals: PageTotals;
  readonly #parts: WalkParts;
  /** Null where the `Link` header leads on. */
  readonly #path: Path | null;
  readonly #fact: string;
  readonly #sizes: PageSizes;
  readonly #reportedPages: ReportedPages;
  #pages = 0;
  /** Whether a warning about the end was given. */
  hasWarned = false;

  /** `isFollowed` says that the read begins at such a place. */
  constructor(pagination: FollowedPagination, totals: PageTotals, isFollowed: boolean, parts: WalkParts) {
    const { nextCursorField } = pagination;
    this.#pagination = pagination;
    this.#totals = totals;
    this.#parts = parts;
    this.#path = nextCursorField === undefined ? null : parsePath(nextCursorField);
    this.#fact = `next:${nextCursorField ?? "link-header"}`;
    this.#sizes = new PageSizes(parts.facts);
    this.#reportedPages = new ReportedPages(`told-${this.#fact}`, parts.incremental, parts.facts);
    if (isFollowed) parts.facts.learn(this.#fact);
  }

  /** Call for each page, in order. */
  after(page: PageSeen): NextFound {
    this.#pages += 1;
    if (!this.#parts.facts.has(this.#fact)) this.#sizes.note(page.answer.records.length);
    const found = this.#path === null ? linkOf(page) : this.#inBody(page.answer, this.#path, page.fail);
    if (found !== undefined && this.#isThere(page)) this.#parts.facts.learn(this.#fact);
    const { hasMore } = this.#totals;
    if (hasMore === false) return this.#endByFlag(page, found ?? null);
    if (found !== undefined && found !== null) return { text: found, failure: null };
    if (hasMore === true) {
      const value = this.#path === null ? undefined : valueAt(page.answer.body, this.#path);
      throw page.fail("SOURCE_INVALID", `more pages follow, and ${this.#pathOrLink} is ${jsonKindOf(value)}`);
    }
    return found === null ? this.#endByNull(page) : this.#absent(page);
  }

  get #name(): string {
    return this.#path === null ? "a `Link` header with `rel=next`" : `\`${formatPath(this.#path)}\``;
  }

  /** A null in place of an object on the path means that there is no next page. It does not confirm the path. */
  #isThere({ answer }: PageSeen): boolean {
    return this.#path === null || valueAt(answer.body, this.#path) !== undefined;
  }

  /** Null where the source says that there is none; undefined where it does not say. */
  #inBody({ body }: Answer, path: Path, fail: PageFailure): string | null | undefined {
    const value = valueAt(body, path);
    if (value === undefined) return hasNullOnTheWay(body, path) ? null : undefined;
    if (value === null || value === "" || value === false) return null;
    const text = exactText(value);
    if (text === null)
      throw fail("SOURCE_INVALID", `${this.#name} is ${jsonKindOf(value)}, not a token or an address`);
    return text;
  }

  /**
   * A flag that never changed may mean the opposite, unless its name is unambiguous. A token next to it is no sign
   * then: Relay's `endCursor` is always present.
   */
  #endByFlag(page: PageSeen, found: string | null): NextFound {
    const flag = this.#pagination.hasMoreField?.split(".").at(-1) ?? "";
    if (this.#totals.isFlagProven || isMoreFlag(flag)) return ended;
    const sign = this.#signOf(page);
    if (found !== null)
      this.#warnOfMore(`\`hasMoreField\` says that nothing follows, and ${this.#name} holds a next page`);
    else if (sign !== null)
      this.#warnOfMore(`\`hasMoreField\` says that nothing follows, and ${describeSign(sign)}`);
    return ended;
  }

  #endByNull(page: PageSeen): NextFound {
    const sign = this.#signOf(page);
    if (sign !== null) this.#warnOfMore(`${this.#name} holds nothing, and ${describeSign(sign)}`);
    if (this.#isThere(page) && page.answer.records.length > 0)
      this.#parts.facts.learn(this.#endFact("empty"));
    return ended;
  }

  #absent(page: PageSeen): NextFound {
    const { answer, fail } = page;
    const sign = this.#signOf(page);
    const count = answer.records.length;
    const { limit, optional } = this.#pagination;
    const isFull = limit !== undefined && count >= limit;
    if (this.#path !== null && Array.isArray(answer.body) && !/^-?\d+$/.test(this.#path[0] ?? "")) {
      const failure = fail(
        "SOURCE_INVALID",
        `the answer is a list, which cannot have ${this.#name}`,
        this.#proposal(sign) ?? "Declare how the source pages: see `pagination` in the documentation.",
      );
      return { text: null, failure };
    }
    if (optional || this.#parts.facts.has(this.#fact)) {
      if (sign !== null) this.#warnOfMore(`${this.#name} is absent, and ${describeSign(sign)}`);
      else if (isFull && !optional && !this.#saysEnd(answer))
        this.#warnOfAbsent(`a full page had no ${this.#pathOrLink}; it was taken for the last`);
      else if (!optional && count > 0) this.#warnOfOtherEnd();
      return ended;
    }
    // An empty page is evidence of the end by itself, and so are flags and totals next to the records.
    if (sign === null && (count === 0 || this.#saysEnd(answer))) return ended;
    if (sign !== null || isFull) {
      const why = sign === null ? `the page has the ${count} records of a full one` : describeSign(sign);
      const failure = fail(
        "SOURCE_INVALID",
        `the answer has no ${this.#pathOrLink}, no run of this stream has seen one, and ${why}`,
        `${this.#proposal(sign) ?? "Compare `nextCursorField` with the answer."} ${optionalHint}`,
      );
      return { text: null, failure };
    }
    if (this.#hasWarnedOf(answer)) return ended;
    this.#warnOfAbsent(
      `the answer has no ${this.#pathOrLink}, and no run of this stream has seen one: its ${count} records are all, or \`pagination\` looks in the wrong place. ${optionalHint}`,
    );
    return ended;
  }

  /** Whether the answer shows that it is the last, by a flag or by a declared total that was reached. */
  #saysEnd({ body }: Answer): boolean {
    return this.#totals.recordsLeft === false || saysEnd({ body, dataField: this.#parts.dataField });
  }

  /**
   * A source that writes null at its end might leave the field out because of an error. It warns once: after that both
   * count as ends.
   */
  #warnOfOtherEnd(): void {
    const { facts } = this.#parts;
    const isOther = facts.has(this.#endFact("empty")) && !facts.has(this.#endFact("absent"));
    facts.learn(this.#endFact("absent"));
    if (!isOther) return;
    this.#warnOfAbsent(
      `the answer has no ${this.#pathOrLink}, and earlier reads ended where it was there and held nothing; it was taken for the end. ${optionalHint}`,
    );
  }

  #endFact(how: "empty" | "absent"): string {
    return `end-${how}:${this.#fact}`;
  }

  /**
   * Whether the page is short and an earlier run warned about the same page, so that nothing has changed. A page of a
   * round number of records may be as large as its source makes them, unless larger ones came before.
   */
  #hasWarnedOf({ records }: Answer): boolean {
    const { limit } = this.#pagination;
    const count = records.length;
    if (limit === undefined || count >= limit) return false;
    const wasReported = this.#reportedPages.wasReported(records);
    const hasCursor = this.#parts.incremental.cursors.length > 0;
    return wasReported && (!isRoundSize(count) || (hasCursor && count < this.#sizes.largest));
  }

  get #pathOrLink(): string {
    return this.#path === null ? "`Link` header with `rel=next`" : this.#name;
  }

  #signOf({ answer, response }: PageSeen): MoreSign | null {
    const { dataField } = this.#parts;
    // A resumed read does not know how many pages came before it.
    const { pages } = this.#totals.read;
    const read = { pages: pages === null ? null : this.#pages, records: null };
    return signOfMore({ body: answer.body, headers: response.headers, dataField, read });
  }

  /** The settings that would follow the sign. */
  #proposal(sign: MoreSign | null): string | null {
    if (sign === null || (sign.kind !== "token" && sign.kind !== "address")) return null;
    const { type } = this.#pagination;
    if (sign.in === "header") {
      if (sign.at === "link")
        return "Declare `type: link` without `nextCursorField`: the `Link` header leads on.";
      return `The next page is in the header \`${sign.at}\`, and \`nextCursorField\` is a path in the body.`;
    }
    const field = `\`nextCursorField: ${sign.at}\``;
    if (sign.kind === "token")
      return type === "cursor" ? `Set ${field}.` : `Declare \`type: cursor\` with ${field}.`;
    return type === "link" ? `Set ${field}.` : `Declare \`type: link\` with ${field}.`;
  }

  #warnOfMore(message: string): void {
    this.hasWarned = true;
    this.#parts.warn("MORE_PAGES_SHOWN", `the read ended, since ${message}`);
  }

  #warnOfAbsent(message: string): void {
    this.hasWarned = true;
    this.#parts.warn("NEXT_PAGE_ABSENT", message);
  }
}

const optionalHint =
  "If the source leaves it out where nothing follows, declare `pagination.optional: true`.";

/** Links to other pages show that the source uses `Link` headers. */
function linkOf({ response }: PageSeen): string | null | undefined {
  const header = response.headers.get("link");
  return nextLink(header) ?? (hasPageLinks(header) ? null : undefined);
}

function hasNullOnTheWay(body: unknown, path: Path): boolean {
  return path.some((_, length) => length > 0 && valueAt(body, path.slice(0, length)) === null);
}
