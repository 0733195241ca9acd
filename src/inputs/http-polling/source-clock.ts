import { tellOfSkew, toleratedSkewMs } from "../../engine/clock-skew.ts";
import type { Warn } from "../../engine/ports.ts";
import type { HttpResponse } from "../../http/message.ts";

type Headers = Pick<HttpResponse, "headers">;

/** The source's clock, by the `Date` header of its first answer that says one. */
export class SourceClock {
  readonly #warn: Warn;
  #ahead: number | null = null;

  constructor(warn: Warn) {
    this.#warn = warn;
  }

  /** How far it is ahead of the clock here, in milliseconds; 0 where they differ by minutes only, or nobody knows. */
  get ahead(): number {
    return this.#ahead ?? 0;
  }

  /** Takes in an answer to a request that was sent and answered at these times by the clock here. */
  see(response: Headers, sent: number, answered: number): void {
    if (this.#ahead !== null) return;
    const times = timesOf(response);
    if (times.length === 0) return;
    const ahead = nearest(
      times.map((now) => (now < sent ? now - sent : now > answered ? now - answered : 0)),
    );
    this.#ahead = Math.abs(ahead) > toleratedSkewMs ? ahead : 0;
    tellOfSkew(this.#warn, this.#ahead, "the source's (the `Date` of its answer)");
  }
}

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

function nearest(differences: readonly number[]): number {
  return differences.reduce((near, one) => (Math.abs(one) < Math.abs(near) ? one : near));
}
