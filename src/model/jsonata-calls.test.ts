import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import fc from "fast-check";
import jsonata from "jsonata";
import { describe, expect, test } from "vitest";
import { expressionError } from "./jsonata-errors.ts";
import { jsonataFunctions } from "./jsonata-names.ts";

const functions = [...jsonataFunctions];

test("the list of functions is JSONata's own", async () => {
  const source = readFileSync(createRequire(import.meta.url).resolve("jsonata"), "utf8");
  const bound = [...source.matchAll(/(?:staticFrame|environment)\.bind\('(\w+)'/g)].map(([, name]) => name);
  expect(functions.toSorted()).toEqual(bound.toSorted());
  for (const name of functions) {
    expect(await jsonata(`$exists($${name})`).evaluate({}), name).toBe(true);
  }
});

describe("a call of a function that nobody defines is named, with its place and the nearest name", () => {
  const noFunction = "which is no function of JSONata and is not defined in the expression";
  test.each([
    ["$uppercas(name)", 0, `\`$uppercas\`, ${noFunction}; did you mean \`$uppercase\`?`],
    ['name ~> $uppercas ~> $trim = "A"', 8, `\`$uppercas\`, ${noFunction}; did you mean \`$uppercase\`?`],
    ["name ~> $trimm()", 8, `\`$trimm\`, ${noFunction}; did you mean \`$trim\`?`],
    ["lines[$nunber(price) > 3]", 6, `\`$nunber\`, ${noFunction}; did you mean \`$number\`?`],
    ["lines.{ 'a': $xyzzy(a) }", 13, `\`$xyzzy\`, ${noFunction}`],
    ["lines{ sku: $summ(n) }", 12, `\`$summ\`, ${noFunction}; did you mean \`$sum\`?`],
    ["lines^(>$lenght(a))", 8, `\`$lenght\`, ${noFunction}; did you mean \`$length\`?`],
    ["$map(lines, $uppercas)", 12, `\`$uppercas\`, ${noFunction}; did you mean \`$uppercase\`?`],
    ["$f := $substrin(?, 0, 2)", 6, `\`$substrin\`, ${noFunction}; did you mean \`$substring\`?`],
    [
      "($double := function($x) { $x * 2 }; $duoble(n))",
      37,
      `\`$duoble\`, ${noFunction}; did you mean \`$double\`?`,
    ],
    ["function($x) { $other($x) }(1)", 15, `\`$other\`, ${noFunction}`],
    ["|lines|{ 'p': $numbr(p) }|", 14, `\`$numbr\`, ${noFunction}; did you mean \`$number\`?`],
    [
      "uppercase(name) = 'A'",
      0,
      "`uppercase`, which is a field; the names of functions begin with `$`; did you mean `$uppercase`?",
    ],
    ["ok and zork(name)", 7, "`zork`, which is a field; the names of functions begin with `$`"],
    ["$tidemark_equal(a, b)", 0, `\`$tidemark_equal\`, ${noFunction}`],
    ["$status(200)", 0, "`$status`, which is a value and no function"],
  ])("%s", (text, offset, words) => {
    expect(expressionError(text, ["status"])).toEqual({ message: `the expression calls ${words}`, offset });
  });
});

describe("what an expression defines may be called", () => {
  const anything = { name: "ab", n: 3, lines: [{ sku: "x", price: 2 }], names: ["a", "b"] };
  test.each([
    "($f := function($x) { $x + 1 }; $f(n))",
    "($even := function($x) { $x = 0 ? true : $odd($x - 1) }; $odd := function($x) { $x = 0 ? false : $even($x - 1) }; $even(n))",
    "function($f) { $f(name) }($uppercase)",
    "($first2 := $substring(?, 0, 2); name ~> $first2 = 'ab')",
    "($clean := $trim ~> $uppercase; $clean(name))",
    "$map(names, $uppercase)",
    "$map(names, function($v, $i) { $v & $string($i) })",
    "($by := function($a, $b) { $a > $b }; $sort(names, $by))",
    "($map := function($a, $b) { $a & $b }; $map(name, names[9]) = 'ab')",
    "($r := /a/; $exists($r(name)))",
    "lines@$l.(  $f := function() { $l.price }; $f() )",
    "lines#$i.( $string($i) )",
    "names[0]#$i.$string($i)",
    '{"f": $uppercase}.f("x")',
    '{"f": function($x) { $x }}.f(1)',
    "($o := { 'f': $lowercase }; $o.f('A'))",
    "lines[0] ~> |$|{ 'a': 1 }|",
    '($eval("$f := function() { 1 }"); $f() = 1)',
    "n in [1..3] and $exists(status) or in = 3",
    "$now() > '2000' and $millis() > 0",
    "true ? ($h := $trim; $h(name)) : false",
    "$not($status = 200)",
  ])("%s", async (text) => {
    expect(expressionError(text, ["status"])).toBeNull();
    await jsonata(text).evaluate(anything);
  });
});

/** Each puts a function's name into a place where it is called. */
const places: readonly ((name: string) => string)[] = [
  (name) => `$${name}()`,
  (name) => `a.b[$${name}(c) = 1]`,
  (name) => `a ~> $${name}`,
  (name) => `a ~> $${name}(1)`,
  (name) => `($b := 1; [{ "x": $${name}(a, $b) }])`,
  (name) => `$${name}(?, 1)`,
  (name) => `function($x) { $${name}($x) }(a)`,
  (name) => `a ? $${name}(b) : -$${name}(c)`,
  (name) => `$filter(a, $${name})`,
  (name) => `a{ b: $${name}(c) }`,
  (name) => `a^(<$${name}(b)).c`,
];
const place = fc.constantFrom(...places);
const word = fc.stringMatching(/^[a-z][a-zA-Z0-9_]{0,11}$/);

test("any function of JSONata, and any that the expression binds, may be called anywhere", () => {
  fc.assert(
    fc.property(place, fc.constantFrom(...functions), word, (at, name, own) => {
      expect(expressionError(at(name))).toBeNull();
      expect(expressionError(`($${own} := $string; ${at(own)})`)).toBeNull();
      expect(expressionError(`function($${own}) { ${at(own)} }($string)`)).toBeNull();
    }),
  );
});

test("any other name is refused at its first place", () => {
  const other = word.filter((name) => !jsonataFunctions.has(name) && name !== "b" && name !== "x");
  fc.assert(
    fc.property(place, other, (at, name) => {
      const text = at(name);
      expect(expressionError(text)).toMatchObject({
        message: expect.stringContaining(`calls \`$${name}\`, which is no function`),
        // Whole names only: `$f` is the beginning of `$filter`.
        offset: text.search(new RegExp(`\\$${name}\\b`)),
      });
    }),
  );
});
