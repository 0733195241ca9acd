import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ConfigPath } from "../../findings.ts";
import { isMap, mergeEntry, type RawMap, sourceOf } from "./merge.ts";

/** RFC 7396, as its section 2 has it. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const result = new Map(Object.entries(isMap(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, mergePatch(result.get(name), value));
  }
  return Object.fromEntries(result);
}

const plainKeys = fc.constantFrom("endpoint", "retry", "statePersistence", "timestamp", "field", "__proto__");
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, 1, "x", true),
    fc.array(fc.constantFrom(1, "x", null), { maxLength: 2 }),
    fc.array(fc.tuple(plainKeys, tie("value")), { maxLength: 3 }).map(mapOf),
  ),
}));
const anyMap = fc.array(fc.tuple(plainKeys, anyValue), { maxLength: 4 }).map(mapOf);

function mapOf(entries: readonly (readonly [string, unknown])[]): RawMap {
  return Object.fromEntries(entries);
}

const allKeys = fc.constantFrom("body", "key", "headers", "authentication", "type", "retry", "errorField");
const anySettings = fc.array(fc.tuple(allKeys, anyValue), { maxLength: 4 }).map(mapOf);
const documents = fc.record({ input: anySettings, output: anySettings }, { requiredKeys: ["input"] });

describe("an entry over its base", () => {
  test("an entry that gives nothing changes nothing", () => {
    fc.assert(
      fc.property(documents, (base) => {
        expect(mergeEntry(base, {})).toEqual(base);
        expect(mergeEntry(base, { input: {} })).toEqual(base);
      }),
    );
  });

  test("outside the exceptions it is a JSON Merge Patch (RFC 7396)", () => {
    fc.assert(
      fc.property(anyMap, anyMap, (base, patch) => {
        expect(mergeEntry({ input: base }, { input: patch })).toEqual(
          mergePatch({ input: base }, { input: patch }),
        );
      }),
    );
  });

  test("the base is never changed, and the same entry twice is the entry once", () => {
    fc.assert(
      fc.property(documents, documents, (base, patch) => {
        const before = structuredClone(base);
        const once = mergeEntry(base, patch);
        expect(base).toEqual(before);
        expect(mergeEntry(once, patch)).toEqual(once);
      }),
    );
  });

  test("the source of every value exists, and has the value where it is no map", () => {
    fc.assert(
      fc.property(documents, documents, (base, patch) => {
        const result = mergeEntry(base, patch);
        for (const path of pathsIn(result)) {
          const source = sourceOf(base, patch, path);
          const found = valueAt(source.from === "base" ? base : patch, source.path);
          expect(source.path).toEqual(path);
          if (!isMap(valueAt(result, path))) expect(found).toEqual(valueAt(result, path));
        }
      }),
    );
  });

  test("the source of a value that is missing is a place that exists", () => {
    const steps = fc.array(fc.oneof(fc.constant("input"), plainKeys, allKeys, fc.nat(2)), { maxLength: 4 });
    fc.assert(
      fc.property(documents, documents, steps, (base, patch, path) => {
        const source = sourceOf(base, patch, path);
        expect(path.slice(0, source.path.length)).toEqual(source.path);
        expect(valueAt(source.from === "base" ? base : patch, source.path)).not.toBe(undefined);
      }),
    );
  });
});

test.each<[string, RawMap, RawMap, RawMap]>([
  ["null takes a key away", { a: { b: 1, c: 2 } }, { a: { b: null } }, { a: { c: 2 } }],
  [
    "a list replaces a list",
    { retry: { retryOn: [1, 2] } },
    { retry: { retryOn: [3] } },
    { retry: { retryOn: [3] } },
  ],
  [
    "a body is replaced as a whole, with its nulls",
    { body: { a: 1 } },
    { body: { b: null } },
    { body: { b: null } },
  ],
  [
    "a rate limit of the other form replaces",
    { rateLimit: { requestsPerSecond: 1 } },
    { rateLimit: { requests: 2, perMs: 3 } },
    { rateLimit: { requests: 2, perMs: 3 } },
  ],
  [
    "paging of another type replaces",
    { pagination: { type: "page", param: "p" } },
    { pagination: { type: "link" } },
    { pagination: { type: "link" } },
  ],
  [
    "paging of the same type is merged",
    { pagination: { type: "page", param: "p" } },
    { pagination: { type: "page", limit: 5 } },
    { pagination: { type: "page", param: "p", limit: 5 } },
  ],
  [
    "paging without a type is merged",
    { pagination: { type: "page", param: "p" } },
    { pagination: { limit: 5 } },
    { pagination: { type: "page", param: "p", limit: 5 } },
  ],
  [
    "headers are merged by name",
    { headers: { A: "1", B: "2" } },
    { headers: { B: null, C: "3" } },
    { headers: { A: "1", C: "3" } },
  ],
  [
    "a connector's config keeps null as a value",
    { config: { a: { x: 1 }, b: 2 } },
    { config: { a: { y: null }, b: null } },
    { config: { a: { y: null }, b: null } },
  ],
  [
    "a connector's config is merged by name",
    { config: { a: 1, b: 2 } },
    { config: { b: 3 } },
    { config: { a: 1, b: 3 } },
  ],
  ["null is a value of errorField", { errorField: "error" }, { errorField: null }, { errorField: null }],
])("%s", (_, base, patch, result) => {
  expect(mergeEntry({ input: base }, { input: patch })).toEqual({ input: result });
});

test("an output of another type replaces, and filters do as a whole", () => {
  const base = { input: {}, filters: [1, 2], output: { type: "database", table: "a", key: "id" } };
  expect(mergeEntry(base, { input: {}, filters: [], output: { type: "console", key: null } })).toEqual({
    input: {},
    filters: [],
    output: { type: "console" },
  });
  expect(mergeEntry(base, { output: { table: "b", key: null } })).toEqual({
    ...base,
    output: { type: "database", table: "b" },
  });
});

test("an output that was made in code is one value", () => {
  const made = { kind: "mine", open: () => {} };
  expect(mergeEntry({ output: made }, { input: {} }).output).toBe(made);
  expect(mergeEntry({ output: made }, { output: { type: "console" } })).toEqual({
    output: { type: "console" },
  });
  expect(mergeEntry({ output: { type: "console" } }, { output: made }).output).toBe(made);
});

function* pathsIn(value: unknown, path: ConfigPath = []): Generator<ConfigPath> {
  if (path.length > 0) yield path;
  if (!isMap(value)) return;
  for (const [key, inner] of Object.entries(value)) yield* pathsIn(inner, [...path, key]);
}

function valueAt(value: unknown, path: ConfigPath): unknown {
  let inner = value;
  for (const step of path) {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, step)) return undefined;
    inner = Reflect.get(inner, step);
  }
  return inner;
}
