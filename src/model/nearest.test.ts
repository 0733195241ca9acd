import fc from "fast-check";
import { expect, test } from "vitest";
import { editDistance, nearest } from "./nearest.ts";

test.each([
  ["endpont", "endpoint"],
  ["queryparam", "queryParam"],
  ["page_size", "pageSize"],
  ["asc", "ascending"],
  ["tpye", "type"],
  ["ky", "key"],
])("%s means %s", (name, meant) => {
  expect(nearest(name, ["endpoint", "queryParam", "pageSize", "ascending", "type", "key"])).toBe(meant);
});

test.each(["x", "retries", "destination", ""])("%s means nothing that is known", (name) => {
  expect(nearest(name, ["endpoint", "queryParam", "type", "key"])).toBeUndefined();
});

test("the distance is that of the fewest changes, the same in both directions", () => {
  expect(editDistance("kitten", "sitting")).toBe(3);
  expect(editDistance("tpye", "type")).toBe(1);
  fc.assert(
    fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (a, b) => {
      const distance = editDistance(a, b);
      expect(distance).toBe(editDistance(b, a));
      expect(distance === 0).toBe(a === b);
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});
