import { failureCode, isHopeless } from "../../../http/connect-failures.ts";
import type { AttemptFailed } from "../../../http/retry.ts";

/**
 * Whether a request may be sent again when its outcome is unknown: `always`, where it is idempotent; `unsent`, only
 * where it surely was not sent.
 */
export type Repeatable = "always" | "unsent";

const firstPauseMs = 100;
const longestPauseMs = 2000;

/** A random part of a delay that doubles with each attempt, so that many clients do not retry at the same time. */
export function pauseBefore(attempt: number, random: () => number): number {
  const span = Math.min(longestPauseMs, firstPauseMs * 2 ** (attempt - 2));
  return Math.round(span / 2 + (random() * span) / 2);
}

const neverSent: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EAI_AGAIN",
  "ENOTFOUND",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Whether the request surely never reached a server, since there was no connection. */
export function wasNeverSent(failure: AttemptFailed): boolean {
  return neverSent.has(failureCode(failure.cause)) || isHopeless(failure.cause);
}
