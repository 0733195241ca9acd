import type { PageSizes } from "./page-sizes.ts";
import type { PageTotals } from "./page-totals.ts";
import type { EndSettings } from "./pagination-schema.ts";

/**
 * What follows a page. `end`: there is evidence of the end. `more`: another page must exist. `confirm`: one more
 * request decides, and its refusal means the end. `confirmTotal`: the same after a full page that reached the total,
 * which may be the farthest that the source allows.
 */
export type Verdict = "end" | "confirm" | "confirmTotal" | "more";

/**
 * Judges a page by its number of records, after it was added to the totals. A short page is no evidence of the end,
 * since a source may return fewer records than requested, or filter a page after it was cut. A total is no evidence
 * where the page was full: it may be capped, or be the size of the page.
 */
export function judge(
  count: number,
  { limit, end }: EndSettings,
  totals: PageTotals,
  sizes: PageSizes,
): Verdict {
  if (totals.hasMore !== null) return totals.hasMore ? "more" : "end";
  const isBelowLimit = limit !== undefined && count < limit;
  if (totals.pagesLeft === false) {
    // If each page so far had the same size below `limit`, the source caps the size, and may count pages by `limit`.
    const isGrantedSize = isBelowLimit && count > 0 && sizes.constant === count;
    return isGrantedSize ? "confirm" : "end";
  }
  if (totals.pagesLeft === true) return "more";
  if (count === 0) return "end";
  const isShort = limit === undefined ? count < sizes.largest : isBelowLimit;
  if (totals.recordsLeft !== null) {
    if (totals.recordsLeft) return isShort ? "confirm" : "more";
    const isShorter = isShort && count < sizes.largest;
    if ((isShorter && totals.agrees) || (end === "shortPage" && isBelowLimit)) return "end";
    return isShort ? "confirm" : "confirmTotal";
  }
  if (end === "shortPage" && isBelowLimit) return "end";
  return isShort ? "confirm" : "more";
}

/** Whether the next request may find that there is no further page. */
export function isConfirming(verdict: Verdict | null): boolean {
  return verdict === "confirm" || verdict === "confirmTotal";
}

/** Statuses for a page past the last one. */
const pastEndStatuses: ReadonlySet<number> = new Set([400, 404, 416, 422]);
/**
 * The statuses that are about the place and not about the request: the others may mean a limit on how far one may read.
 */
const noSuchPlace: ReadonlySet<number> = new Set([404, 416]);

/** Whether a status, for the page after one with this verdict, means that there is no such page. */
export function isPastEnd(status: number, { endStatuses }: EndSettings, verdict: Verdict | null): boolean {
  if (verdict === null) return false;
  if (endStatuses.includes(status)) return true;
  if (verdict === "confirmTotal") return noSuchPlace.has(status);
  return verdict === "confirm" && pastEndStatuses.has(status);
}

/** Whether a page may be of the source's full size: it came after another page, and none was larger. */
export function mayBeFull(count: number, pages: number, sizes: PageSizes): boolean {
  return pages > 1 && count === sizes.constant && count >= sizes.largest;
}

/** The warning for such a page where the source then refused the next one. */
export function refusedBehindFullPages(count: number, text: string): string {
  return `behind pages of ${count} records each the source answered with ${text}; that was taken for the end, and may be a limit of how far it lets itself be read; set \`limit\` to the ${count} that the source grants, and \`endStatuses\` to what it answers past its end`;
}

/** The fact that a read of the stream has ended with an empty page behind others. */
export const endsEmpty = "end:empty";

/** The warning where such a source refuses a page. */
export function endsOtherwise(text: string): string {
  return `behind a short page the source answered with ${text}, where earlier reads ended with an empty page: that was taken for the end, and may be a passing failure; if it is how the source ends, declare it in \`endStatuses\``;
}

/** How many pages further an offset is requested, to see whether a source returns its last page for any offset. */
export const pagesFarther = 100;
