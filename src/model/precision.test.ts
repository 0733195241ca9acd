import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatPrecision,
  isZero,
  parsePrecision,
  precisionAmount,
  precisionNanoseconds,
} from "./precision.ts";

const invalid = expect.objectContaining({ code: "ARGUMENT_INVALID" });

test.each([
  ["1ns", 1n],
  ["1us", 1_000n],
  ["1µs", 1_000n],
  ["1μs", 1_000n],
  ["1ms", 1_000_000n],
  ["1s", 1_000_000_000n],
  ["1.5s", 1_500_000_000n],
  ["1m", 60_000_000_000n],
  ["1h", 3_600_000_000_000n],
  ["1d", 86_400_000_000_000n],
  ["PT0S", 0n],
  ["P1D", 86_400_000_000_000n],
  ["P1W", 604_800_000_000_000n],
  ["PT1H30M", 5_400_000_000_000n],
  ["PT0.5S", 500_000_000n],
  ["PT0,000000001S", 1n],
  ["P1DT1S", 86_401_000_000_000n],
])("%s is %s nanoseconds", (text, nanoseconds) => {
  expect(parsePrecision(text)).toEqual({ unit: "time", nanoseconds });
});

test.each([
  ["1", "1"],
  ["0.01", "0.01"],
  ["0.10", "0.1"],
  ["0", "0"],
  ["9007199254740993", "9007199254740993"],
])("%s is a number", (text, amount) => {
  expect(parsePrecision(text)).toEqual({ unit: "number", amount });
});

describe("refused", () => {
  test.each([
    "",
    "-1s",
    "-1",
    "1x",
    "s",
    "P",
    "PT",
    "P1DT",
    "1e3",
    "1 s",
    "PT-1S",
    "0.5ns",
    "PT0.0000000001S",
    "one",
  ])("%j", (text) => {
    expect(() => parsePrecision(text)).toThrow(invalid);
  });

  test.each(["P1M", "P1Y", "P1Y2M3D"])("%s, saying that months and years have no fixed length", (text) => {
    expect(() => parsePrecision(text)).toThrow(/no fixed length/);
  });

  test("a number where time is needed, and the other way round", () => {
    expect(() => precisionNanoseconds(parsePrecision("1"))).toThrow(invalid);
    expect(() => precisionAmount(parsePrecision("1s"))).toThrow(invalid);
  });
});

test("the formatted text is read back as the same precision", () => {
  const time = fc.bigInt(0n, 10n ** 18n).map((nanoseconds) => ({ unit: "time" as const, nanoseconds }));
  fc.assert(
    fc.property(time, (precision) => {
      expect(parsePrecision(formatPrecision(precision))).toEqual(precision);
    }),
  );
  expect(formatPrecision(parsePrecision("PT1H30M"))).toBe("90m");
  expect(formatPrecision(parsePrecision("0.01"))).toBe("0.01");
});

test("zero is zero in every unit", () => {
  expect(["PT0S", "0ms", "0", "0.00"].map((text) => isZero(parsePrecision(text)))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(["1ns", "0.01"].map((text) => isZero(parsePrecision(text)))).toEqual([false, false]);
});
