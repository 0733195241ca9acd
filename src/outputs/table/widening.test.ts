import { describe, expect, test } from "vitest";
import { ExactNumber } from "../../model/exact-number.ts";
import { meetsAsNumber } from "./widening.ts";

describe("a column of booleans whose source uses numbers for them", () => {
  test.each([7, 7n, new ExactNumber("7.50")])("takes a number, whatever holds it: %s", (value) => {
    expect(meetsAsNumber("boolean", value, "boolean")).toBe(true);
    expect(meetsAsNumber("boolean", value, "integer")).toBe(true);
  });

  test.each(["7", true, null, { n: 7 }])("takes nothing else as a number: %j", (value) => {
    expect(meetsAsNumber("boolean", value, "boolean")).toBe(false);
    expect(meetsAsNumber("boolean", value, "integer")).toBe(false);
  });

  test("takes no number where the source's column is of another kind, or is not known", () => {
    expect([undefined, "text" as const].map((hint) => meetsAsNumber("boolean", 7, hint))).toEqual([
      false,
      false,
    ]);
    expect(meetsAsNumber("text", 7, "integer")).toBe(false);
  });
});
