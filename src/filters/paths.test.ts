import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePath, type SourceRecord, valueAt } from "../model/record.ts";
import { removalOrder, targetPathSchema, withoutReadAt, withoutValueAt, withValueAt } from "./paths.ts";

const step = fc.constantFrom("a", "b", "c", "0", "1");
const path = fc.array(step, { minLength: 1, maxLength: 4 });
const json = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(1, "x", true, null),
    fc.array(tie("node"), { maxLength: 3 }),
    fc.dictionary(step, tie("node"), { maxKeys: 3 }),
  ),
})).node;
const record = fc.dictionary(step, json, { maxKeys: 4 });

function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null)
    for (const inner of Object.values(Object.freeze(value))) frozen(inner);
  return value;
}

test("what is put at a path is found there, and the record given stays as it was", () => {
  fc.assert(
    fc.property(record, path, (input, target) => {
      const before = JSON.stringify(input);
      let changed: SourceRecord;
      try {
        changed = withValueAt(frozen(input), target, "put");
      } catch (error) {
        expect(error).toMatchObject({ code: "FILTER_FAILED" });
        return;
      }
      expect(valueAt(changed, target)).toBe("put");
      expect(JSON.stringify(input)).toBe(before);
    }),
  );
});

test("what is removed is gone, and nothing else is changed", () => {
  fc.assert(
    fc.property(
      record,
      path.filter((steps) => !steps.some((s) => /\d/.test(s))),
      (input, target) => {
        const before = JSON.stringify(input);
        const changed = withoutValueAt(frozen(input), target);
        expect(valueAt(changed, target)).toBeUndefined();
        expect(JSON.stringify(input)).toBe(before);
        if (JSON.stringify(changed) === before) expect(changed).toBe(input);
      },
    ),
  );
});

test("a path through a list reaches every element; a number reaches one", () => {
  const order = { lines: [{ sku: 1, secret: "x" }, { sku: 2, secret: "y" }, { sku: 3 }] };
  expect(withoutValueAt(order, ["lines", "secret"])).toEqual({ lines: [{ sku: 1 }, { sku: 2 }, { sku: 3 }] });
  expect(withoutValueAt(order, ["lines", "1"])).toEqual({ lines: [{ sku: 1, secret: "x" }, { sku: 3 }] });
  expect(withoutValueAt(order, ["lines", "0", "secret"])).toEqual({
    lines: [{ sku: 1 }, { sku: 2, secret: "y" }, { sku: 3 }],
  });
  expect(withValueAt(order, ["lines", "3"], { sku: 4 })).toMatchObject({ lines: { 3: { sku: 4 } } });
  expect(() => withValueAt(order, ["lines", "9"], 1)).toThrow("no place in a list of 3");
});

test("of several places in a list each is removed as the list was, whatever their order, and once", () => {
  const kept = fc.uniqueArray(fc.nat(5), { maxLength: 6 });
  fc.assert(
    fc.property(kept, fc.boolean(), (places, twice) => {
      const list = ["a", "b", "c", "d"];
      const paths = [...places, ...(twice ? places : [])].map((place) => ["list", String(place)]);
      const rest = { list: list.filter((_, place) => !places.includes(place)) };
      expect(removalOrder(paths).reduce(withoutValueAt, { list })).toEqual(rest);
      expect(removalOrder(paths).reduce(withoutReadAt, { list })).toEqual(rest);
    }),
  );
});

test("what is read is taken out, and nothing next to it", () => {
  const lines = { lines: [{ p: 1 }, { p: 2 }], "lines.p": 3 };
  expect(withoutReadAt(lines, ["lines", "p"])).toEqual({ lines: [{ p: 1 }, { p: 2 }] });
  expect(withoutReadAt({ lines: [{ p: 1 }] }, ["lines", "p"])).toEqual({ lines: [{ p: 1 }] });
  expect(withoutReadAt({ lines: [{ length: 1 }] }, ["lines", "length"])).toEqual({ lines: [{ length: 1 }] });
  expect(withoutReadAt({ a: { b: 1, c: 2 }, "a.b": 9 }, ["a", "b"])).toEqual({ a: { c: 2 }, "a.b": 9 });
  fc.assert(
    fc.property(record, path, (input, source) => {
      const found = valueAt(frozen(input), source);
      const rest = withoutReadAt(input, source);
      if (found === undefined) expect(rest).toBe(input);
    }),
  );
});

test("a field with dots in its own name is meant where there is no such path", () => {
  expect(withValueAt({ "event.id": 1 }, ["event", "id"], 2)).toEqual({ "event.id": 2 });
  expect(withoutValueAt({ "event.id": 1, other: 2 }, ["event", "id"])).toEqual({ other: 2 });
  expect(withValueAt({ "a.b": 1, a: { x: 1 } }, ["a", "b"], 2)).toEqual({ "a.b": 2, a: { x: 1 } });
  expect(withValueAt({ "a.b": 1, a: "text" }, ["a", "b"], 2)).toEqual({ "a.b": 2, a: "text" });
});

test("where a path leads somewhere it is meant, and not the field that has the dotted name itself", () => {
  const both = { "a.b": 1, a: { b: 2 } };
  expect(valueAt(both, ["a", "b"])).toBe(2);
  expect(withValueAt(both, ["a", "b"], 3)).toEqual({ "a.b": 1, a: { b: 3 } });
});

test("what is removed is removed under both readings of its name, so that nothing stays in by mistake", () => {
  expect(withoutValueAt({ "a.b": 1, a: { b: 2, c: 3 } }, ["a", "b"])).toEqual({ a: { c: 3 } });
  expect(withoutValueAt({ "a.b": 1, a: { x: 1 } }, ["a", "b"])).toEqual({ a: { x: 1 } });
  expect(withoutValueAt({ "a.b": 1, a: { b: 2 } }, ["a.b"])).toEqual({ a: { b: 2 } });
});

test("a dot behind a backslash belongs to a name, at any depth", () => {
  expect(parsePath("a\\.b")).toEqual(["a.b"]);
  expect(parsePath("user.first\\.name.x")).toEqual(["user", "first.name", "x"]);
  expect(parsePath("a\\\\.b")).toEqual(["a\\", "b"]);
  expect(parsePath("a\\b.c")).toEqual(["a\\b", "c"]);
  expect(withoutValueAt({ user: { "first.name": 1, x: 2 } }, parsePath("user.first\\.name"))).toEqual({
    user: { x: 2 },
  });
  expect(withValueAt({ service: "s" }, parsePath("service\\.name"), 1)).toEqual({
    service: "s",
    "service.name": 1,
  });
});

test("any path that has no backslash is its steps, and a path of escaped steps is those steps", () => {
  const name = fc.string({ minLength: 1 });
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), (steps) => {
      const escaped = steps.map((text) => text.replace(/[.\\]/g, "\\$&")).join(".");
      expect(parsePath(escaped)).toEqual(steps);
      const plain = steps.join(".").replaceAll("\\", "/");
      expect(parsePath(plain)).toEqual(plain.split("."));
    }),
  );
});

test("names that every object inherits are fields like others", () => {
  expect(valueAt({ a: {} }, ["a", "constructor"])).toBeUndefined();
  expect(valueAt({}, ["toString"])).toBeUndefined();
  const set = withValueAt({}, ["constructor", "prototype", "x"], 1);
  expect(set).toEqual({ constructor: { prototype: { x: 1 } } });
  expect(withoutValueAt(set, ["constructor"])).toEqual({});
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});

test("a value that stands in the way is named, not overwritten", () => {
  expect(() => withValueAt({ event: "text" }, ["event", "id"], 2)).toThrow(
    "`event.id` cannot be set, since `event` is text, not an object",
  );
});

test.each(["__proto__", "a.__proto__.polluted", "a..b", "a.", ""])(
  "`%s` is refused as a target",
  (dotted) => {
    expect(targetPathSchema.safeParse(dotted).success).toBe(false);
  },
);

test("a record's own field called __proto__ never becomes a prototype", () => {
  const hostile = JSON.parse('{"__proto__": {"polluted": true}, "a": {"__proto__": {"polluted": true}}}');
  const changed = withValueAt(withoutValueAt(hostile, ["b"]), ["a", "x"], 1);
  expect(Object.hasOwn(changed, "__proto__")).toBe(true);
  expect((changed.a as Record<string, unknown>).polluted).toBeUndefined();
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});
