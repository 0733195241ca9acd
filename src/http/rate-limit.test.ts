import fc from "fast-check";
import { expect, test } from "vitest";
import { SkippingClock } from "../../test/support/skipping-clock.ts";
import { createRateLimiter } from "./rate-limit.ts";

const never = new AbortController().signal;

test("no stretch of perMs holds more than the declared number of requests, wherever it begins", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 1000 }),
      fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 40 }),
      async (requests, perMs, pauses) => {
        const clock = new SkippingClock();
        const limiter = createRateLimiter({ requests, perMs }, clock);
        const times: number[] = [];
        for (const pause of pauses) {
          clock.advance(pause);
          await limiter.acquire(never);
          times.push(clock.elapsed());
        }
        for (const [index, time] of times.entries()) {
          const before = times[index - requests];
          if (before !== undefined) expect(time - before).toBeGreaterThanOrEqual(perMs);
        }
      },
    ),
  );
});

test("requests within the limit do not wait", async () => {
  const clock = new SkippingClock();
  const limiter = createRateLimiter({ requests: 3, perMs: 1000 }, clock);
  for (let i = 0; i < 3; i++) await limiter.acquire(never);
  expect(clock.sleeps).toEqual([]);
  for (let i = 0; i < 4; i++) await limiter.acquire(never);
  expect(clock.sleeps).toEqual([1000, 1000]);
});

test("requests per second are spread evenly, also below one a second", async () => {
  const clock = new SkippingClock();
  const limiter = createRateLimiter({ requestsPerSecond: 0.5 }, clock);
  for (let i = 0; i < 3; i++) await limiter.acquire(never);
  expect(clock.sleeps).toEqual([2000, 2000]);
});

test("a caller that gives up rejects with the signal's reason", async () => {
  const limiter = createRateLimiter({ requests: 1, perMs: 60_000 }, new SkippingClock());
  await limiter.acquire(never);
  await expect(limiter.acquire(AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
});
