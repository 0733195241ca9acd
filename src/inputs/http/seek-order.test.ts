import { describe, expect, test } from "vitest";
import { ids, readBySeek, rowsAt } from "../../../test/support/seek.ts";
import { placesAsked, type Row, startSortedSource } from "../../../test/support/sorted-source.ts";

describe("P9: a source that is not ascending", () => {
  const descending = (a: Row, b: Row): number => b.tick - a.tick || a.id - b.id;

  test.each([1, 2, 3])("descending: is read by offset to its end, %i a page", async (limit) => {
    await using source = await startSortedSource(rowsAt(10, 20, 20, 20, 20, 30, 30, 30, 30), {
      strict: false,
      compare: descending,
    });
    const result = await readBySeek(source, { limit });
    expect([ids(result).toSorted(), result.error]).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9], null]);
  });

  test("one that shows it after the bound has moved is read from the window's start", async () => {
    const order = [1, 2, 3, 5, 4, 6, 7];
    const compare = (a: Row, b: Row): number => order.indexOf(a.id) - order.indexOf(b.id);
    await using source = await startSortedSource(rowsAt(10, 20, 30, 40, 50, 60, 70), {
      strict: false,
      compare,
    });
    const result = await readBySeek(source, { limit: 3 });
    expect(result.error).toBeNull();
    expect(new Set(ids(result))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7]));
    expect(placesAsked(source)).toEqual(["|", "30|", "|", "|3", "|6", "|7"]);
  });

  test("without offsetParam it fails, after the page that shows it", async () => {
    await using source = await startSortedSource(rowsAt(10, 20, 30, 40), {
      strict: false,
      compare: descending,
    });
    const result = await readBySeek(source, { limit: 2, offset: false });
    expect(ids(result)).toEqual([4, 3]);
    expect(result.error).toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringContaining("is declared ascending and is not"),
    });
  });

  test("a single page of everything loses nothing by its order", async () => {
    await using source = await startSortedSource(rowsAt(10, 20, 30), { strict: false, compare: descending });
    const result = await readBySeek(source, { limit: 5, offset: false });
    expect([ids(result), result.error]).toEqual([[3, 2, 1], null]);
  });
});
