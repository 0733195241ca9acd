import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writtenName } from "../../../databases/names.ts";
import { isTablePattern, matchesTable, parseTablePattern } from "./table-pattern.ts";

const naming = { searchPath: ["public", "other"], foldsNames: false };

function matches(pattern: string, table: string, folds = false): boolean {
  const [schema, name] = table.includes("/") ? table.split("/") : ["public", table];
  const parsed = parseTablePattern(pattern);
  if (parsed === null) return false;
  return matchesTable(parsed, { schema: schema ?? "", name: name ?? "" }, { ...naming, foldsNames: folds });
}

describe("a pattern of tables", () => {
  it.each([
    ["*", "orders", true],
    ["*", "sales/orders", false],
    ["*", "other/orders", false],
    ["public.*", "orders", true],
    ["*.*", "sales/orders", true],
    ["s*.ord*", "sales/orders", true],
    ["tmp_*", "tmp_", true],
    ["tmp_*", "xtmp_1", false],
    ["*_20*_log", "a_2024_log", true],
    ["*_20*_log", "a_20_log", true],
    ["*_20*_log", "a_20log", false],
    ["ab*ba", "aba", false],
    ["a*b*c", "acb", false],
    ["a.c", "a/c", true],
    ["orders?", "ordersx", false],
    ["o[a-z]*", "orders", false],
    ["Orders", "orders", false],
    ['"a*"', "a*", true],
    ['"a*"', "ab", false],
    ['"with.dot".*', "with.dot/x", true],
    ['sales."*"', "sales/orders", false],
    ["a.b.c", "b/c", false],
  ])("%s and %s", (pattern, table, fits) => {
    expect(matches(pattern, table)).toBe(fits);
  });

  it("is compared without case only where the database does so", () => {
    expect(matches("ORD*", "orders")).toBe(false);
    expect(matches("ORD*", "orders", true)).toBe(true);
    expect(matches("SALES.ord*", "Sales/ORDERS", true)).toBe(true);
  });

  it("is one only with a star outside of quotes", () => {
    expect(["*", "public.*", '"a".b*', "*.orders"].map(isTablePattern)).toEqual([true, true, true, true]);
    expect(["orders", "public.orders", '"a*"', '"*"."*"'].map(isTablePattern)).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(["a.b.c", ""].map(parseTablePattern)).toEqual([null, null]);
  });

  const names = fc.string({
    unit: fc.constantFrom("a", "b", "_", ".", '"', "É", "*", " "),
    minLength: 1,
    maxLength: 9,
  });

  it("stands for what a regular expression of the same meaning matches", () => {
    const patterns = fc.string({ unit: fc.constantFrom("a", "b", "_", "*"), minLength: 1, maxLength: 8 });
    const texts = fc.string({ unit: fc.constantFrom("a", "b", "_"), minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(patterns, texts, (pattern, name) => {
        const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(name);
        expect(matches(pattern, name)).toBe(expected);
      }),
    );
  });

  it("stands for a table by its written name, whatever characters that has, and for no other", () => {
    fc.assert(
      fc.property(names, names, names, (schema, name, other) => {
        const written = writtenName([schema, name]);
        expect(isTablePattern(written)).toBe(false);
        const pattern = parseTablePattern(written);
        expect(pattern !== null && matchesTable(pattern, { schema, name }, naming)).toBe(true);
        if (other === name || pattern === null) return;
        expect(matchesTable(pattern, { schema, name: other }, naming)).toBe(false);
        expect(matchesTable(pattern, { schema: other, name: other }, naming)).toBe(false);
      }),
    );
  });

  it("stands for every table of a schema with one star, and takes no time with many", () => {
    fc.assert(fc.property(names, (name) => matches("public.*", name.includes("/") ? "x" : name)));
    expect(matches(`${"a*".repeat(5000)}b`, "a".repeat(20_000))).toBe(false);
  });
});
