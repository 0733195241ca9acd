import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { inLongRun } from "../../test/support/long-run.ts";
import { LinearRegExp } from "./linear-regexp.ts";

/** All matches as JSONata looks for them: each search begins where the match before ended. */
function matches(regex: RegExp, text: string): unknown[] {
  const found: unknown[] = [];
  regex.lastIndex = 0;
  for (let match = regex.exec(text); match !== null; match = regex.exec(text)) {
    found.push([match.index, ...match]);
    if (match[0] === "") break;
  }
  return found;
}

const atom = fc.constantFrom(
  ...[
    "a",
    "b",
    "é",
    " ",
    "\\s",
    "\\S",
    "\\d",
    "\\w",
    "\\W",
    ".",
    "[ab]",
    "[^a]",
    "[\\s,]",
    "[^\\s]",
    "[\\Sx]",
  ],
  ...["\\b", "^", "$", "\\u00e9", "\\x41", "\\.", "[a-c.-]", "[\\b]", "[^]", "\\/", "\\t"],
);
const { pattern } = fc.letrec<{ pattern: string; piece: string }>((tie) => ({
  piece: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    atom,
    fc
      .tuple(
        fc.constantFrom("a", "\\w", ".", "[ab]", "\\s", "(?:ab|a)"),
        fc.constantFrom("*", "+", "?", "{2}", "{1,3}", "*?", "+?"),
      )
      .map((parts) => parts.join("")),
    tie("pattern").map((inner) => `(?:${inner})`),
    tie("pattern").map((inner) => `(${inner})`),
  ),
  pattern: fc
    .array(fc.array(tie("piece"), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 2 })
    .map((ways) => ways.map((pieces) => pieces.join("")).join("|")),
}));
const text = fc.string({
  unit: fc.constantFrom(..."aabbABéx1_ .,-/\n\r\t\u00a0\u2028\u3000\ufeff\b".split("")),
  maxLength: 12,
});

describe("a linear regular expression", () => {
  test("finds what JavaScript's own finds", () => {
    fc.assert(
      fc.property(pattern, fc.constantFrom("g", "gi", "gm"), text, (source, flags, over) => {
        // With the flag m a line ends at \n alone.
        fc.pre(!flags.includes("m") || !/[\r\u2028]/.test(over));
        const own = new RegExp(source, flags);
        expect(matches(new LinearRegExp(own), over)).toEqual(matches(own, over));
      }),
      { numRuns: inLongRun(600, 3000) },
    );
  });

  test.each([
    ["^(a+)+$", `${"a".repeat(100_000)}b`],
    ["(\\w+\\s?)*$", `${"a".repeat(100_000)}!`],
    ["(?:a|a)*b", "a".repeat(100_000)],
    ["\\s+$", `${" ".repeat(100_000)}x`],
    ["(.*)(.*)(.*)(.*)x", "a".repeat(20_000)],
    ["(a{1,30}){1,30}b", "a".repeat(20_000)],
  ])("/%s/ takes time that grows with the text", (source, over) => {
    const from = performance.now();
    new LinearRegExp(new RegExp(source, "g")).exec(over);
    expect(performance.now() - from).toBeLessThan(10_000);
  });

  test.each([
    "a(?=b)",
    "a(?!b)",
    "(?<=a)b",
    "(?<!a)b",
    "(a)\\1",
    "(?<n>a)\\k<n>",
    "((a{1,100}){1,100}){1,100}",
  ])("/%s/ is refused", (source) => {
    expect(() => new LinearRegExp(new RegExp(source, "g"))).toThrow(SyntaxError);
  });

  test("what only looks like that is taken", () => {
    for (const source of ["[(?=]a", "\\(\\?=", "\\\\1", "(?<name>a)"]) {
      expect(() => new LinearRegExp(new RegExp(source, "g"))).not.toThrow();
    }
  });
});
