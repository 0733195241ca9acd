import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalDecimal } from "./decimal.ts";
import { comparableNumber, ExactNumber, exactNumber } from "./exact-number.ts";

describe("P7: numbers that a double cannot hold", () => {
  test.each([
    "9007199254740993",
    "9007199254740994",
    "-9223372036854775808",
    "0.1234567890123456789",
    "1514764800.123456789",
    "1e400",
    "1e-400",
    "1e1000000000",
    `${"9".repeat(300)}`,
  ])("%s stays as it is written", (text) => {
    const number = exactNumber(text);
    expect(number).toBeInstanceOf(ExactNumber);
    expect(String(number)).toBe(text);
    expect(JSON.stringify({ number })).toBe(`{"number":${text}}`);
  });

  test.each([
    ["0", 0],
    ["-0", 0],
    ["1.10", 1.1],
    ["9007199254740991", 9007199254740991],
    ["0.30000000000000004", 0.30000000000000004],
    ["1e3", 1000],
    ["6.02e23", 6.02e23],
    ["+5", 5],
    ["007", 7],
  ])("%s is a plain number", (text, expected) => {
    expect(exactNumber(text)).toBe(expected);
  });

  test("texts of databases that are no JSON literals are spelt as such", () => {
    expect(String(exactNumber("+09007199254740993.50"))).toBe("9007199254740993.5");
  });

  test.each(["", "abc", "NaN", "Infinity", "0x10", " 1", "1,5"])("%j is refused", (text) => {
    expect(() => exactNumber(text)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }));
    expect(() => new ExactNumber(text)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }));
  });

  test("no value is ever changed", () => {
    const decimal = fc.tuple(fc.bigInt(-(10n ** 40n), 10n ** 40n), fc.integer({ min: -30, max: 30 }));
    fc.assert(
      fc.property(decimal, ([units, exponent]) => {
        const text = `${units}e${exponent}`;
        expect(canonicalDecimal(String(exactNumber(text)))).toBe(canonicalDecimal(text));
      }),
    );
  });

  test("code that calculates gets the nearest double", () => {
    expect(new ExactNumber("9007199254740993").valueOf()).toBe(9007199254740992);
  });
});

test("equal values have one comparable text, however they are held", () => {
  expect(comparableNumber(new ExactNumber("1e3"))).toBe("1000");
  expect(comparableNumber(1000)).toBe("1000");
  expect(comparableNumber(1000n)).toBe("1000");
  expect(comparableNumber(1e21)).toBe(comparableNumber(10n ** 21n));
  expect(comparableNumber(-0)).toBe("0");
  expect(comparableNumber(0.1)).toBe("0.1");
});
