import { describe, expect, test } from "vitest";
import { readOnce } from "../../../test/support/http-polling.ts";
import { sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { ids, readBySeek, rowsAt } from "../../../test/support/seek.ts";
import { placesAsked, type Row, startSortedSource, timeOf } from "../../../test/support/sorted-source.ts";

describe("the bound moves to the highest cursor seen", () => {
  test("inclusive: what has come already is dropped, and a short page is confirmed by one request more", async () => {
    await using source = await startSortedSource(rowsAt(10, 20, 30, 40, 50, 60), { strict: false });
    const result = await readBySeek(source, { limit: 3, offset: false });
    expect([ids(result), result.error, result.warnings]).toEqual([[1, 2, 3, 4, 5, 6], null, []]);
    expect(placesAsked(source)).toEqual(["|", "30|", "50|", "61|"]);
    expect(result.pages.map(({ next }) => next)).toEqual([null, null, null, null]);
  });

  test("exclusive: the bound is one step lower", async () => {
    await using source = await startSortedSource(rowsAt(10, 20, 20, 30, 40), { strict: true });
    const result = await readBySeek(source, { limit: 2, bound: "exclusive" });
    expect([ids(result), result.error]).toEqual([[1, 2, 3, 4, 5], null]);
    expect(placesAsked(source)).toEqual(["|", "19|", "19|1", "29|", "39|", "39|1"]);
  });

  test("it begins at the window's lower bound, and sends the upper bound with every page", async () => {
    await using source = await startSortedSource(rowsAt(10, 20, 30, 40), { strict: false });
    const upper = { type: "timestamp_utc", value: "2026-01-01T00:01:00Z" } as const;
    const lower = { type: "timestamp_utc", value: "2026-01-01T00:00:00.00002Z" } as const;
    const result = await readBySeek(source, {
      limit: 2,
      keys: {
        endpoint: source.origin,
        statePersistence: {
          timestamp: { field: "at", queryParam: "since", bound: "inclusive", granularity: "1us" },
          until: { queryParam: "until", bound: "inclusive" },
          order: "ascending",
        },
      },
      request: { window: { lower, upper } },
      facts: new Set(["form:timestamp:0000-00-00T00:00:00.000000Z"]),
    });
    expect([ids(result), placesAsked(source)]).toEqual([
      [2, 3, 4],
      ["20|", "30|", "40|", "40|1"],
    ]);
    expect(source.seen.map(({ url }) => url.searchParams.get("until"))).toEqual(
      Array(4).fill("2026-01-01T00:01:00.000000Z"),
    );
  });

  test("a secondary cursor goes along unmoved, and the bound stays one step lower for it", async () => {
    await using source = await startSortedSource(rowsAt(10, 20, 30), { strict: true });
    const lower = { type: "timestamp_utc", value: "2026-01-01T00:00:00.00001Z" } as const;
    const result = await readBySeek(source, {
      limit: 2,
      keys: {
        endpoint: source.origin,
        statePersistence: {
          timestamp: { field: "at", queryParam: "since", bound: "inclusive", granularity: "1us" },
          id: { field: "id", queryParam: "after" },
          order: "ascending",
        },
      },
      request: { window: { lower, upper: null }, secondaryCursors: { id: "1" } },
      facts: new Set(["form:timestamp:0000-00-00T00:00:00.000000Z"]),
    });
    expect([ids(result), placesAsked(source)]).toEqual([
      [1, 2, 3],
      ["9|", "19|", "29|", "29|1"],
    ]);
    expect(source.seen.map(({ url }) => url.searchParams.get("after"))).toEqual(["0", "0", "0", "0"]);
  });

  test("P7: ids past 2^53 lead as well, in a body", async () => {
    const all = Array.from({ length: 5 }, (_, index) => 9_007_199_254_740_993n + BigInt(index));
    await using server = await startHttpServer(({ body }, response) => {
      const after = BigInt(/"after":(\d+)/.exec(body)?.[1] ?? "0");
      const found = all.filter((id) => id > after).slice(0, 2);
      sendJson(response, `[${found.map((id) => `{"id":${id}}`).join(",")}]`);
    });
    const result = await readOnce({
      endpoint: server.origin,
      method: "POST",
      paramsIn: "body",
      pagination: { type: "seek", limit: 2 },
      statePersistence: { id: { field: "id", queryParam: "after" }, order: "ascending" },
    });
    expect([result.records.map(({ id }) => String(id)), result.error]).toEqual([all.map(String), null]);
    expect(server.seen[1]?.body).toBe('{"after":9007199254740993}');
  });

  test("a page of exactly the limit is not the last", async () => {
    await using source = await startSortedSource(rowsAt(10, 20, 30), { strict: false });
    const result = await readBySeek(source, { limit: 3, offset: false });
    expect([ids(result), placesAsked(source)]).toEqual([
      [1, 2, 3],
      ["|", "30|", "31|"],
    ]);
  });

  test("a format coarser than the cursor sends the same bound twice, and pages by offset between", async () => {
    await using source = await startSortedSource(rowsAt(100, 1200, 1300, 1400, 2500, 2600), {
      strict: false,
    });
    const result = await readBySeek(source, {
      limit: 2,
      keys: {
        endpoint: source.origin,
        statePersistence: {
          timestamp: {
            field: "at",
            queryParam: "since",
            queryFormat: "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
            bound: "inclusive",
          },
          order: "ascending",
        },
      },
    });
    expect([ids(result), result.error]).toEqual([[1, 2, 3, 4, 5, 6], null]);
    // Texts of the millisecond before sort before every text of this one, however many digits it has.
    const [first, ...bounds] = placesAsked(source).map((place) => place.split("|")[0]);
    expect([first, ...new Set(bounds)]).toEqual(["", "0", "1000"]);
  });

  test("a record of null cursor comes once, wherever the source sorts it", async () => {
    const show = ({ id, tick }: Row): object => (tick === 5 ? { id, at: null } : { id, at: tick });
    await using source = await startSortedSource(rowsAt(5, 5, 5, 10, 20, 30), { strict: false, show });
    const result = await readBySeek(source, {
      limit: 2,
      keys: {
        endpoint: source.origin,
        statePersistence: {
          timestamp: { field: "at", format: "epoch_us", queryParam: "x" },
          onNullCursor: "deliver",
          order: "ascending",
        },
      },
    });
    expect([ids(result), result.error]).toEqual([[1, 2, 3, 4, 5, 6], null]);
  });
});

describe("a crowd of equal cursors larger than a page", () => {
  test("is paged by offset, each page overlapping the one before by a record", async () => {
    await using source = await startSortedSource(rowsAt(10, 20, 20, 20, 20, 20, 30), { strict: false });
    const result = await readBySeek(source, { limit: 3 });
    expect([ids(result), result.error]).toEqual([[1, 2, 3, 4, 5, 6, 7], null]);
    expect(placesAsked(source)).toEqual(["|", "20|", "20|2", "20|4", "20|6"]);
  });

  test("P15: without offsetParam it fails, telling how many share which value and what to do", async () => {
    await using source = await startSortedSource(rowsAt(10, 20, 20, 20, 20, 30), { strict: false });
    const result = await readBySeek(source, { limit: 3, offset: false });
    expect(ids(result)).toEqual([1, 2, 3, 4]);
    expect(result.error).toMatchObject({
      code: "PAGE_REPEATED",
      message: expect.stringContaining(
        "3 records or more share the cursor 2026-01-01T00:00:00.00002Z, and a page holds 3",
      ),
      hint: expect.stringContaining("offsetParam"),
    });
    expect(source.seen).toHaveLength(2);
  });

  test.each([2, 3, 4])(
    "P6: a record that leaves it while it is read costs no other, %i a page",
    async (limit) => {
      const rows = rowsAt(10, 20, 20, 20, 20, 20, 20, 20, 20, 30);
      await using source = await startSortedSource(rows, { strict: false });
      source.onRequest = (count) => {
        // At the third request pages are being asked by offset, and all behind the third row moves up.
        if (count === 3) source.rows = source.rows.map((row) => (row.id === 3 ? { id: 3, tick: 40 } : row));
      };
      const result = await readBySeek(source, { limit });
      expect(result.error).toBeNull();
      expect([...new Set(ids(result))].sort()).toEqual([1, 10, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(ids(result).filter((id) => id !== 3)).toHaveLength(9);
    },
  );

  test("P6: one that joins it in front is found", async () => {
    await using source = await startSortedSource(
      rowsAt(10, 20, 20, 20, 20, 20).map(({ id, tick }) => ({ id: id * 10, tick })),
      { strict: false },
    );
    source.onRequest = (count) => {
      if (count === 3) source.rows = [...source.rows, { id: 15, tick: 20 }];
    };
    const result = await readBySeek(source, { limit: 3 });
    expect(ids(result).toSorted()).toEqual([10, 15, 20, 30, 40, 50, 60]);
  });

  test("one too large to be remembered is left behind before the bound moves, and nothing comes twice", async () => {
    await using source = await startSortedSource(rowsAt(10, ...Array(12).fill(20), 21, 22, 23, 24), {
      strict: false,
    });
    const timestamp = { field: "at", queryParam: "since", granularity: "1us" };
    const result = await readBySeek(source, {
      limit: 3,
      // The bound is sent one step lower, so that at 21 the whole crowd would come again.
      keys: {
        endpoint: source.origin,
        statePersistence: { timestamp, order: "ascending", maxTieSetSize: 3 },
      },
    });
    expect([ids(result), result.error]).toEqual([source.rows.map(({ id }) => id), null]);
    const beside = [2, 4, 6, 8, 10, 12].map((skip) => `19|${skip}`);
    expect(placesAsked(source)).toEqual(["|", "19|", ...beside, "22|", "23|", "23|2"]);
  });

  test("a record that changes at the bound without a new cursor is handed on again, for the engine to judge", async () => {
    const show = ({ id, tick }: Row): object => ({ id, at: timeOf(tick), asked: source.seen.length });
    await using source = await startSortedSource(rowsAt(10, 20, 30), { strict: false, show });
    const result = await readBySeek(source, { limit: 2, offset: false });
    expect(result.records.map(({ id, asked }) => [id, asked])).toEqual([
      [1, 1],
      [2, 1],
      [2, 2],
      [3, 2],
      [3, 3],
    ]);
  });

  test("records without a key that are alike are counted: as many come as there are", async () => {
    const rows = rowsAt(10, 20, 20, 20, 20, 20, 20, 20, 30);
    const show = ({ tick }: Row): object => ({ at: `2026-01-01T00:00:00.0000${tick}Z` });
    await using source = await startSortedSource(rows, { strict: false, show });
    const { key: _, ...keyless } = { key: "id", endpoint: source.origin };
    const result = await readBySeek(source, { limit: 3, keys: { ...keyless, key: undefined } });
    expect([result.records.length, result.error]).toEqual([9, null]);
  });

  test("a source that orders it anew each time fails, and says so", async () => {
    let turn = 0;
    const compare = (a: Row, b: Row): number => ((a.id * 7 + turn) % 11) - ((b.id * 7 + turn) % 11);
    await using source = await startSortedSource(rowsAt(...Array(10).fill(20)), { strict: false, compare });
    source.onRequest = (count) => {
      turn = count * 3;
    };
    const result = await readBySeek(source, { limit: 3 });
    expect(result.error).toMatchObject({
      code: "PAGE_REPEATED",
      message: expect.stringContaining("changed places each time they were paged by `skip`"),
      hint: expect.stringContaining("or order equal values anew each time"),
    });
    expect(ids(result)).toEqual([...new Set(ids(result))]);
  });
});

describe("P15: a read that stops early is a failure", () => {
  test("a source that ignores the offset", async () => {
    await using server = await startHttpServer((_request, response) => {
      sendJson(
        response,
        [1, 2, 3].map((id) => ({ id, at: 20 })),
      );
    });
    const result = await readOnce({
      endpoint: server.origin,
      key: "id",
      pagination: { type: "seek", limit: 3, offsetParam: "skip" },
      statePersistence: {
        timestamp: { field: "at", format: "epoch_s", queryParam: "since" },
        order: "ascending",
      },
    });
    expect(result.records).toHaveLength(3);
    expect(result.error).toMatchObject({
      code: "PAGE_REPEATED",
      hint: expect.stringContaining("may ignore `skip`"),
    });
    expect(server.seen.length).toBeLessThan(30);
  });

  test("an answer that comes again and again, of records without a key that begin as they end", async () => {
    await using server = await startHttpServer((_request, response) => {
      sendJson(
        response,
        [1, 2, 1].map((value) => ({ value, at: 20 })),
      );
    });
    const result = await readOnce({
      endpoint: server.origin,
      pagination: { type: "seek", limit: 3, offsetParam: "skip" },
      statePersistence: {
        timestamp: { field: "at", format: "epoch_s", queryParam: "since" },
        order: "ascending",
      },
    });
    expect(result.error).toMatchObject({ code: "PAGE_REPEATED" });
    expect(server.seen).toHaveLength(3);
  });

  test("the page cap", async () => {
    await using source = await startSortedSource(rowsAt(1, 2, 3, 4, 5, 6), { strict: false });
    const pagination = { type: "seek", limitParam: "limit", limit: 2, maxPages: 2 } as const;
    const result = await readBySeek(source, { limit: 2, keys: { endpoint: source.origin, pagination } });
    expect(result.error).toMatchObject({ code: "PAGE_CAP_REACHED" });
    expect(ids(result)).toEqual([1, 2, 3]);
  });

  test("P13: a record from pages ago is remembered no more: one that comes again shows that the bound is ignored", async () => {
    await using server = await startHttpServer(({ url }, response) => {
      const since = Number(url.searchParams.get("since") ?? 0);
      const from = [1, 2, 3, 4, 5, 6, 7, 8].filter((second) => second >= since);
      const stale = since === 7 ? [3] : [];
      const skip = Number(url.searchParams.get("skip") ?? 0);
      sendJson(
        response,
        [...stale, ...from].slice(skip, skip + 3).map((id) => ({ id, at: id })),
      );
    });
    const result = await readOnce({
      endpoint: server.origin,
      key: "id",
      pagination: { type: "seek", limit: 3, offsetParam: "skip" },
      statePersistence: {
        timestamp: { field: "at", format: "epoch_s", queryParam: "since", bound: "inclusive" },
        order: "ascending",
      },
    });
    expect(result.error).toBeNull();
    expect(ids(result)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(result.warnings).toEqual(["BOUND_IGNORED"]);
  });

  test("a source that ignores the bound is reported, and fails where it would go in circles", async () => {
    await using server = await startHttpServer((_request, response) => {
      sendJson(
        response,
        [1, 2, 3].map((id) => ({ id, at: id })),
      );
    });
    const result = await readOnce({
      endpoint: server.origin,
      key: "id",
      pagination: { type: "seek", limit: 3 },
      statePersistence: {
        timestamp: { field: "at", format: "epoch_s", queryParam: "sinse", bound: "inclusive" },
        order: "ascending",
      },
    });
    expect([result.records.length, result.warnings]).toEqual([3, ["BOUND_IGNORED"]]);
    expect(result.error).toMatchObject({
      code: "PAGE_REPEATED",
      message: expect.stringContaining("the source gave what lies before it again"),
    });
  });
});
