import { describe, expect, test } from "vitest";
import { Bench, record } from "../../../test/support/engine-bench.ts";
import { simulatedIncremental } from "../../../testing/simulated-source.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { Incremental } from "../ports.ts";
import { PageGuard } from "./page-guard.ts";

/** Which page was refused; "end" where the end was, and null where nothing was. */
function refusedAt(
  pages: readonly SourceRecord[][],
  overrides: Partial<Incremental> = {},
): number | "end" | null {
  const guard = new PageGuard(simulatedIncremental(overrides));
  for (const [index, records] of pages.entries()) {
    try {
      guard.see({ records, next: null });
    } catch (error) {
      expect(error).toMatchObject({ code: "PAGE_REPEATED" });
      return index + 1;
    }
  }
  try {
    guard.end();
  } catch (error) {
    expect(error).toMatchObject({ code: "PAGE_REPEATED" });
    return "end";
  }
  return null;
}

const at = (id: number, more: object = {}): SourceRecord => ({
  id,
  updated_at: "2026-01-01T00:00:00Z",
  ...more,
});
const page = (...ids: number[]): SourceRecord[] => ids.map((id) => at(id));

describe("P15: a page that comes again and again", () => {
  test.each([
    ["pages that differ", [page(1, 2), page(3, 4), page(1, 2)], null],
    ["the same page for ever", [page(1, 2), page(1, 2), page(1, 2)], 3],
    ["a page of one record for ever", [page(1), page(1), page(1)], 3],
    ["records that moved on by a page", [page(1, 2), page(1, 2), page(3)], null],
    ["a last page that is given again", [page(1, 2), page(3), page(3)], "end"],
    ["empty pages", [[], [], []], null],
  ])("%s", (_name, pages, expected) => {
    expect(refusedAt(pages)).toBe(expected);
  });

  test("is known by key and cursor, whatever else the answers vary", () => {
    const pages = [1, 2, 3].map((answered) => [at(1, { answered }), at(2, { answered })]);
    expect([refusedAt(pages), refusedAt(pages, { key: null })]).toEqual([3, null]);
  });

  test("a record of the same key and another cursor is another one", () => {
    const pages = [1, 2, 3].map((second) => [{ id: 1, updated_at: `2026-01-01T00:00:0${second}Z` }]);
    expect(refusedAt(pages)).toBeNull();
  });

  test("is reported from pages of few values, where records have no key", () => {
    const readings = (bits: string) => [...bits].map((bit) => ({ updated_at: "2026-01-01T00:00:00Z", bit }));
    const pages = ["0110100", "0101100", "0010110"].map(readings);
    expect(refusedAt(pages, { key: null })).toBeNull();
    expect(
      refusedAt(
        [1, 2, 3].map(() => readings("0110100")),
        { key: null },
      ),
    ).toBe(3);
    expect(
      refusedAt(
        [1, 2, 3].map(() => readings("0000000")),
        { key: null },
      ),
    ).toBeNull();
  });

  test("what is left of a page says nothing", () => {
    const guard = new PageGuard(simulatedIncremental());
    for (let count = 0; count < 5; count++) guard.see({ records: page(1), next: null, partial: true });
    expect(() => guard.end()).not.toThrow();
  });

  test("records without their key are compared whole", () => {
    const pages = [1, 2, 3].map(() => [{ updated_at: "2026-01-01T00:00:00Z", name: "a" }]);
    expect(refusedAt(pages)).toBe(3);
  });
});

test("a page that came again is named by its address and the parameter that was to lead to another", () => {
  const guard = new PageGuard(simulatedIncremental({}));
  const give = (number: number): void =>
    guard.see({
      records: page(1, 2),
      next: null,
      asked: { address: `https://x.example/items?pg=${number}`, parameter: "pg" },
    });
  give(1);
  give(2);
  expect(() => give(3)).toThrow(
    expect.objectContaining({
      message: expect.stringContaining("page 3 (https://x.example/items?pg=3) brought the same records"),
      hint: expect.stringContaining("`pg`"),
    }),
  );
});

test("a page that comes again says nothing of the order", async () => {
  const bench = new Bench({
    reading: { order: "stored", paging: "offset" },
    incremental: { order: "ascending" },
  });
  bench.source.records = [1, 2, 3, 1, 2, 3, 4, 5].map((id) => record(id, id));
  const { warnings } = await bench.run();
  expect(warnings).toEqual([]);
  expect(bench.ids()).toEqual([1, 2, 3, 4, 5]);
});
