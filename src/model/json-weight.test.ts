import { execFile } from "node:child_process";
import { promisify } from "node:util";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { jsonHeapProgram, jsonTexts } from "../../test/support/json-heap.ts";
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

const run = promisify(execFile);
let bytesOf: Readonly<Record<string, number>>;

beforeAll(async () => {
  const { stdout } = await run(process.execPath, [jsonHeapProgram]);
  bytesOf = z.record(z.string(), z.number()).parse(JSON.parse(stdout));
});

test.each(Object.entries(jsonTexts))(
  "the weight is what the values take or more, and at most a few times that: %s",
  (name, text) => {
    const bytes = bytesOf[name] ?? Number.NaN;
    const weight = weighJson(text());
    expect(weight).toBeGreaterThan(bytes * 0.9);
    expect(weight).toBeLessThan(bytes * 6);
  },
);
