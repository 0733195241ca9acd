import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addDecimals,
  canonicalDecimal,
  comparableDecimal,
  compareDecimals,
  decimalSortKey,
  floorDecimal,
  isInteger,
  subtractDecimals,
} from "./decimal.ts";

/** Numbers of up to some hundred digits, as units of 10^-scale. */
const parts = fc.record({ units: fc.bigInt(-(10n ** 300n), 10n ** 300n), scale: fc.nat(40) });
const smallParts = fc.record({ units: fc.bigInt(-2000n, 2000n), scale: fc.nat(3) });
const anyParts = fc.oneof(smallParts, parts);

function text({ units, scale }: { units: bigint; scale: number }): string {
  const canonical = canonicalDecimal(`${units}e-${scale}`);
  if (canonical === null) throw new Error("not a decimal");
  return canonical;
}

/** The number in units of 10^-40, as an independent yardstick. */
const yardstick = ({ units, scale }: { units: bigint; scale: number }) => units * 10n ** BigInt(40 - scale);

describe("canonical text", () => {
  test.each([
    ["0", "0"],
    ["-0", "0"],
    ["-0.000", "0"],
    ["-0.", "0"],
    ["7.", "7"],
    ["-120.00", "-120"],
    ["100.50", "100.5"],
    ["007", "7"],
    ["+1.50", "1.5"],
    [".5", "0.5"],
    ["5.", "5"],
    ["1e3", "1000"],
    ["1.25E-2", "0.0125"],
    ["-120.5e1", "-1205"],
    ["123456e-3", "123.456"],
    ["0e5000", "0"],
    ["9007199254740993", "9007199254740993"],
    [`1${"0".repeat(400)}`, `1${"0".repeat(400)}`],
  ])("of %s is %s", (given, expected) => {
    expect(canonicalDecimal(given)).toBe(expected);
  });

  test.each([
    "",
    " 1",
    "1 ",
    "abc",
    "1.2.3",
    "0x10",
    "1e",
    "--1",
    "NaN",
    "Infinity",
    "1_000",
    "1,5",
    ".",
    "１",
  ])("there is none of %j", (given) => {
    expect(canonicalDecimal(given)).toBeNull();
    expect(comparableDecimal(given)).toBeNull();
  });

  test("there is none of a number whose digits would fill the memory, and such numbers still compare", () => {
    expect(canonicalDecimal("1e1000000000")).toBeNull();
    expect(comparableDecimal("1e1000000000")).toBe("1e1000000000");
    expect(comparableDecimal("10.00e999999999")).toBe("1e1000000000");
    expect(comparableDecimal("-0e99999")).toBe("0");
    expect(comparableDecimal("1e2")).toBe("100");
  });

  test("a text of a million zeros is read without delay", () => {
    const zeros = "0".repeat(1_000_000);
    expect(canonicalDecimal(`1.${zeros}1${zeros}`)).toBe(`1.${zeros}1`);
  });

  test("is its own canonical text", () => {
    fc.assert(
      fc.property(anyParts, (number) => {
        expect(canonicalDecimal(text(number))).toBe(text(number));
      }),
    );
  });
});

describe("P7: arithmetic keeps every digit", () => {
  test("comparison is that of the numbers", () => {
    fc.assert(
      fc.property(anyParts, anyParts, (a, b) => {
        const [x, y] = [yardstick(a), yardstick(b)];
        expect(Math.sign(compareDecimals(text(a), text(b)))).toBe(x < y ? -1 : x > y ? 1 : 0);
      }),
    );
  });

  test("sums and differences are those of the numbers", () => {
    fc.assert(
      fc.property(anyParts, anyParts, (a, b) => {
        const sum = { units: yardstick(a) + yardstick(b), scale: 40 };
        const difference = { units: yardstick(a) - yardstick(b), scale: 40 };
        expect(addDecimals(text(a), text(b))).toBe(text(sum));
        expect(subtractDecimals(text(a), text(b))).toBe(text(difference));
      }),
    );
  });

  test("flooring gives the largest multiple that is not above", () => {
    fc.assert(
      fc.property(
        anyParts,
        fc.record({ units: fc.bigInt(1n, 10n ** 20n), scale: fc.nat(5) }),
        (number, step) => {
          const floor = floorDecimal(text(number), text(step));
          expect(compareDecimals(floor, text(number))).toBeLessThanOrEqual(0);
          expect(compareDecimals(addDecimals(floor, text(step)), text(number))).toBeGreaterThan(0);
          expect(floorDecimal(floor, text(step))).toBe(floor);
        },
      ),
    );
    expect(floorDecimal("-0.5", "1")).toBe("-1");
    expect(floorDecimal("7.5", "2.5")).toBe("7.5");
  });

  test("the sort key orders by bytes as the numbers do", () => {
    fc.assert(
      fc.property(anyParts, anyParts, (a, b) => {
        const bytes = Buffer.compare(
          Buffer.from(decimalSortKey(text(a))),
          Buffer.from(decimalSortKey(text(b))),
        );
        expect(bytes).toBe(Math.sign(compareDecimals(text(a), text(b))));
      }),
      { numRuns: 500 },
    );
  });
});

test("integers are those without a fraction", () => {
  expect(isInteger("-12")).toBe(true);
  expect(isInteger("0.5")).toBe(false);
});
