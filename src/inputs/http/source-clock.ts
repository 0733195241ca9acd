import type { ClockAhead, Warn } from "../../engine/ports.ts";
import { toleratedSkewMs, warnOfSkew } from "../../engine/run/clock-skew.ts";
import type { HttpResponse } from "../../http/message.ts";

type Headers = Pick<HttpResponse, "headers">;

/** The source's clock, by the `Date` header of its first answer that says one. */
export class SourceClock {
  readonly #warn: Warn;
  #ahead: ClockAhead | undefined;

  constructor(warn: Warn) {
    this.#warn = warn;
  }

  /** How far it is ahead of the clock here; undefined where nobody knows. */
  get ahead(): ClockAhead | undefined {
    return this.#ahead;
  }

  /** Takes in an answer to a request that was sent and answered at these times by the clock here. */
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
    // A `Date` leaves out what came after its full second, and nobody knows when between the two it was made.
    const least = now - answered;
    const most = now + dateStepMs - sent;
    this.#ahead = agrees ? { least: Math.min(0, least), most: Math.max(0, most) } : { least, most };
    warnOfSkew(this.#warn, ahead, "the source's (the `Date` of its answer)");
  }
}

const dateStepMs = 999;

/** What a cache adds that answers by itself; such an answer's `Date` is that of its making. */
const cacheMarks = ["x-cache", "cf-cache-status", "x-proxy-cache", "x-vercel-cache"];

/** No clock that was ever set shows an earlier time: devices without one begin at 1970 or 2000. */
const earliest = Date.parse("2020-01-01T00:00:00Z");

/**
 * What time an answer says it is, in one reading or two: some caches leave the `Date` of the origin, so that
 * the `Age` is to be added, and some write their own. None where it does not say.
 */
function timesOf({ headers }: Headers): readonly number[] {
  const date = Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(date) || date < earliest) return [];
  const age = headers.get("age");
  if (age !== undefined) return /^\d{1,9}$/.test(age) ? [date, date + Number(age) * 1000] : [];
  const isCached = cacheMarks.some((name) => /hit|stale/i.test(headers.get(name) ?? ""));
  return isCached ? [] : [date];
}
