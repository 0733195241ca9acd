import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ExactNumber } from "./exact-number.ts";
import { JsonError, parseJson, stringifyJson } from "./json.ts";

describe("P7: JSON keeps every digit", () => {
  test.each([
    '{"id":9007199254740993}',
    "[1234567890123456789012345678901234567890]",
    "[0.12345678901234567890123,-1514764800.123456789]",
    "1e400",
    '{"text":"9007199254740993","n":[9007199254740993]}',
    '{"quoted \\"[1":9007199254740993,"slash\\\\":1}',
  ])("%s comes out as it went in", (text) => {
    expect(stringifyJson(parseJson(text))).toBe(text);
  });

  test("only what a double cannot hold is wrapped", () => {
    expect(parseJson('{"a":1.5,"b":1e3,"c":0.30000000000000004,"d":9007199254740993}')).toEqual({
      a: 1.5,
      b: 1000,
      c: 0.30000000000000004,
      d: new ExactNumber("9007199254740993"),
    });
  });

  test("any integers and decimals survive", () => {
    const literal = fc.oneof(
      fc.bigInt(-(10n ** 30n), 10n ** 30n).map(String),
      fc.tuple(fc.integer(), fc.bigInt(0n, 10n ** 25n)).map(([whole, rest]) => `${whole}.${rest}1`),
    );
    const name = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(fc.array(fc.tuple(name, literal), { minLength: 1 }), (pairs) => {
        const text = `[${pairs.map(([key, number]) => `{${JSON.stringify(key)}:${number}}`).join(" ,\n")}]`;
        const values = parseJson(text);
        expect(stringifyJson(values)).toBe(text.replaceAll(" ,\n", ","));
      }),
    );
  });

  test("all other JSON is read as JSON.parse reads it", () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: "binary" }), (text) => {
        const expected: unknown = JSON.parse(text);
        expect(JSON.stringify(parseJson(text))).toBe(JSON.stringify(expected));
      }),
    );
  });

  test("a bigint is written as a number", () => {
    expect(stringifyJson({ id: 9007199254740993n, exact: new ExactNumber("1e400") })).toBe(
      '{"id":9007199254740993,"exact":1e400}',
    );
  });
});

describe("JSON that wants to do harm", () => {
  test.each(['{"__proto__":{"admin":true},"__proto__":{"admin":1}}', '{"__proto__":9007199254740993}'])(
    "%s makes an ordinary field",
    (text) => {
      const value = parseJson(text);
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(Object.keys(value as object)).toEqual(["__proto__"]);
      expect(({} as { admin?: unknown }).admin).toBeUndefined();
    },
  );

  test.each([
    ["lists", "[".repeat(2_000_000)],
    ["closed lists", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["objects", `${'{"a":'.repeat(100_000)}9007199254740993${"}".repeat(100_000)}`],
  ])("nesting of %s without end is an error", (_, text) => {
    expect(() => parseJson(text)).toThrow(JsonError);
    expect(() => parseJson(text)).toThrow("nested too deeply");
  });

  test("nesting as deep as records ever have is read and written", () => {
    const text = `${"[".repeat(1000)}9007199254740993${"]".repeat(1000)}`;
    expect(stringifyJson(parseJson(text))).toBe(text);
  });

  test("any number of things next to each other is not nesting", () => {
    const text = JSON.stringify(Array.from({ length: 3000 }, () => [{ list: [] }]));
    expect(stringifyJson(parseJson(text))).toBe(text);
  });

  test("brackets in texts do not count as nesting", () => {
    const text = JSON.stringify(["[".repeat(5000), '"'.repeat(50), "\\".repeat(51)]);
    expect(stringifyJson(parseJson(text))).toBe(text);
  });

  test("a value that holds itself is an error", () => {
    const list: unknown[] = [];
    list.push(list);
    expect(() => stringifyJson(list)).toThrow(JsonError);
  });
});

test.each(["", "{", '{"a":1', "<html>", "[1,]", '"abc', '"abc\\"', "9007199254740993x", "1e", "-"])(
  "%j is no JSON",
  (text) => {
    expect(() => parseJson(text)).toThrow(JsonError);
    expect(() => parseJson(text)).toThrow(SyntaxError);
  },
);

test("a byte order mark before the JSON is passed over", () => {
  expect(parseJson("\ufeff[1]")).toEqual([1]);
});

test("what JSON has no word for is null", () => {
  expect(stringifyJson(undefined)).toBe("null");
});
