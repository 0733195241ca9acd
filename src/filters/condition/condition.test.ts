import fc from "fast-check";
import jsonata from "jsonata";
import { describe, expect, test } from "vitest";
import { ExactNumber, exactNumber } from "../../model/exact-number.ts";
import { Condition } from "./condition.ts";
import { exactExpression } from "./exact-expression.ts";

const limits = { timeout: 10_000, stack: 500 };
const isTrue = (text: string, record: Record<string, unknown>) =>
  new Condition(text, limits).isTrueOf(record);
const huge = new ExactNumber("9007199254740993");
const long = new ExactNumber("10.00000000000000000001");

describe("P7: numbers past a double's digits", () => {
  test.each<[string, boolean]>([
    ["id = 9007199254740993", true],
    ["id = 9007199254740992", false],
    ["id != 9007199254740992", true],
    ["id > 9007199254740992", true],
    ["id >= 9007199254740994", false],
    ["id < 9007199254740994", true],
    ["9007199254740992 < id", true],
    ["-9007199254740993 < id", true],
    ["id in [9007199254740992, 9007199254740994]", false],
    ["id in [1, 9007199254740993]", true],
    ["id in other", true],
    ["price > 10", true],
    ["price = 10", false],
    ["price = 10.00000000000000000001", true],
    ["price < 10.00000000000000000002", true],
    ['$number(text) = 9007199254740993 and $number("9007199254740992") != id', true],
    ["nested = { 'id': 9007199254740993 }", true],
    ["nested = { 'id': 9007199254740992 }", false],
    ["lines[id = 9007199254740993]", true],
    ["lines[id = 9007199254740992]", false],
    ["$count(lines[id > 9007199254740992]) = 1", true],
    ['$string(id) = "9007199254740993"', true],
    ['"id " & id = "id 9007199254740993"', true],
    ['$type(id) = "number"', true],
    ["$exists(id)", true],
    ["id", true],
    ["$round(price) = 10", true],
    ["price * 2 = 20", true],
    ["price ~> $floor() = 10", true],
    ["lines^(>price)[0].price > 3", true],
  ])("`%s` is %s", async (text, expected) => {
    const record = {
      id: huge,
      price: long,
      text: "9007199254740993",
      nested: { id: huge },
      other: [1, huge],
      lines: [{ id: huge, price: exactNumber("3.14159265358979323846264") }],
    };
    expect(await isTrue(text, record)).toBe(expected);
  });

  test.each([
    "id + 1 > 0",
    "-id < 0",
    "$sum([id, 1]) > 0",
    "id % 2 = 1",
    "$max([id]) > 1",
    "id ~> $abs() > 0",
  ])("`%s` would round an integer, and names it", async (text) => {
    await expect(isTrue(text, { id: huge })).rejects.toMatchObject({
      code: "FILTER_FAILED",
      message: "9007199254740993 cannot be calculated with: JSONata holds integers up to 9007199254740991",
    });
  });

  test("texts and nulls next to a number are refused, as JSONata does", async () => {
    for (const id of [null, "12", true]) {
      await expect(isTrue("id > other", { id, other: huge })).rejects.toMatchObject({
        code: id === "12" ? "T2009" : "T2010",
      });
    }
  });

  test("any two integers compare as BigInt does, however they came", async () => {
    const integer = fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n });
    const near = integer.chain((a) =>
      fc.tuple(fc.constant(a), fc.oneof(integer, fc.constantFrom(a, a + 1n, a - 1n))),
    );
    await fc.assert(
      fc.asyncProperty(near, async ([a, b]) => {
        const record = { a: exactNumber(String(a)), b: exactNumber(String(b)) };
        expect(await isTrue("a < b", record)).toBe(a < b);
        expect(await isTrue("a = b", record)).toBe(a === b);
        expect(await isTrue(`a >= ${b}`, record)).toBe(a >= b);
        expect(await isTrue(`a != ${b}`, record)).toBe(a !== b);
      }),
      { numRuns: 200 },
    );
  });
});

test("without such numbers, the exact expression says what JSONata says", async () => {
  const operand = fc.constantFrom(
    "a",
    "b",
    "a.b",
    "l.x",
    "1",
    "-2.5",
    '"x"',
    "null",
    "true",
    "$sum(l.x)",
    "l[x > 1].x",
    "$.a",
  );
  const operator = fc.constantFrom("=", "!=", "<", "<=", ">", ">=", "in", "+", "*", "&", "and", "or");
  const value = fc.constantFrom(undefined, null, 1, -2.5, 3, "x", "", true, [1, 3], { b: 1 });
  const outcome = async (expression: jsonata.Expression, record: unknown) =>
    expression.evaluate(record).then(
      (result: unknown) => ({ result }),
      ({ code, message }: { code: string; message: string }) => ({ code, message }),
    );
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(operand, operator, operand, operator, operand),
      fc.record({
        a: value,
        b: value,
        l: fc.array(fc.record({ x: fc.constantFrom(1, 2, 3) }), { maxLength: 3 }),
      }),
      async ([first, one, second, two, third], record) => {
        const text = `(${first} ${one} ${second}) ${two} ${third}`;
        const said = await outcome(exactExpression(text, limits), record);
        expect(said, text).toEqual(await outcome(jsonata(text, limits), record));
      },
    ),
    { numRuns: 1500 },
  );
});
