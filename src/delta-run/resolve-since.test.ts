import { describe, expect, test } from "vitest";
import { FakeClock } from "../../testing/fake-clock.ts";
import { resolveSince } from "./resolve-since.ts";

const clock = new FakeClock("2026-03-01T12:34:56.789Z");
const cursor = "2026-02-27T00:00:00.123456789Z";

describe("a read starts", () => {
  test("at the override, before all else", () => {
    expect(resolveSince(cursor, { override: "2020-01-01", clock })).toBe("2020-01-01");
    expect(resolveSince(null, { override: "2020-01-01", clock })).toBe("2020-01-01");
  });

  test("at the cursor as it is, where there is no override", () => {
    for (const override of [undefined, null, ""]) {
      expect(resolveSince(cursor, { override, clock })).toBe(cursor);
    }
    expect(resolveSince("12345678901234567890")).toBe("12345678901234567890");
  });

  test("seven days back on the first run", () => {
    expect(resolveSince(null, { clock })).toBe("2026-02-22T12:34:56Z");
  });

  test("as many days back as are declared, over the ends of months and years", () => {
    expect(resolveSince(null, { lookbackDays: 0, clock })).toBe("2026-03-01T12:34:56Z");
    expect(resolveSince(null, { lookbackDays: 1, clock })).toBe("2026-02-28T12:34:56Z");
    expect(resolveSince(null, { lookbackDays: 365, clock })).toBe("2025-03-01T12:34:56Z");
    expect(resolveSince(null, { lookbackDays: 739_000, clock })).toBe("0002-11-07T12:34:56Z");
  });

  test("by the time that it is, without a clock", () => {
    const before = Date.now() - 7 * 86_400_000;
    const since = Date.parse(resolveSince(null));
    expect(since).toBeGreaterThan(before - 1000);
    expect(since).toBeLessThanOrEqual(Date.now() - 7 * 86_400_000);
  });
});

test("days that are no whole number from 0 are refused, needed or not", () => {
  for (const lookbackDays of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1e9]) {
    for (const lowerBound of [null, cursor]) {
      expect(() => resolveSince(lowerBound, { lookbackDays, clock })).toThrow(
        expect.objectContaining({ code: "ARGUMENT_INVALID" }),
      );
    }
  }
});
