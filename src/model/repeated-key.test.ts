import fc from "fast-check";
import { expect, test } from "vitest";
import { repeatedKey } from "./repeated-key.ts";

test.each([
  ['{"a":1,"a":2}', '"a"'],
  ['{"a":1,"\\u0061":2}', '"\\u0061"'],
  ['{"a" \n\t: 1, "a"\r:2}', '"a"'],
  ['[{"x":{"b":1,"c":{"b":2},"b":3}}]', '"b"'],
  ['{"\\"":1,"\\"":2}', '"\\""'],
  ['{"":1,"":2}', '""'],
  ['{"__proto__":1,"__proto__":2}', '"__proto__"'],
])("%s names %s twice", (json, name) => {
  expect(repeatedKey(json)).toBe(name);
});

test.each([
  '{"a":{"a":1},"b":{"a":1}}',
  '[{"a":1},{"a":1}]',
  '{"a":"b","b":"a"}',
  '{"a":["a","a","a"]}',
  '{"a":"{\\"a\\":1,\\"a\\":2}"}',
  "not JSON",
  '{"a":1',
  '{"a":1,"a',
])("%s names nothing twice", (json) => {
  expect(repeatedKey(json)).toBeNull();
});

test("what JSON.stringify writes is never refused, and each of its objects with one name more is", () => {
  const named = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 });
  fc.assert(
    fc.property(named, fc.constantFrom("", " ", "\n"), (value, space) => {
      const text = JSON.stringify(value, null, space);
      expect(repeatedKey(text)).toBeNull();
      const [name = ""] = Object.keys(value);
      const twice = `${text.trimEnd().slice(0, -1)},${JSON.stringify(name)}:1}`;
      expect(repeatedKey(twice)).toBe(JSON.stringify(name));
    }),
  );
});

test.each([
  ["quotes that are escaped", '{"\\'],
  ["strings that do not end", '"\\"'],
  ["objects in objects", '{"a":'],
  ["white space behind names", '{"a"                '],
  ["backslashes", "\\\\"],
])("the time grows with the length: %s", (_, part) => {
  const took = (length: number): number => {
    const text = `{"${part.repeat(length / part.length)}`;
    const from = performance.now();
    repeatedKey(text);
    return performance.now() - from;
  };
  took(10_000);
  // A square would take minutes.
  expect(took(8_000_000)).toBeLessThan(20_000);
});
