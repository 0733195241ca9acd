import { TidemarkError, type TidemarkErrorOptions } from "../../errors.ts";
import type { Facts } from "./facts.ts";
import { PageSizes } from "./page-sizes.ts";
import type { Pagination } from "./pagination-schema.ts";

const noneFound =
  /\b(?:no|0|zero)\s+(?:\w+\s+)?(?:results?|records?|data|items?|rows?|entr(?:y|ies)|match\w*|documents?|events?|changes?|updates?)\b/i;

/** Statuses that are about the client or the time, and not about the resource. */
const ofTheCaller: ReadonlySet<number> = new Set([401, 403, 405, 407, 408, 429]);

/** Matches a text about a place that is no longer known. */
const goneText =
  /\b(?:page|cursor|token|offset|scroll|continuation|search|snapshot|next)\w*\b.{0,40}\b(?:expired|invalid|unknown|not found|gone|no longer|does not exist|not exist|stale|bad)\b|\b(?:expired|invalid|unknown|stale|bad|no such)\b.{0,24}(?:page|cursor|token|offset|scroll|continuation|snapshot)|(?:expired|invalid|stale)(?:next|page)*(?:cursor|token|continuation)/i;

/** The request, and what came before it in the read. */
export interface AskedPage {
  readonly number: number;
  /** How many records the page before had; null for the first. */
  readonly countBefore: number | null;
  readonly pagination: Pagination | null;
  readonly isResumed: boolean;
}

/**
 * Whether the first page is refused because there are no records, by a declared status. Not for a stream that never had
 * a record: its address may be wrong.
 */
export function isQuietRefusal(status: number, text: string, asked: AskedPage, facts: Facts): boolean {
  const { pagination, countBefore, isResumed } = asked;
  if (countBefore !== null || isResumed || pagination === null || !("endStatuses" in pagination))
    return false;
  return pagination.endStatuses.includes(status) && new PageSizes(facts).largest > 0 && saysNoneFound(text);
}

/** Whether a body says that no record was found, and not only that the address is unknown. */
function saysNoneFound(text: string): boolean {
  return noneFound.test(text.slice(0, 4096).replaceAll("_", " "));
}

/**
 * The same error with its likely cause: pages of this address were read before, its text says that there is nothing, or
 * it was the resume point of an earlier run.
 */
export function explainRefusal(thrown: unknown, asked: AskedPage): unknown {
  if (!(thrown instanceof TidemarkError)) return thrown;
  const status = thrown.details?.status;
  if (asked.isResumed && mayBeGone(thrown, status)) return withHint(thrown, "", resumeHint(status));
  if (thrown.code !== "SOURCE_REFUSED" || typeof status !== "number" || ofTheCaller.has(status))
    return thrown;
  const declares = asked.pagination !== null && "endStatuses" in asked.pagination;
  if (asked.countBefore !== null) {
    const before = asked.number === 2 ? "page 1 was" : `pages 1 to ${asked.number - 1} were`;
    const said = `; ${before} read, the last with ${asked.countBefore} records`;
    return withHint(thrown, said, declares ? endHint(status) : followedHint);
  }
  return saysNoneFound(afterStatus(thrown.message))
    ? withHint(thrown, "", quietHint(status, declares))
    : thrown;
}

function mayBeGone({ code, message }: TidemarkError, status: unknown): boolean {
  if (typeof status === "number") return status >= 400 && status < 500 && status !== 401 && status !== 429;
  return code === "SOURCE_PARTIAL" || (code === "SOURCE_INVALID" && goneText.test(message));
}

/** Whether the text of an error at a resume point says that the place is no longer known. */
export function saysPlaceIsGone({ message, details }: TidemarkError): boolean {
  const status = details?.status;
  if (typeof status === "number" && (ofTheCaller.has(status) || status >= 500)) return false;
  return goneText.test(afterStatus(message));
}

/** Only the source's own text: the address before it may contain such words, too. */
function afterStatus(message: string): string {
  return message.replace(/^.*?(?:answered with status \d+|is not whole:)/s, "");
}

function endHint(status: number): string {
  return `If the source answers so to a page past its last one, declare \`endStatuses: [${status}]\`. Otherwise run again: the next run goes on from what is committed.`;
}

const followedHint =
  "The source gave this place itself, with the page before. Run again; see its documentation on how long such places are known.";

function quietHint(status: number, declares: boolean): string {
  return declares
    ? `If the source answers so while there is nothing new, declare \`endStatuses: [${status}]\`; it is heeded on the first page once the stream has had records.`
    : `If the source answers so while there is nothing new, read it by \`type: page\` or \`offset\` with \`endStatuses: [${status}]\`.`;
}

function resumeHint(status: unknown): string {
  const how =
    typeof status === "number"
      ? `\`tokenGone.statuses: [${status}]\``
      : "`tokenGone.field`, the path of its error,";
  return `This request goes on at the page where the last run stopped. If the source no longer knows that page, declare ${how} so that the window is read from its start; \`tidemark state reset\` starts the stream over.`;
}

function withHint(error: TidemarkError, said: string, hint: string): TidemarkError {
  const { code, message, stream, recoverable, where, details, cause } = error;
  const options: TidemarkErrorOptions = {
    hint,
    recoverable,
    ...(stream === undefined ? {} : { stream }),
    ...(where === undefined ? {} : { where }),
    ...(details === undefined ? {} : { details }),
    ...(cause === undefined ? {} : { cause }),
  };
  return new TidemarkError(code, `${message}${said}`, options);
}
