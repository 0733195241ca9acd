import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareCursorValues } from "./cursor.ts";
import type { CursorRange } from "./position.ts";
import { parsePrecision } from "./precision.ts";
import { type Cut, cutIntoSlices, formatSliceStep, parseSliceStep, periods } from "./slices.ts";
import { millisecondsToTimestamp } from "./timestamp.ts";

const millisecond = parsePrecision("1ms");

function cut(step: string, range: CursorRange, more: Partial<Cut> = {}): string[] {
  const how: Cut = {
    type: "timestamp_utc",
    step: parseSliceStep(step),
    clamp: null,
    precision: millisecond,
    ...more,
  };
  return [...cutIntoSlices(range, how)].map(({ lower, upper }) => `${lower} ${upper}`);
}

describe("a step", () => {
  test.each(["P1M", "P1Y", "P1D", "PT6H", "P1W", "1000", "0.5"])("%s is read and written", (text) => {
    const step = parseSliceStep(text);
    expect(parseSliceStep(formatSliceStep(step))).toEqual(step);
  });

  test.each(["P0M", "PT0S", "0", "soon", "P1M2D", "P", ""])("%j is refused", (text) => {
    expect(() => parseSliceStep(text)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }));
  });
});

describe("slices", () => {
  test("months are counted on the calendar, from the first day on and not from the last slice's", () => {
    expect(cut("P1M", { lower: "2026-01-31T12:00:00Z", upper: "2026-04-30T12:00:00Z" })).toEqual([
      "2026-01-31T12:00:00Z 2026-02-28T12:00:00Z",
      "2026-02-28T12:00:00Z 2026-03-31T12:00:00Z",
      "2026-03-31T12:00:00Z 2026-04-30T12:00:00Z",
    ]);
  });

  test("the last one ends with the range", () => {
    expect(cut("P1D", { lower: "2026-01-01T00:00:00Z", upper: "2026-01-02T06:00:00Z" })).toEqual([
      "2026-01-01T00:00:00Z 2026-01-02T00:00:00Z",
      "2026-01-02T00:00:00Z 2026-01-02T06:00:00Z",
    ]);
  });

  test("a range from the beginning on is one slice", () => {
    expect(cut("P1D", { lower: null, upper: "2026-01-02T06:00:00Z" })).toEqual(["null 2026-01-02T06:00:00Z"]);
  });

  test("ids are cut by numbers, past what a double can hold", () => {
    const range = { lower: "9007199254740992", upper: "9007199254743000" };
    expect(cut("1000", range, { type: "numeric_id", precision: parsePrecision("1") })).toEqual([
      "9007199254740992 9007199254741992",
      "9007199254741992 9007199254742992",
      "9007199254742992 9007199254743000",
    ]);
  });

  test("with a clamp they end one step before a period begins", () => {
    const range = { lower: "2026-01-30T13:00:00Z", upper: "2026-02-09T23:59:59.999Z" };
    expect(cut("P1W", range, { clamp: "week" })).toEqual([
      "2026-01-30T13:00:00Z 2026-02-01T23:59:59.999Z",
      "2026-02-01T23:59:59.999Z 2026-02-08T23:59:59.999Z",
      "2026-02-08T23:59:59.999Z 2026-02-09T23:59:59.999Z",
    ]);
  });

  test("a step shorter than the period it is clamped to goes by whole periods", () => {
    const range = { lower: "2025-12-31T23:59:59.999Z", upper: "2026-02-28T23:59:59.999Z" };
    expect(cut("P1D", range, { clamp: "month" })).toEqual([
      "2025-12-31T23:59:59.999Z 2026-01-31T23:59:59.999Z",
      "2026-01-31T23:59:59.999Z 2026-02-28T23:59:59.999Z",
    ]);
  });
});

test("slices cover their range without gap or overlap, whatever the step and the clamp", () => {
  const milliseconds = fc.integer({ min: 0, max: 1_900_000_000_000 });
  const steps = fc.constantFrom("P1D", "P1W", "P1M", "P1Y", "PT36H", "P5M", "PT7H13M");
  const clamps = fc.constantFrom(null, ...periods);
  fc.assert(
    fc.property(
      milliseconds,
      fc.integer({ min: 1, max: 40_000_000_000 }),
      steps,
      clamps,
      (at, length, step, clamp) => {
        const lower = millisecondsToTimestamp(at);
        const upper = millisecondsToTimestamp(at + length);
        const how: Cut = { type: "timestamp_utc", step: parseSliceStep(step), clamp, precision: millisecond };
        let reached: string | null = lower;
        for (const slice of cutIntoSlices({ lower, upper }, how)) {
          expect(slice.lower).toBe(reached);
          expect(compareCursorValues("timestamp_utc", slice.upper, slice.lower ?? "")).toBeGreaterThan(0);
          reached = slice.upper;
        }
        expect(reached).toBe(upper);
      },
    ),
  );
});
