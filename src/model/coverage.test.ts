import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addRange, contiguousEnd, gaps, mergeCoverage } from "./coverage.ts";
import { compareCursorValues } from "./cursor.ts";
import type { CursorRange } from "./position.ts";
import { parsePrecision } from "./precision.ts";
import { nanosecondsToTimestamp } from "./timestamp.ts";

const one = parsePrecision("1");
const second = parsePrecision("1s");

/** Intervals of tenths between 0 and 6, some from the beginning on, some without any value. */
const interval: fc.Arbitrary<CursorRange> = fc
  .tuple(fc.option(fc.nat(60), { freq: 6 }), fc.nat(60))
  .map(([lower, upper]) => ({
    lower: lower === null ? null : String(lower / 10),
    upper: String(upper / 10),
  }));
const intervals = fc.array(interval, { maxLength: 8 });

/** The values on the precision's grid that some interval holds, from -1 (below all) to 7. */
function values(coverage: readonly CursorRange[], step: number): number[] {
  const grid = Array.from({ length: 8 / step + 1 }, (_, n) => Math.round((n * step - 1) * 10) / 10);
  return grid.filter((value) =>
    coverage.some(({ lower, upper }) => (lower === null || value > Number(lower)) && value <= Number(upper)),
  );
}

describe("merging", () => {
  test("loses no point and adds none that a record can lie on", () => {
    fc.assert(
      fc.property(intervals, (list) => {
        expect(values(mergeCoverage("numeric_id", list, one), 1)).toEqual(values(list, 1));
        const tenth = parsePrecision("0.1");
        expect(values(mergeCoverage("numeric_id", list, tenth), 0.1)).toEqual(values(list, 0.1));
      }),
      { numRuns: 1000 },
    );
  });

  test("is idempotent", () => {
    fc.assert(
      fc.property(intervals, (list) => {
        const merged = mergeCoverage("numeric_id", list, one);
        expect(mergeCoverage("numeric_id", merged, one)).toEqual(merged);
      }),
    );
  });

  test("is commutative and associative: it does not matter in which order ranges are finished", () => {
    fc.assert(
      fc.property(intervals, intervals, (a, b) => {
        const whole = mergeCoverage("numeric_id", [...a, ...b], one);
        expect(mergeCoverage("numeric_id", [...b, ...a], one)).toEqual(whole);
        expect(mergeCoverage("numeric_id", [...mergeCoverage("numeric_id", b, one), ...a], one)).toEqual(
          whole,
        );
        let added: CursorRange[] = [];
        for (const next of [...b, ...a]) added = addRange("numeric_id", added, next, one);
        expect(added).toEqual(whole);
      }),
      { numRuns: 1000 },
    );
  });

  test("gives sorted ranges that lie apart", () => {
    fc.assert(
      fc.property(intervals, (list) => {
        const merged = mergeCoverage("numeric_id", list, one);
        for (const [i, next] of merged.entries()) {
          const last = merged[i - 1];
          if (last !== undefined) expect(Number(last.upper)).toBeLessThan(Number(next.lower));
        }
      }),
    );
  });

  test("joins ranges whose ends are finer than the precision, so that history is not read again", () => {
    const day = (n: number) => nanosecondsToTimestamp(BigInt(n) * 86_400_000_000_000n);
    const days = Array.from({ length: 30 }, (_, n) => ({ lower: day(n), upper: day(n + 1) }));
    expect(mergeCoverage("timestamp_utc", days, second)).toEqual([{ lower: day(0), upper: day(30) }]);
    const ranges = [
      { lower: "2026-01-01T00:00:00Z", upper: "2026-01-01T23:59:59Z" },
      { lower: "2026-01-01T23:59:59.999Z", upper: "2026-01-02T23:59:59Z" },
    ];
    expect(mergeCoverage("timestamp_utc", ranges, second)).toEqual([
      { lower: "2026-01-01T00:00:00Z", upper: "2026-01-02T23:59:59Z" },
    ]);
  });

  test("P1: leaves apart what a record can lie between", () => {
    const ranges = [
      { lower: null, upper: "2026-01-01T00:00:00Z" },
      { lower: "2026-01-01T00:00:01Z", upper: "2026-01-02T00:00:00Z" },
    ];
    expect(mergeCoverage("timestamp_utc", ranges, second)).toEqual(ranges);
    const oneOff = [
      { lower: "0", upper: "5" },
      { lower: "6", upper: "9" },
    ];
    expect(mergeCoverage("numeric_id", oneOff, one)).toEqual(oneOff);
    expect(mergeCoverage("numeric_id", oneOff, parsePrecision("0"))).toEqual(oneOff);
  });

  test("texts merge where they meet, in the order of code points", () => {
    const ranges = [
      { lower: "\uffff", upper: "\u{1f600}" },
      { lower: "a", upper: "\uffff" },
    ];
    expect(mergeCoverage("text", ranges, one)).toEqual([{ lower: "a", upper: "\u{1f600}" }]);
  });

  test("tokens have no order to merge by", () => {
    const ranges = [
      { lower: "a", upper: "b" },
      { lower: "b", upper: "c" },
    ];
    expect(() => mergeCoverage("opaque_token", ranges, one)).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    );
  });

  test("leaves the list it was given alone", () => {
    const list = Object.freeze([
      Object.freeze({ lower: "5", upper: "9" }),
      Object.freeze({ lower: "0", upper: "5" }),
    ]);
    expect(mergeCoverage("numeric_id", list, one)).toEqual([{ lower: "0", upper: "9" }]);
  });
});

describe("gaps", () => {
  test("and coverage make up the whole, and share nothing", () => {
    fc.assert(
      fc.property(intervals, interval, (list, within) => {
        const merged = mergeCoverage("numeric_id", list, parsePrecision("0.1"));
        const left = gaps("numeric_id", merged, within);
        const inside = values([within], 0.1);
        const covered = values(merged, 0.1);
        expect(values(left, 0.1)).toEqual(inside.filter((value) => !covered.includes(value)));
        for (const { lower, upper } of left) {
          if (lower !== null) expect(compareCursorValues("numeric_id", lower, upper)).toBeLessThan(0);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("of nothing covered are the whole", () => {
    expect(gaps("numeric_id", [], { lower: null, upper: "5" })).toEqual([{ lower: null, upper: "5" }]);
  });
});

describe("the end of the first range without a gap", () => {
  const coverage = [
    { lower: "0", upper: "5" },
    { lower: "7", upper: "9" },
  ];

  test.each([
    ["0", "5"],
    ["3", "5"],
    ["5", "5"],
    ["6", "6"],
    ["7", "9"],
    ["10", "10"],
    ["-1", "-1"],
  ])("from %s is %s", (from, end) => {
    expect(contiguousEnd("numeric_id", coverage, from)).toBe(end);
  });

  test("from the beginning is null until the beginning is covered", () => {
    expect(contiguousEnd("numeric_id", coverage, null)).toBeNull();
    expect(contiguousEnd("numeric_id", [{ lower: null, upper: "2" }, ...coverage.slice(1)], null)).toBe("2");
    expect(contiguousEnd("numeric_id", [{ lower: null, upper: "2" }], "1")).toBe("2");
  });

  test("P1: lies before every gap", () => {
    fc.assert(
      fc.property(intervals, fc.nat(60), (list, start) => {
        const merged = mergeCoverage("numeric_id", list, one);
        const from = String(start / 10);
        const end = contiguousEnd("numeric_id", merged, from) ?? from;
        expect(gaps("numeric_id", merged, { lower: from, upper: end })).toEqual([]);
        expect(Number(end)).toBeGreaterThanOrEqual(Number(from));
      }),
    );
  });
});
