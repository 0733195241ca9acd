import fc from "fast-check";
import { expect, it } from "vitest";
import { literalPrefix, matchesPattern } from "./pattern.ts";

it.each([
  ["sap_*", "sap_eu", true],
  ["sap_*", "sap_", true],
  ["sap_*", "sap", false],
  ["*", "", true],
  ["*", "anything/at all", true],
  ["*_eu", "sap_eu", true],
  ["*_eu", "sap_eu_old", false],
  ["s*p_?u", "sap_eu", true],
  ["s*p_?u", "sxxp_p_au", true],
  ["?", "🦉", true],
  ["??", "🦉", false],
  ["sap.eu", "sapxeu", false],
  ["SAP", "sap", false],
  ["[a-z]*", "a", false],
  ["", "", true],
  ["", "a", false],
])("the pattern %j and %j: %s", (pattern, name, matches) => {
  expect(matchesPattern(pattern, name)).toBe(matches);
});

const text = fc.string({ unit: fc.constantFrom("a", "b", "*", "?", "."), maxLength: 12 });
const name = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 12 });

it("it matches as the regular expression of the same meaning does", () => {
  fc.assert(
    fc.property(text, name, (pattern, given) => {
      const expression = pattern.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".");
      expect(matchesPattern(pattern, given)).toBe(new RegExp(`^${expression}$`).test(given));
      if (matchesPattern(pattern, given)) expect(given.startsWith(literalPrefix(pattern))).toBe(true);
    }),
  );
});

it("a pattern made to take long does not", () => {
  expect(matchesPattern(`${"*a".repeat(90)}b`, "a".repeat(200))).toBe(false);
});
