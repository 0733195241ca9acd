import fc from "fast-check";
import jsonata from "jsonata";
import { expect, test } from "vitest";
import { ScopeFrame, Scopes } from "./jsonata-scopes.ts";

/** Expressions with `$v := 1` in some places, and one place where `$v` is read. */
const around = fc.letrec<{ at: (read: string) => string }>((tie) => ({
  at: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constant((read: string) => read),
    ...[
      (inner: string) => `($v := 1; ${inner})`,
      (inner: string) => `(${inner}; $v := 1)`,
      (inner: string) => `(($v := 1); ${inner})`,
      (inner: string) => `(($v := 1) + 1; ${inner})`,
      (inner: string) => `[$v := 1, ${inner}]`,
      (inner: string) => `[(${inner}), $v := 1]`,
      (inner: string) => `(f ? $v := 1 : 2; ${inner})`,
      (inner: string) => `(n ? $v := 1 : 2; ${inner})`,
      (inner: string) => `(1 + ($v := 1); ${inner})`,
      (inner: string) => `l.(${inner}; $v := 1)`,
      (inner: string) => `l[(${inner}) or ($v := 1)]`,
      (inner: string) => `l.[${inner}, $v := 1]`,
      (inner: string) => `(l.[$v := 1]; ${inner})`,
      (inner: string) => `$map(l, function($v) { ${inner} })`,
      (inner: string) => `($map(l, function($x) { $v := $x }); ${inner})`,
      (inner: string) => `($g := function() { ${inner} }; $v := 1; $g())`,
      (inner: string) => `($g := function() { ($v := 1; 2) }; $g(); ${inner})`,
      (inner: string) => `l@$v.(${inner})`,
      (inner: string) => `l#$v.(${inner})`,
      (inner: string) => `($string($v := 1); ${inner})`,
      (inner: string) => `{ "a": $v := 1, "b": ${inner} }`,
      (inner: string) => `(l{ n: $v := 1 }; ${inner})`,
      (inner: string) => `l^(${inner}).n`,
      (inner: string) => `($eval("$v := 1"); ${inner})`,
      (inner: string) => `($eval("($v := 1)"); ${inner})`,
      (inner: string) => `(l ~> |$|{ "n": ($v := 1) }|; ${inner})`,
    ].map((wrap) => tie("at").map((at) => (read: string) => wrap(at(read)))),
  ),
})).at;

test("a variable that has a value when JSONata evaluates it is never taken for one without", async () => {
  await fc.assert(
    fc.asyncProperty(around, async (at) => {
      const text = at("$exists($v)");
      const expression = jsonata(text);
      const { unbound } = new Scopes(expression.ast(), new ScopeFrame(), () => ["v"]);
      let isFound = false;
      expression.registerFunction("exists", (value?: unknown) => {
        isFound ||= value !== undefined;
        return true;
      });
      try {
        await expression.evaluate({ l: [{ n: 1 }, { n: 2 }], n: 1, f: 0 });
      } catch {
        // What an order or an object's key is made from may be of no use to it.
      }
      if (isFound)
        expect(
          [...unbound].filter(({ value }) => value === "v"),
          text,
        ).toEqual([]);
    }),
    { numRuns: 2000 },
  );
});
