import type { Clock } from "../clock.ts";
import type { Pause } from "./retry.ts";
import type { RateLimit } from "./schema.ts";

/** Lets requests through one after another, as fast as a limit allows. */
export interface RateLimiter {
  /** Resolves when the next request may be made; rejects with the signal's reason when it aborts. */
  acquire(signal: AbortSignal): Promise<void>;
}

/**
 * A limiter that never lets more than `requests` through in any interval of `perMs`, wherever it begins. Callers wait
 * in order; a caller that gives up leaves its turn unused. `requestsPerSecond` spreads requests evenly.
 */
export function createRateLimiter(
  limit: RateLimit,
  clock: Clock,
  pause: Pause = (milliseconds, _, signal) => clock.sleep(milliseconds, signal),
): RateLimiter {
  const { requests, perMs } =
    "requests" in limit ? limit : { requests: 1, perMs: 1000 / limit.requestsPerSecond };
  /** When the last `requests` turns were or will be, as a ring; `oldest` is the next to be replaced. */
  const turns: number[] = [];
  let oldest = 0;

  function reserve(): number {
    const now = clock.elapsed();
    if (turns.length < requests) {
      turns.push(now);
      return now;
    }
    const turn = Math.max(now, (turns[oldest] ?? now) + perMs);
    turns[oldest] = turn;
    oldest = (oldest + 1) % requests;
    return turn;
  }

  return {
    async acquire(signal) {
      const turn = reserve();
      for (let wait = turn - clock.elapsed(); wait > 0; wait = turn - clock.elapsed()) {
        await pause(Math.ceil(wait), "for the declared `rateLimit`", signal);
      }
    },
  };
}
