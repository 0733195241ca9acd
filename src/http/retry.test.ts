import { describe, expect, test } from "vitest";
import { SkippingClock } from "../../test/support/skipping-clock.ts";
import { AttemptFailed, type RetryParts, withRetries } from "./retry.ts";
import { httpSettingsShape } from "./schema.ts";

const policy = httpSettingsShape.retry.parse({});

function parts(random: () => number, clock = new SkippingClock()) {
  const all: RetryParts = { clock, random, signal: new AbortController().signal };
  return { parts: all, clock };
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

  test("waits no shorter than Retry-After asks, and tells each wait as it begins", async () => {
    const { parts: given, clock } = parts(() => 0.999);
    const told: [number, string, number][] = [];
    const pause = async (milliseconds: number, why: string): Promise<void> => {
      told.push([milliseconds, why, clock.sleeps.length]);
      await clock.sleep(milliseconds);
    };
    const waits = [2000, 60_000];
    const attempt = async () => {
      const retryAfterMs = waits.shift();
      if (retryAfterMs === undefined) return "done";
      throw new AttemptFailed("status", "status 429", { status: 429, retryAfterMs });
    };
    await withRetries({ ...policy, maxRetryAfterMs: 60_000 }, { ...given, pause }, attempt, giveUp);
    expect(told).toEqual([
      [2000, "status 429", 0],
      [60_000, "status 429", 1],
    ]);
  });

  test("gives up at once where it is asked to wait for longer than the policy grants", async () => {
    const { parts: given, clock } = parts(() => 0.999);
    const attempt = async () => {
      throw new AttemptFailed("status", "status 429", { status: 429, retryAfterMs: 400_000 });
    };
    await expect(withRetries(policy, given, attempt, giveUp)).rejects.toThrow("status 429 ×1");
    expect(clock.sleeps).toEqual([]);
  });
});
