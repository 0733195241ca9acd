import { expect, test } from "vitest";
import { boundedJsonata } from "./bounded-jsonata.ts";

test.each([
  ["$contains(a, /^x\\s+y$/i)", { a: "X \u00a0y" }, true],
  ["$match(a, /(\\d)(x)?/).groups", { a: "1 2x" }, ["1", undefined, "2", "x"]],
  ['$replace(a, /(b+)c/, "<$1>")', { a: "abbcabc" }, "a<bb>a<b>"],
  ["$split(a, /\\s*,\\s*/)", { a: "x , y,z" }, ["x", "y", "z"]],
  ["a[$ ~> /^k/]", { a: ["k1", "l", "k2"] }, ["k1", "k2"]],
])("%s is evaluated as before", async (expression, input, result) => {
  expect([await boundedJsonata(expression).evaluate(input)].flat()).toEqual([result].flat());
});

test("a regular expression that would take minutes to find nothing takes none", async () => {
  const from = performance.now();
  const text = `${"a".repeat(50_000)}!`;
  expect(await boundedJsonata("$contains(a, /^(\\w+\\s?)*$/)").evaluate({ a: text })).toBe(false);
  // Also where the record itself brings the expression.
  expect(
    await boundedJsonata("$eval(code)").evaluate({
      code: '$contains("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", /^(a+)+$/)',
    }),
  ).toBe(false);
  expect(performance.now() - from).toBeLessThan(5000);
});

test("one that cannot be bounded is an error with its place", () => {
  const text = "a = 1 and $contains(b, /x(?=y)/)";
  expect(() => boundedJsonata(text)).toThrow(/the regular expression \/x\(\?=y\)\/ looks ahead or behind/);
  try {
    boundedJsonata(text);
  } catch (error) {
    expect(error).toMatchObject({ position: text.indexOf(")/)") + 2 });
  }
  for (const inside of [
    "{ 'a': [1, $map(b, function($x){ $x ~> /(a)\\1/ })] }",
    "a.b[c ~> /(?!x)/].d",
    "(($y := /(?<=x)/; $y))",
  ]) {
    expect(() => boundedJsonata(inside)).toThrow(/the regular expression/);
  }
});

test.each([
  ["an endless recursion", "($f := function(){ 1 + $f() }; $f())"],
  ["an endless list", "[1..99999999]"],
])("%s stops", async (_, expression) => {
  await expect(boundedJsonata(expression).evaluate({})).rejects.toMatchObject({
    code: expect.stringMatching(/^D/),
  });
});
