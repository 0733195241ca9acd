import { describe, expect, test } from "vitest";
import { SkippingClock } from "../../test/support/skipping-clock.ts";
import { AttemptFailed, type RetryParts, withRetries } from "./retry.ts";
import { httpSettingsShape } from "./schema.ts";

const policy = httpSettingsShape.retry.parse({});

function parts(random: () => number, clock = new SkippingClock()) {
  const capped: [number, number][] = [];
  const all: RetryParts = {
    clock,
    random,
    signal: new AbortController().signal,
    onRetryAfterCapped: (asked, granted) => capped.push([asked, granted]),
  };
  return { parts: all, clock, capped };
}

const giveUp = (failure: AttemptFailed, attempts: number): Error =>
  new Error(`${failure.message} ×${attempts}`);

describe("withRetries", () => {
  test("waits a random part of a span that doubles up to its cap, then gives up", async () => {
    const { parts: given, clock } = parts(() => 0.5);
    const attempt = async () => {
      throw new AttemptFailed("network", "reset");
    };
    const sixAttempts = { ...policy, attempts: 6, initialDelayMs: 1000, maxDelayMs: 5000 };
    await expect(withRetries(sixAttempts, given, attempt, giveUp)).rejects.toThrow("reset ×6");
    expect(clock.sleeps).toEqual([500, 1000, 2000, 2500, 2500]);
  });

  test("returns what a later attempt returns, and lets other errors through at once", async () => {
    const { parts: given } = parts(() => 0);
    let made = 0;
    const second = async () => {
      if (++made === 1) throw new AttemptFailed("timeout", "slow");
      return "done";
    };
    expect(await withRetries(policy, given, second, giveUp)).toBe("done");
    const broken = async () => {
      made++;
      throw new TypeError("broken");
    };
    await expect(withRetries(policy, given, broken, giveUp)).rejects.toThrow(TypeError);
    expect(made).toBe(3);
  });

  test("waits no shorter than Retry-After asks, up to the cap, and says when it does not wait in full", async () => {
    const { parts: given, clock, capped } = parts(() => 0.999);
    const waits = [2000, 400_000];
    const attempt = async () => {
      const retryAfterMs = waits.shift();
      if (retryAfterMs === undefined) return "done";
      throw new AttemptFailed("status", "status 429", { status: 429, retryAfterMs });
    };
    await withRetries({ ...policy, maxRetryAfterMs: 60_000 }, given, attempt, giveUp);
    expect(clock.sleeps).toEqual([2000, 60_000]);
    expect(capped).toEqual([[400_000, 60_000]]);
  });
});
