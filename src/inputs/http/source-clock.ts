import type { ClockAhead, Warn } from "../../engine/ports.ts";
import { toleratedSkewMs, warnOfSkew } from "../../engine/run/clock-skew.ts";
import type { HttpResponse } from "../../http/message.ts";

type Headers = Pick<HttpResponse, "headers">;

/** The source's clock, from the `Date` header of its first answer that has one. */
export class SourceClock {
  readonly #warn: Warn;
  #ahead: ClockAhead | undefined;

  constructor(warn: Warn) {
    this.#warn = warn;
  }

  /** How far it is ahead of this machine's clock; undefined where unknown. */
  get ahead(): ClockAhead | undefined {
    return this.#ahead;
  }

  /** Adds an answer, with the times of request and answer by this machine's clock. */
  see(response: Headers, sent: number, answered: number): void {
    if (this.#ahead !== undefined) return;
    const [first, ...others] = timesOf(response);
    if (first === undefined) return;
    const apart = (now: number): number => (now < sent ? now - sent : now > answered ? now - answered : 0);
    const now = others.reduce(
      (near, one) => (Math.abs(apart(one)) < Math.abs(apart(near)) ? one : near),
      first,
    );
    const ahead = apart(now);
    const agrees = Math.abs(ahead) <= toleratedSkewMs;
    // A `Date` is truncated to the second, and was set at an unknown time between request and answer.
    const least = now - answered;
    const most = now + dateStepMs - sent;
    this.#ahead = agrees ? { least: Math.min(0, least), most: Math.max(0, most) } : { least, most };
    warnOfSkew(this.#warn, ahead, "the source's (the `Date` of its answer)");
  }
}

const dateStepMs = 999;

/** Headers that a cache adds; the `Date` of a cached answer is the time of its creation. */
const cacheMarks = ["x-cache", "cf-cache-status", "x-proxy-cache", "x-vercel-cache"];

/** No correct clock shows an earlier time: devices without a clock begin at 1970 or 2000. */
const earliest = Date.parse("2020-01-01T00:00:00Z");

/**
 * The possible times of an answer: some caches keep the `Date` of the origin, so that `Age` must be added, and some
 * write their own. Empty where the answer has none.
 */
function timesOf({ headers }: Headers): readonly number[] {
  const date = Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(date) || date < earliest) return [];
  const age = headers.get("age");
  if (age !== undefined) return /^\d{1,9}$/.test(age) ? [date, date + Number(age) * 1000] : [];
  const isCached = cacheMarks.some((name) => /hit|stale/i.test(headers.get(name) ?? ""));
  return isCached ? [] : [date];
}
