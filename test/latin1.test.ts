import vm from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { asLatin1 } from "../scripts/latin1.ts";

const character = fc.constantFrom(
  "…",
  "😀",
  "\ufeff",
  "é",
  "a",
  "n",
  "'",
  "`",
  "/",
  "]",
  "\\\\",
  "\\…",
  "\\n",
  "\\'",
);
const body = fc.array(character, { maxLength: 12 }).map((parts) => parts.join(""));

/** What the source evaluates to; null where it is no JavaScript. */
function evaluated(source: string): unknown {
  try {
    return vm.runInThisContext(`String(${source})`);
  } catch {
    return null;
  }
}

test.each<[string, (text: string) => string]>([
  ["a text", (text) => `'${text}'`],
  ["a template", (text) => `\`${text}\``],
])("%s written in Latin-1 has the same value", (_, quoted) => {
  fc.assert(
    fc.property(body, (text) => {
      const source = quoted(text);
      const value = evaluated(source);
      fc.pre(value !== null);
      const written = asLatin1(source);
      expect(written).toMatch(/^[\0-\xff]*$/);
      expect(evaluated(written)).toBe(value);
    }),
  );
});

test.each([
  [/^[…‰]+$/, "…‰", "…a"],
  [/^…$/, "…", "\\…"],
  [/^\\…$/, "\\…", "…"],
  [/^[😀…]$/u, "😀", "a"],
  [/^[^\p{L}😀]$/v, "…", "😀"],
])("the pattern %s written in Latin-1 matches the same", (pattern, matching, other) => {
  const written = asLatin1(String(pattern));
  expect(written).toMatch(/^[\0-\xff]*$/);
  const same: unknown = vm.runInThisContext(`(text) => ${written}.test(text)`);
  if (typeof same !== "function") throw new Error("no function");
  for (const text of [matching, other]) expect([text, same(text)]).toEqual([text, pattern.test(text)]);
  expect([same(matching), same(other)]).toEqual([true, false]);
});

test("a raw text that an escape would change is refused", () => {
  expect(() => asLatin1("const a = String.raw`one…`;")).toThrow("String.raw`one…");
});
