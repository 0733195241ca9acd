import { describe, expect, test } from "vitest";
import { readOnce } from "../../../test/support/http-polling.ts";
import { type HttpHandler, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { isTidemarkError } from "../../errors.ts";

interface Row {
  readonly id: number;
  readonly at: string;
}

const rows: readonly Row[] = Array.from({ length: 40 }, (_, at) => ({
  id: at + 1,
  at: new Date(Date.parse("2026-03-01T00:00:00Z") + at * 60_000).toISOString(),
}));

const statePersistence = { timestamp: { field: "at", queryParam: "since" } };

/** Pages of ten, each cut from what `order` makes of the rows. */
function pages(
  order: (page: number) => readonly unknown[],
  envelope: (items: readonly unknown[]) => unknown = (items) => items,
): HttpHandler {
  return ({ url }, response) => {
    const page = Number(url.searchParams.get("page") ?? "1");
    sendJson(response, envelope(order(page).slice((page - 1) * 10, page * 10)));
  };
}

const paging = { type: "page", param: "page", limitParam: "limit", limit: 10 } as const;

async function readPages(handler: HttpHandler, config: object = {}) {
  await using server = await startHttpServer(handler);
  const read = await readOnce({
    endpoint: server.origin,
    key: "id",
    pagination: paging,
    statePersistence,
    ...config,
  });
  return {
    ...read,
    error: isTidemarkError(read.error) ? read.error : null,
    codes: [...new Set(read.warnings)],
    requests: server.seen.length,
  };
}

/** Every page is cut from another order: the rows turned by two for each page before. */
const turning = (page: number): readonly Row[] => {
  const by = (page - 1) * 2;
  return [...rows.slice(-by || rows.length), ...rows.slice(0, rows.length - by)];
};

describe("P15: records that come twice in one read by counted pages", () => {
  test("are reported, as many may be missing", async () => {
    const { codes, messages, error } = await readPages(pages(turning));
    expect([codes, error]).toEqual([["PAGES_SHIFTED"], null]);
    expect(messages[0]).toMatch(/counted by `page`: 6 records came twice/);
  });

  test("do not count for a declared total", async () => {
    const { error } = await readPages(
      pages(turning, (items) => ({ items, total: rows.length })),
      { dataField: "items", pagination: { ...paging, totalField: "total" } },
    );
    expect(error?.code).toBe("SOURCE_TRUNCATED");
    expect(error?.message).toMatch(/after 34 different records, and reported 40/);
    expect(error?.hint).toMatch(/twice/);
  });

  test("count where the newest come first, so that one which changed is for the next run", async () => {
    const newestFirst = rows.toReversed();
    // Before the second page the oldest record changes, and moves ahead of all.
    const changing = (page: number): readonly Row[] =>
      page === 1 ? newestFirst : [{ id: 1, at: "2026-04-01T00:00:00Z" }, ...newestFirst.slice(0, -1)];
    const handler = pages(changing, (items) => ({ items, total: rows.length }));
    const declared = { dataField: "items", pagination: { ...paging, totalField: "total" } };
    const persistence = { statePersistence: { ...statePersistence, order: "descending" } };
    expect((await readPages(handler, { ...declared, ...persistence })).error).toBeNull();
    expect((await readPages(handler, declared)).error?.hint).toMatch(/`order: descending`/);
  });

  test("count where as many came in ahead, so that the total grew by them", async () => {
    const ahead = (page: number): readonly unknown[] =>
      page === 1 ? rows : [{ id: 99, at: "2026-04-01" }, ...rows];
    let page = 0;
    const { error, codes } = await readPages(
      ({ url }, response) => {
        page = Number(url.searchParams.get("page"));
        const list = ahead(page);
        sendJson(response, { items: list.slice((page - 1) * 10, page * 10), total: list.length });
      },
      { dataField: "items", pagination: { ...paging, totalField: "total" } },
    );
    expect([error, codes]).toEqual([null, ["TOTAL_CHANGED", "PAGES_SHIFTED"]]);
  });

  test("are nothing to tell of records without a key, which may be alike", async () => {
    const { codes } = await readPages(
      pages(() =>
        rows.map(() => ({ at: "2026-03-01", kind: "a" })).map((row, at) => ({ ...row, n: at % 15 })),
      ),
      { key: undefined },
    );
    expect(codes).toEqual([]);
  });

  test.each([
    ["60 of which a third is filtered", 60, (id: number) => id % 3 !== 0],
    ["of which none is left at the end", 45, (id: number) => id < 24],
    ["of which one in ten is left", 95, (id: number) => id % 10 === 3],
  ])("are not, where an offset leads back into a filtered page: %s", async (_, count, keeps) => {
    const all = Array.from({ length: count }, (_row, at) => ({
      id: at + 1,
      at: `2026-03-${String(at).padStart(3, "0")}`,
    }));
    const { codes, records, error } = await readPages(
      ({ url }, response) => {
        const offset = Number(url.searchParams.get("offset"));
        sendJson(
          response,
          all.slice(offset, offset + 10).filter(({ id }) => keeps(id)),
        );
      },
      {
        pagination: { type: "offset", param: "offset", limitParam: "limit", limit: 10 },
        statePersistence: {},
      },
    );
    expect([codes, error]).toEqual([[], null]);
    expect(records.map(({ id }) => id)).toEqual([...new Set(records.map(({ id }) => id))]);
  });
});

describe("P15: a newest-first feed that gains records while its pages are counted", () => {
  const minute = (count: number): string =>
    new Date(Date.parse("2026-03-01T00:00:00Z") + count * 60_000).toISOString();

  /** A feed of 40 that has gained so many records ahead of each later page; `at` dates a record by its id. */
  async function feed(gains: readonly number[], at: (id: number) => string = minute, config: object = {}) {
    const served: number[] = [];
    let newest = 40;
    const read = await readPages(({ url }, response) => {
      const param = (name: string): number | null =>
        url.searchParams.has(name) ? Number(url.searchParams.get(name)) : null;
      const from = param("offset") ?? ((param("page") ?? 1) - 1) * 10;
      newest += gains[served.length] ?? 0;
      served.push(newest);
      const list = Array.from({ length: newest }, (_, index) => ({
        id: newest - index,
        at: at(newest - index),
      }));
      sendJson(response, list.slice(from, from + 10));
    }, config);
    const missing = Array.from({ length: 40 }, (_, index) => index + 1).filter(
      (id) => !read.records.some((record) => record.id === id),
    );
    return { ...read, missing };
  }

  test.each([
    ["1 before the second page", [0, 1]],
    ["3 before each", [0, 3, 3, 3, 3]],
    ["some before the last", [0, 0, 0, 4]],
    ["more than a page", [0, 15]],
  ])("is not reported, nothing is missing: %s", async (_, gains) => {
    const offset = { pagination: { type: "offset", param: "offset", limitParam: "limit", limit: 10 } };
    for (const config of [{}, offset]) {
      const { codes, missing, error, records } = await feed(gains, minute, config);
      expect([codes, missing, error]).toEqual([[], [], null]);
      expect(records.length).toBeGreaterThan(40);
    }
  });

  test("is reported where records share their cursors: these may have changed places", async () => {
    expect((await feed([0, 1], (id) => minute(Math.floor(id / 2)))).codes).toEqual(["PAGES_SHIFTED"]);
  });

  test("is reported where it is not sorted by its cursor", async () => {
    expect((await feed([0, 1], (id) => minute((id * 7) % 41))).codes).toEqual(["PAGES_SHIFTED"]);
  });

  test("is reported where what comes again does not lead up to the end of the page before", async () => {
    const skips = [40, 39, 38, 37, 36, 35, 34, 33, 32, 31];
    const second = [34, 33, 30, 29, 28, 27, 26, 25, 24, 23];
    const { codes } = await readPages(({ url }, response) => {
      const page = Number(url.searchParams.get("page"));
      const ids = page === 1 ? skips : page === 2 ? second : [];
      sendJson(
        response,
        ids.map((id) => ({ id, at: minute(id) })),
      );
    });
    expect(codes).toEqual(["PAGES_SHIFTED"]);
  });
});

describe("P15: a source that says for ever that more follows", () => {
  test("fails behind a hundred empty pages, and names the flag", async () => {
    const { error, requests } = await readPages(
      pages(
        () => rows,
        (items) => ({ items, more: true }),
      ),
      { dataField: "items", pagination: { ...paging, hasMoreField: "more" } },
    );
    expect([error?.code, requests]).toEqual(["SOURCE_TRUNCATED", 104]);
    expect(error?.hint).toMatch(/leave `hasMoreField` out/);
  });

  test("fails behind a thousand empty pages with tokens, and proposes a flag", async () => {
    const { error, requests } = await readPages(
      ({ url }, response) => {
        const at = Number(url.searchParams.get("token") ?? "0");
        sendJson(response, { items: rows.slice(at * 10, at * 10 + 10), next: String(at + 1) });
      },
      { dataField: "items", pagination: { type: "cursor", param: "token", nextCursorField: "next" } },
    );
    expect([error?.code, requests]).toEqual(["SOURCE_TRUNCATED", 1004]);
    expect(error?.hint).toMatch(/`hasMoreField`/);
  });

  test("fails at the third time that it gives the same page, in whatever order", async () => {
    const { error, requests } = await readPages(({ url }, response) => {
      const first = rows.slice(0, 10);
      const isOdd = Number(url.searchParams.get("page")) % 2 === 1;
      sendJson(response, isOdd ? first : [...first].reverse());
    });
    expect([error?.code, requests]).toEqual(["PAGE_REPEATED", 3]);
    expect(error?.hint).toMatch(/`page`/);
  });
});

describe("a kept offset, on a quiet run", () => {
  const keys = (origin: string) => ({
    endpoint: origin,
    statePersistence: { offset: { enabled: true, queryParam: "offset" } },
  });
  const lower = { type: "offset", value: "3" } as const;

  test("takes status 416 for nothing new", async () => {
    await using server = await startHttpServer((_request, response) => {
      response.writeHead(416).end();
    });
    const result = await readOnce(keys(server.origin), { window: { lower, upper: null } });
    expect([result.error, result.records, result.warnings]).toEqual([null, [], []]);
  });

  test("and no other status, nor 416 where nothing was read yet", async () => {
    for (const [status, window] of [
      [404, { lower, upper: null }],
      [416, { lower: null, upper: null }],
    ] as const) {
      await using server = await startHttpServer((_request, response) => {
        response.writeHead(status).end();
      });
      const { error } = await readOnce(keys(server.origin), { window });
      expect(error).toMatchObject({ code: "SOURCE_REFUSED" });
    }
  });
});
