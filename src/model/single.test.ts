import { expect, test } from "vitest";
import { shortestSingle } from "./single.ts";

test.each([
  [0.1, 0.1],
  [-7, -7],
  [16_777_216, 16_777_216],
  [123_456.789, 123_456.79],
  [-123_456.789, -123_456.79],
  [2 ** -149, 1e-45],
  [1.1754943508222875e-38, 1.1754944e-38],
  [3.4028234663852886e38, 3.4028235e38],
  [125.702354, 125.702354],
])("the single-precision number nearest to %s is said by %s", (given, shortest) => {
  expect(shortestSingle(Math.fround(given))).toBe(shortest);
});

test("where a decimal is as near to the next number, another digit is needed, as in PostgreSQL", () => {
  expect(shortestSingle(461_625_216)).toBe(461_625_220);
  expect(shortestSingle(94_918_336)).toBe(94_918_336);
});

test("of two decimals that are as near the even one is taken, as in PostgreSQL", () => {
  expect(shortestSingle(2_097_152.25)).toBe(2_097_152.2);
  expect(shortestSingle(0.000244140625)).toBe(0.00024414062);
});

test("below a power of two, where the numbers are closer, the decimal above is taken", () => {
  expect(shortestSingle(1.262177448353619e-29)).toBe(1.2621775e-29);
});

test("what is no finite number stays", () => {
  expect(shortestSingle(Number.NaN)).toBeNaN();
  expect(shortestSingle(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
});
