import fc from "fast-check";
import jsonata from "jsonata";
import { describe, expect, test } from "vitest";
import { expressionError } from "./jsonata-errors.ts";
import { jsonataFunctions } from "./jsonata-names.ts";

const values = ["status", "headers"];

describe("a variable that nothing defines is named, with its place and what may be meant", () => {
  const nobody = "which neither JSONata nor the expression defines";
  const field = (name: string) => `write \`${name}\` for the field, and \`$\` alone for the whole input`;
  test.each([
    ["$n > 1", 0, `\`$n\`, ${nobody}; ${field("n")}`],
    ["$record.n > 3", 0, `\`$record\`, ${nobody}; ${field("record")}`],
    ["id > $limit", 5, `\`$limit\`, ${nobody}; ${field("limit")}`],
    ["ok and ($limit := 3; id > $limt)", 26, `\`$limt\`, ${nobody}; did you mean \`$limit\`?`],
    ["$statsu >= 400", 0, `\`$statsu\`, ${nobody}; did you mean \`$status\`?`],
    ["lines[price > $max_price]", 14, `\`$max_price\`, ${nobody}; ${field("max_price")}`],
    ["$exists($deleted) = false", 8, `\`$deleted\`, ${nobody}; ${field("deleted")}`],
    ["lines^($price).sku", 7, `\`$price\`, ${nobody}; ${field("price")}`],
    ["lines{ $sku: 1 }", 7, `\`$sku\`, ${nobody}; ${field("sku")}`],
    ["$map(lines, function($l) { $l.n = $m })", 34, `\`$m\`, ${nobody}; ${field("m")}`],
    ["$substring(?, $from)", 14, `\`$from\`, ${nobody}; ${field("from")}`],
    ["|lines|{ 'p': $p }|", 14, `\`$p\`, ${nobody}; ${field("p")}`],
    ["$b > $a", 0, `\`$b\`, ${nobody}; ${field("b")}`],
  ])("%s", (text, offset, words) => {
    expect(expressionError(text, values)).toEqual({ message: `the expression reads ${words}`, offset });
  });
});

describe("a variable that is read outside of the parentheses or the function that define it is named", () => {
  test.each([
    ["(($a := 1); $a > 0)", "a", 12],
    ["($l := 1; n > 1) and $l > 0", "l", 21],
    ["($f := function($x) { ($t := 5; $x > 1) }; $f(n) and $t > 1)", "t", 53],
    ["($f := function($x) { $x > 1 }; $x > 1)", "x", 32],
    ["($a > 1; $a := 1)", "a", 1],
    ["n > $limit or ($limit := 2; true)", "limit", 4],
    ["$map(lines, function($l) { $l.n > 1 }) and $l", "l", 43],
    ["lines.($q := n; $q > 1) and $q = 1", "q", 28],
  ])("%s", (text, name, offset) => {
    const message = `the expression reads \`$${name}\` where it has no value: \`$${name} := …\` counts from there to the end of the parentheses or the function around it`;
    expect(expressionError(text, values)).toEqual({ message, offset });
  });

  test("and so is a function that is called there", () => {
    expect(expressionError("(($f := $trim); $f(name) = 'x')")).toMatchObject({
      message: expect.stringContaining("the expression calls `$f` where it has no value"),
      offset: 16,
    });
  });
});

describe("a constant text that $eval evaluates is looked through", () => {
  test.each([
    ['$eval("$foo > 1")', "the expression reads `$foo`, which neither"],
    ["$eval('n >')", "the expression cannot be read"],
    [`$eval("$eval('$foo')")`, "the expression reads `$foo`, which neither"],
    ["($a := 1; $eval('($b := $a; $b)') > $b)", "the expression reads `$b`, which neither"],
  ])("%s", (text, words) => {
    expect(expressionError(text)?.message).toContain(words);
  });

  test("one that is computed is not", () => {
    expect(expressionError("$eval(payload).a > $b")).toBeNull();
  });
});

describe("a function that stands where a value is wanted is named", () => {
  test.each([
    ["$error", "error", 0],
    ["$error.code = 3", "error", 0],
    ["$count > 3", "count", 0],
    ["ok and $type", "type", 7],
    ["$not($error)", "error", 5],
    ["ok ? $keys : false", "keys", 5],
    ["$length ? 1 : 2", "length", 0],
    ["(1; $now)", "now", 4],
    ["'a' & $string", "string", 6],
  ])("%s", (text, name, offset) => {
    const words = `the expression reads \`$${name}\`, which is a function and has no value of its own; write \`${name}\` for the field, and \`$\` alone for the whole input`;
    expect(expressionError(text, values)).toEqual({ message: words, offset });
  });
});

describe("what the expression, JSONata or Tidemark defines may be read", () => {
  const input = { n: 3, name: "ab", lines: [{ sku: "x", n: 2 }], names: ["a", "b"] };
  test.each([
    "$.n > 1 and $$.n > 1 and $ != 3",
    "lines[$.n > 1]",
    "($limit := 2; n > $limit)",
    "($n := n > 1; $f := function($x) { $x + $later }; $later := 2; $f(n) > 1 or $n)",
    "($f := function($x) { $x = 0 ? 0 : $f($x - 1) }; $f(n) = 0)",
    "[$a := 1, $a][0] = 1",
    "(n > 1 ? $a := 2 : $a := 3; $a > 1)",
    "($a := 1; ($b := $a; lines[n > $b and $a = 1]))",
    "$eval('$length(name) > 0', $) or ($n := 2; $eval('$n > 1'))",
    "($p := 1; lines.($q := n; $q > $p))",
    "($m := 2; $filter(lines, function($l) { ($k := $l.n; $k >= $m) }))",
    "$limit := ($other := 2)",
    "$map(lines, function($l, $i, $all) { $l.n + $i + $count($all) })",
    "$reduce(lines.n, function($sum, $n) { $sum + $n })",
    "lines@$l.{ 'n': $l.n }",
    "lines@$l#$i[$i = 0].$l.n",
    "names#$i[$i > 0]",
    "names[0]#$i.$string($i)",
    "lines.{ 'n': %.n }",
    "$map(names, $uppercase)",
    "names.$uppercase($)",
    "($f := $trim; $f(name))",
    "($f := $trim ~> $uppercase; $f(name))",
    "($pick := function($f) { $f }; $pick($trim)(name))",
    "($choose := n > 1 ? $uppercase : $lowercase; $choose(name))",
    '{"f": $uppercase}.f("x")',
    "$exists($uppercase) and $type($trim) = 'function'",
    "$status = 200 and $headers.`x-a` = '1'",
    "($eval('$n := 1'); $n = 1)",
    "$sort(lines, function($a, $b) { $a.n > $b.n })",
    "lines ~> |$|{ 'a': $.n }|",
    "($count := 3; $count > 2)",
  ])("%s", async (text) => {
    expect(expressionError(text, values)).toBeNull();
    await jsonata(text).evaluate(input, { status: 200, headers: {} });
  });
});

const word = fc
  .stringMatching(/^[a-z][a-zA-Z0-9_]{0,11}$/)
  .filter((name) => !jsonataFunctions.has(name) && !values.includes(name));

/** Expressions that read `read` at one place. */
const around = fc.letrec<{ at: (read: string) => string }>((tie) => ({
  at: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constant((read: string) => read),
    ...[
      (inner: string) => `(${inner}) > 1`,
      (inner: string) => `a and (${inner})`,
      (inner: string) => `a.b[c = (${inner})]`,
      (inner: string) => `$exists(${inner})`,
      (inner: string) => `$map(a, function($v9) { $v9 + (${inner}) })`,
      (inner: string) => `(a ? (${inner}) : -(b))`,
      (inner: string) => `[1, (${inner})]`,
      (inner: string) => `{ "k": (${inner}) }`,
      (inner: string) => `a{ b: (${inner}) }`,
      (inner: string) => `a^(>(${inner}))`,
      (inner: string) => `($v8 := (${inner}); $v8)`,
      (inner: string) => `$substring(a, ?, (${inner}))`,
      (inner: string) => `a@$v7.(${inner})`,
      (inner: string) => `(a ~> $append(${inner}))`,
      (inner: string) => `(${inner}).d`,
    ].map((wrap) => tie("at").map((at) => (read: string) => wrap(at(read)))),
  ),
})).at;

test("a variable that is bound around the place where it is read is never refused", () => {
  fc.assert(
    fc.property(around, word, (at, name) => {
      expect(expressionError(at("$"))).toBeNull();
      expect(expressionError(at("$$.x"))).toBeNull();
      expect(expressionError(at(name))).toBeNull();
      expect(expressionError(`($${name} := a; ${at(`$${name}`)})`)).toBeNull();
      expect(expressionError(`$map(a, function($${name}) { ${at(`$${name}`)} })`)).toBeNull();
      expect(expressionError(`a@$${name}.(${at(`$${name}`)})`)).toBeNull();
      expect(expressionError(`a#$${name}.(${at(`$${name}`)})`)).toBeNull();
      expect(expressionError(at("$status"), values)).toBeNull();
    }),
  );
});

test("a variable that is bound nowhere is refused where it stands", () => {
  const unbound = word.filter((name) => !/^v[789]$/.test(name));
  fc.assert(
    fc.property(around, unbound, (at, name) => {
      const text = at(`$${name}`);
      const place = new RegExp(`\\$${name}(?![a-zA-Z0-9_])`).exec(text)?.index;
      expect(expressionError(text)).toMatchObject({
        message: expect.stringContaining(`reads \`$${name}\`, which neither JSONata nor the expression`),
        offset: place,
      });
    }),
  );
});
