import { expect, test } from "vitest";
import { coverageBar, coverageRanges, lengthOf } from "./coverage-bar.ts";

const at = (day: number): string => `2026-01-${String(day).padStart(2, "0")}T00:00:00Z`;

test("gaps lie between covered ranges, and nowhere else", () => {
  const coverage = [
    { lower: at(1), upper: at(3) },
    { lower: at(5), upper: at(6) },
  ];
  expect(coverageRanges("timestamp_utc", coverage)).toEqual([
    { lower: at(1), upper: at(3), covered: true },
    { lower: at(3), upper: at(5), covered: false },
    { lower: at(5), upper: at(6), covered: true },
  ]);
  expect(coverageRanges("timestamp_utc", [])).toEqual([]);
  expect(coverageRanges("text", [{ lower: null, upper: "a" }])).toEqual([
    { lower: null, upper: "a", covered: true },
  ]);
});

test("a bar shows each range as long as it is, and cells that are covered in part", () => {
  const bar = (coverage: { lower: string | null; upper: string }[], width: number): string | null =>
    coverageBar("numeric_id", coverageRanges("numeric_id", coverage), width);
  expect(bar([{ lower: "0", upper: "10" }], 10)).toBe("██████████");
  expect(
    bar(
      [
        { lower: "0", upper: "4" },
        { lower: "6", upper: "10" },
      ],
      10,
    ),
  ).toBe("████░░████");
  expect(
    bar(
      [
        { lower: "0", upper: "5" },
        { lower: "95", upper: "100" },
      ],
      10,
    ),
  ).toBe("▒░░░░░░░░▒");
  expect(
    bar(
      [
        { lower: null, upper: "5" },
        { lower: "10", upper: "15" },
      ],
      4,
    ),
  ).toBe("░░██");
});

test("a bar of days has a cell for each, also across the year's end", () => {
  const coverage = [
    { lower: "2025-12-31T00:00:00Z", upper: at(2) },
    { lower: at(3), upper: at(5) },
  ];
  expect(coverageBar("timestamp_utc", coverageRanges("timestamp_utc", coverage), 5)).toBe("██░██");
});

test("what cannot be measured has no bar", () => {
  expect(coverageBar("text", [{ lower: "a", upper: "b", covered: true }], 10)).toBeNull();
  expect(coverageBar("numeric_id", [{ lower: null, upper: "7", covered: true }], 10)).toBeNull();
  expect(coverageBar("numeric_id", [], 10)).toBeNull();
});

test.each([
  [at(1), at(31), "30 days"],
  [at(1), at(2), "1 day"],
  [at(1), "2026-01-02T12:00:00Z", "36 h"],
  [at(1), "2026-01-01T00:30:00Z", "30 min"],
  [at(1), "2026-01-01T00:00:12.5Z", "12.5 s"],
  [at(1), "2026-01-07T23:59:59Z", "7 days"],
])("from %s to %s are %s", (lower, upper, expected) => {
  expect(lengthOf("timestamp_utc", { lower, upper })).toBe(expected);
});

test("a range from the beginning on has no length", () => {
  expect(lengthOf("timestamp_utc", { lower: null, upper: at(1) })).toBe("");
  expect(lengthOf("numeric_id", { lower: "5", upper: "1005" })).toBe("1000");
});
