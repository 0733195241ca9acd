import fc from "fast-check";
import { expect, test } from "vitest";
import type { Page } from "../ports.ts";
import { ConnectorBatch } from "./connector-batch.ts";

interface Yielded {
  readonly records: number;
  readonly hasCursor: boolean;
}

const yielded: fc.Arbitrary<Yielded> = fc.record({
  records: fc.oneof(fc.nat(2), fc.nat(30)),
  hasCursor: fc.boolean(),
});

/** What is handed over, with the number of records before each cursor as the cursor's own text. */
function play(
  size: number,
  items: readonly Yielded[],
  end: "rest" | "covered",
): { pages: Page[]; given: number } {
  const batch = new ConnectorBatch(size);
  const pages: Page[] = [];
  let given = 0;
  for (const { records, hasCursor } of items) {
    const list = Array.from({ length: records }, (_, index) => ({ id: given + index + 1 }));
    given += records;
    pages.push(...batch.add(list, hasCursor ? String(given) : undefined));
  }
  const covered = end === "covered" ? batch.covered() : null;
  pages.push(...(end === "rest" ? batch.rest() : covered === null ? [] : [covered]));
  return { pages, given };
}

test("P5: a page's cursor covers exactly the records up to the page's end, and none is lost or out of order", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(yielded, { maxLength: 40 }), (size, items) => {
      const { pages, given } = play(size, items, "rest");
      const ids = pages.flatMap(({ records }) => records.map(({ id }) => id));
      expect(ids).toEqual(Array.from({ length: given }, (_, index) => index + 1));
      let before = 0;
      for (const { records, cursor } of pages) {
        before += records.length;
        expect(records.length).toBeLessThanOrEqual(size);
        if (cursor !== undefined) expect(cursor).toBe(String(before));
      }
      const last = items.findLastIndex(({ hasCursor }) => hasCursor);
      const cursors = pages.flatMap(({ cursor }) => (cursor === undefined ? [] : [cursor]));
      const expected = items.slice(0, last + 1).reduce((sum, { records }) => sum + records, 0);
      expect(cursors.at(-1)).toBe(last < 0 ? undefined : String(expected));
    }),
    { numRuns: 500 },
  );
});

test("what a cursor covers is handed over when the connector fails, and what it does not cover is not", () => {
  const items = [
    { records: 30, hasCursor: true },
    { records: 5, hasCursor: false },
  ];
  const { pages } = play(100, items, "covered");
  expect(pages.map(({ records, cursor }) => [records.length, cursor])).toEqual([[30, "30"]]);
  expect(play(100, [{ records: 30, hasCursor: false }], "covered").pages).toEqual([]);
});

test("of cursors that come without records, every tenth is handed over where a page has ten records", () => {
  const items = Array.from({ length: 30 }, () => ({ records: 0, hasCursor: true }));
  const pagesOf = (count: number) => play(10, items.slice(0, count), "rest").pages.length;
  expect([1, 10, 11, 20, 21, 30].map(pagesOf)).toEqual([1, 1, 2, 2, 3, 3]);
});

test("batches are full as far as cursors allow", () => {
  const sizes = (items: readonly Yielded[]) =>
    play(100, items, "rest").pages.map(({ records, cursor }) => [records.length, cursor]);
  expect(sizes(Array.from({ length: 250 }, () => ({ records: 1, hasCursor: true })))).toEqual([
    [100, "100"],
    [100, "200"],
    [50, "250"],
  ]);
  expect(sizes(Array.from({ length: 3 }, () => ({ records: 70, hasCursor: true })))).toEqual([
    [70, "70"],
    [70, "140"],
    [70, "210"],
  ]);
  expect(sizes([{ records: 230, hasCursor: true }])).toEqual([
    [100, undefined],
    [100, undefined],
    [30, "230"],
  ]);
});
