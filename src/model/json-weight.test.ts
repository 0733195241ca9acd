import { setImmediate } from "node:timers/promises";
import v8 from "node:v8";
import vm from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseJson } from "./json.ts";
import { countValues, weighJson } from "./json-weight.ts";

function valuesIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce<number>((sum, inner) => sum + valuesIn(inner), 1);
}

test("the values of a text are counted at any depth, with an empty list or object counted at most twice", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom("", "  "), (value, space) => {
      const counted = countValues(JSON.stringify(value, null, space));
      const values = valuesIn(value);
      expect(counted).toBeGreaterThanOrEqual(values);
      expect(counted).toBeLessThanOrEqual(2 * values);
    }),
  );
  expect(countValues('["{},{},[1,2","\\",,,"]')).toBe(3);
});

test("any text is weighed, JSON or not", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      expect(Number.isFinite(weighJson(text))).toBe(true);
      expect(countValues(text)).toBeLessThanOrEqual(text.length + 1);
    }),
  );
});

const list = (length: number, element: (index: number) => string): string =>
  `[${Array.from({ length }, (_, index) => element(index)).join(",")}]`;

const names = (count: number, mark: string): string =>
  Array.from({ length: count }, (_, index) => `"${mark}${index}":${index}`).join(",");

test.each([
  ["empty objects", list(100_000, () => "{}")],
  ["empty lists", list(100_000, () => "[]")],
  ["lists in lists", list(50_000, () => "[[[[1]]]]")],
  ["objects in objects", list(100_000, () => '{"a":{"b":{}}}')],
  ["names that are used once", list(50_000, (n) => `{"k${n}":1}`)],
  ["names that are numbers", list(50_000, (n) => `{"${n}":1}`)],
  ["names that are large numbers", list(50_000, (n) => `{"${500_000 + (n % 1000)}":1}`)],
  ["one object of very many names", `{${names(50_000, "k")}}`],
  ["objects of many names", list(100, (n) => `{${names(1000, `c${n}_`)}}`)],
  ["short texts", list(100_000, (n) => `"v${n}"`)],
  ["numbers with many digits", list(50_000, (n) => `123456789012345${n}.5`)],
  [
    "records",
    list(
      50_000,
      (n) => `{"id":${n},"at":"2026-01-01T00:00:00Z","name":"Name ${n}","n":${n}.25,"tags":["a"]}`,
    ),
  ],
])("the weight is what the values take or more, and at most a few times that: %s", async (_, text) => {
  const before = await heapInUse();
  const value = parseJson(text);
  const bytes = (await heapInUse()) - before;
  expect(value).toBeTypeOf("object");
  const weight = weighJson(text);
  expect(weight).toBeGreaterThan(bytes * 0.9);
  expect(weight).toBeLessThan(bytes * 6);
});

/** Collects until nothing more goes: other tests of the worker leave garbage whose finalizers take a turn each. */
async function heapInUse(): Promise<number> {
  for (let last = Number.POSITIVE_INFINITY; ; ) {
    collectGarbage();
    await setImmediate();
    const used = v8.getHeapStatistics().used_heap_size;
    if (used > last - 10_000) return used;
    last = used;
  }
}

function collectGarbage(): void {
  v8.setFlagsFromString("--expose-gc");
  const collect: unknown = vm.runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("no garbage collector");
  collect();
}
