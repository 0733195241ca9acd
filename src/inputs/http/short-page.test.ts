import { describe, expect, test } from "vitest";
import { type HttpHandler, sendJson } from "../../../test/support/http-server.ts";
import {
  byOffset,
  byPage,
  bySeek,
  idsOf,
  number,
  type Paged,
  paged,
  read,
  rows,
  upTo,
} from "../../../test/support/paged-source.ts";

describe("P15: a short page is no evidence of the end", () => {
  test.each([
    ["page", byPage],
    ["offset", byOffset],
  ] as const)("%s: a source that grants less than the limit is read whole", async (_type, pagination) => {
    const result = await read(paged({ list: rows(9), granted: 3 }), pagination);
    expect([idsOf(result), result.error, result.warnings, result.requests]).toEqual([upTo(9), null, [], 4]);
  });

  test.each([
    ["page", byPage],
    ["offset", byOffset],
  ] as const)(
    "%s: a page that was filtered after it was cut does not end the read",
    async (_type, pagination) => {
      const filter = (row: object): boolean => !("id" in row && row.id === 4);
      const result = await read(paged({ list: rows(12), granted: 5, filter }), pagination);
      const expected = upTo(12).filter((id) => id !== 4);
      expect([[...new Set(idsOf(result))], result.error]).toEqual([expected, null]);
    },
  );

  test("a source that always gives its one short page is reported once, and again once the page is another", async () => {
    const list = rows(3);
    const one: HttpHandler = (_request, response) => sendJson(response, { list });
    const first = await read(one, byPage);
    const second = await read(one, byPage, { facts: first.facts });
    list.push(...rows(4).slice(3));
    const third = await read(one, byPage, { facts: second.facts });
    expect([first, second, third].map(({ warnings }) => warnings)).toEqual([
      ["END_UNCONFIRMED"],
      [],
      ["END_UNCONFIRMED"],
    ]);
  });

  test.each([5, undefined])(
    "an offset that leads back into a filtered page hands on nothing twice, so that the order holds (limit %s)",
    async (limit) => {
      const filter = (row: object): boolean =>
        !("id" in row && (row.id === 4 || row.id === 5 || row.id === 9));
      const { limitParam, ...byOffsetAlone } = byOffset;
      const pagination = limit === undefined ? { ...byOffsetAlone, limit } : { ...byOffset, limit };
      const result = await read(paged({ list: rows(17), granted: 5, filter }), pagination);
      const expected = upTo(17).filter((id) => ![4, 5, 9].includes(id));
      expect([idsOf(result), result.error, result.warnings]).toEqual([expected, null, []]);
      expect(result.pages.some(({ partial }) => partial)).toBe(true);
    },
  );

  const sorted = (granted: number, list: readonly { id: number; at: number }[]): HttpHandler => {
    return (request, response) => {
      const from = number(request, "skip");
      const found = list.filter(({ at }) => at >= number(request, "since"));
      const size = Math.min(number(request, "limit"), granted);
      sendJson(response, { list: found.slice(from, from + size) });
    };
  };
  const sought = {
    statePersistence: {
      id: { field: "at", queryParam: "since", bound: "inclusive" },
      order: "ascending",
    },
  } as const;

  test.each([
    ["with offsetParam", bySeek],
    ["without", { type: "seek", limitParam: "limit", limit: 5 }],
  ] as const)(
    "seek, %s: a source that grants less than the limit is read whole",
    async (_how, pagination) => {
      const result = await read(sorted(3, rows(10)), pagination, { keys: sought });
      expect([idsOf(result), result.error, result.warnings]).toEqual([upTo(10), null, []]);
    },
  );

  test("seek: equal cursors that are more than is granted are read by offset", async () => {
    const list = rows(8).map((row) => ({ ...row, at: row.id < 7 ? 1 : 2 }));
    const result = await read(sorted(2, list), bySeek, { keys: sought });
    expect([idsOf(result), result.error]).toEqual([upTo(8), null]);
  });

  test("seek: without offsetParam it is reported that equal cursors may be more than is granted", async () => {
    const list = rows(8).map((row) => ({ ...row, at: 1 }));
    const pagination = { type: "seek", limitParam: "limit", limit: 5 } as const;
    const result = await read(sorted(2, list), pagination, { keys: sought });
    expect([idsOf(result), result.warnings]).toEqual([[1, 2], ["END_UNCONFIRMED"]]);
    expect(result.messages.join()).toContain("`offsetParam`");
  });

  test("seek: a page filtered after it was cut, without offsetParam, is passed by a step", async () => {
    const list = rows(12);
    const handler: HttpHandler = (request, response) => {
      const found = list.filter(({ at }) => at >= number(request, "since")).slice(0, 5);
      sendJson(response, { list: found.filter(({ id }) => id < 6 || id > 8) });
    };
    const pagination = { type: "seek", limitParam: "limit", limit: 5 } as const;
    const result = await read(handler, pagination, { keys: sought });
    expect([idsOf(result), result.error]).toEqual([[1, 2, 3, 4, 5, 9, 10, 11, 12], null]);
  });

  test("seek: a quiet run costs one request more", async () => {
    const facts = new Set(["page-size:4"]);
    for (const [pagination, requests] of [
      [bySeek, 2],
      [{ type: "seek", limitParam: "limit", limit: 5 }, 2],
    ] as const) {
      const result = await read(sorted(5, rows(1)), pagination, { facts, keys: sought });
      expect([idsOf(result), result.warnings, result.requests]).toEqual([[1], [], requests]);
    }
  });
});

describe("P15: `end: shortPage` is the user's own word for a source", () => {
  test.each([
    ["page", byPage],
    ["offset", byOffset],
  ] as const)("%s: it ends at a page with fewer records than the limit", async (_type, pagination) => {
    const result = await read(paged({ granted: 5 }), { ...pagination, end: "shortPage" });
    expect([idsOf(result), result.requests]).toEqual([upTo(7), 2]);
  });

  test("seek: it saves the request", async () => {
    const handler: HttpHandler = (_request, response) => sendJson(response, { list: rows(2) });
    const result = await read(
      handler,
      { ...bySeek, end: "shortPage" },
      {
        keys: { statePersistence: { id: { field: "at", queryParam: "since" }, order: "ascending" } },
      },
    );
    expect([idsOf(result), result.requests]).toEqual([[1, 2], 1]);
  });

  test("a total that tells of more goes before it", async () => {
    const more = () => ({ total: 7 });
    const pagination = { ...byPage, end: "shortPage", totalField: "total" } as const;
    const result = await read(paged({ more }), pagination);
    expect([idsOf(result), result.error]).toEqual([upTo(7), null]);
  });
});

describe("what saves the request behind a short page", () => {
  test("a number of pages", async () => {
    const more = () => ({ pages: 3 });
    const result = await read(paged({ more }), { ...byPage, limit: 3, totalPagesField: "pages" });
    expect([idsOf(result), result.requests]).toEqual([upTo(7), 3]);
  });

  test("a flag, also as text", async () => {
    const more = (page: number) => ({ more: page < 3 ? "true" : "false" });
    const result = await read(paged({ more }), { ...byPage, hasMoreField: "more" });
    expect([idsOf(result), result.requests]).toEqual([upTo(7), 3]);
  });

  test("a total that agrees with what came", async () => {
    const more = () => ({ total: 7 });
    const result = await read(paged({ more }), { ...byPage, totalField: "total" });
    expect([idsOf(result), result.requests]).toEqual([upTo(7), 3]);
  });

  test("a total on a single page, once the stream has seen it count more than a page", async () => {
    const more = () => ({ total: 2 });
    const pagination = { ...byPage, totalField: "total" } as const;
    const first = await read(paged({ list: rows(2), more }), pagination);
    expect(first.requests).toBe(2);
    const facts = new Set(["total:total", "page-size:4"]);
    const later = await read(paged({ list: rows(2), more }), pagination, { facts });
    expect([idsOf(later), later.requests]).toEqual([[1, 2], 1]);
  });
});

describe("P15: a total does not end a read on a full page, and one that is wrong is not used", () => {
  test.each([
    ["the page's own size", (records: readonly object[]) => records.length],
    ["capped", () => 6],
    ["lower than what is there", () => 2],
  ])("%s", async (_what, total) => {
    for (const pagination of [byPage, byOffset]) {
      const more = (_page: number, records: readonly object[]) => ({ total: total(records) });
      const result = await read(paged({ list: rows(14), granted: 3, more }), {
        ...pagination,
        limit: 3,
        totalField: "total",
      });
      expect([idsOf(result), result.error, result.warnings]).toEqual([upTo(14), null, ["TOTAL_IGNORED"]]);
    }
  });

  test("a number of pages that was counted by a larger page is not believed", async () => {
    const more = () => ({ pages: 2 });
    const pagination = { ...byPage, totalPagesField: "pages" } as const;
    const result = await read(paged({ list: rows(14), granted: 3, more }), pagination);
    expect([idsOf(result), result.error, result.warnings]).toEqual([upTo(14), null, ["TOTAL_IGNORED"]]);
  });

  test("a token walk ends below no total, and tells of one that is too low", async () => {
    const handler: HttpHandler = (request, response) => {
      const at = number(request, "t");
      sendJson(response, { list: rows(4).slice(at, at + 2), total: 1, next: at === 0 ? 2 : null });
    };
    const pagination = { type: "cursor", param: "t", nextCursorField: "next", totalField: "total" } as const;
    const result = await read(handler, pagination);
    expect([idsOf(result), result.error, result.warnings]).toEqual([upTo(4), null, ["TOTAL_IGNORED"]]);
  });
});

describe("an empty page in the middle is not the source's end where it says that more follows", () => {
  const list = rows(9);
  const filter = (row: object): boolean =>
    !("id" in row && typeof row.id === "number" && row.id > 3 && row.id < 7);

  test("by its number of pages", async () => {
    const more = () => ({ pages: 3 });
    const result = await read(paged({ list, filter, more }), {
      ...byPage,
      limit: 3,
      totalPagesField: "pages",
    });
    expect([idsOf(result), result.error]).toEqual([[1, 2, 3, 7, 8, 9], null]);
  });

  test("by a flag, for pages and for offsets", async () => {
    for (const pagination of [byPage, byOffset]) {
      const handler: HttpHandler = (request, response) => {
        const from = pagination === byPage ? (number(request, "page") - 1) * 3 : number(request, "offset");
        sendJson(response, { list: list.slice(from, from + 3).filter(filter), more: from + 3 < 9 });
      };
      const result = await read(handler, { ...pagination, hasMoreField: "more" });
      expect([idsOf(result), result.error]).toEqual([[1, 2, 3, 7, 8, 9], null]);
    }
  });
});

describe("behind a short page a refusal is the end", () => {
  const ends: readonly (readonly [string, NonNullable<Paged["pastEnd"]>])[] = [
    ["null in place of the list", () => [200, { list: null }]],
    ["no list", () => [200, { page: 4 }]],
    ["204", () => [204, undefined]],
    ["an empty body", () => [200, undefined]],
    ["404", () => [404, { error: "no such page" }]],
    ["400", () => [400, { error: "page is out of range" }]],
    ["416", () => [416, {}]],
    ["422", () => [422, {}]],
    ["the last page again", (last) => [200, { list: last }]],
  ];

  test.each(ends)("%s, for pages and for offsets", async (_what, pastEnd) => {
    for (const pagination of [byPage, byOffset]) {
      const result = await read(paged({ pastEnd }), pagination);
      expect([idsOf(result), result.error, result.warnings]).toEqual([upTo(7), null, []]);
    }
  });

  test("an offset that the source moves back, so that its last page is full again", async () => {
    const handler: HttpHandler = (request, response) => {
      const from = Math.min(number(request, "offset"), 4);
      sendJson(response, { list: rows(7).slice(number(request, "offset") === 6 ? 6 : from, from + 3) });
    };
    const result = await read(handler, { ...byOffset, limit: 3 });
    expect([idsOf(result), result.error, result.warnings]).toEqual([upTo(7), null, []]);
  });

  test("a total that was reached makes a full page such a one", async () => {
    const more = () => ({ total: 6 });
    for (const pastEnd of [ends[4]?.[1], ends[8]?.[1]]) {
      const source = paged({ list: rows(6), more, ...(pastEnd === undefined ? {} : { pastEnd }) });
      const result = await read(source, { ...byPage, limit: 3, totalField: "total" });
      expect([idsOf(result), result.error, result.warnings]).toEqual([upTo(6), null, []]);
    }
  });

  test("P15: behind a full page it is a failure, unless it is declared as the end", async () => {
    const source = paged({ list: rows(6), pastEnd: () => [404, {}] });
    const full = { ...byPage, limit: 3 } as const;
    expect((await read(source, full)).error).toMatchObject({ code: "SOURCE_REFUSED" });
    const declared = await read(source, { ...full, endStatuses: [404] });
    expect([idsOf(declared), declared.error, declared.warnings]).toEqual([upTo(6), null, []]);
  });

  test("P15: where the source tells of more it is a failure", async () => {
    const more = () => ({ total: 20 });
    const source = paged({ more, pastEnd: () => [404, {}] });
    const result = await read(source, { ...byPage, totalField: "total" });
    expect(result.error).toMatchObject({ code: "SOURCE_TRUNCATED" });
  });

  test("P15: where each page has the same size, and that may be all that is granted, it is reported", async () => {
    const source = paged({ list: rows(9), pastEnd: () => [400, { error: "window too large" }] });
    const result = await read(source, byPage);
    expect([idsOf(result), result.error, result.warnings]).toEqual([upTo(9), null, ["END_UNCONFIRMED"]]);
  });

  test("P15: a first page that comes again and again may be a source that ignores the parameter, which is reported", async () => {
    const handler: HttpHandler = (_request, response) => sendJson(response, { list: rows(3) });
    const result = await read(handler, byPage);
    expect([idsOf(result), result.error, result.warnings]).toEqual([upTo(3), null, ["END_UNCONFIRMED"]]);
    const known = await read(handler, byPage, { facts: new Set(["page-size:4"]) });
    expect(known.warnings).toEqual([]);
  });

  test("a page given twice in the middle is handed on, and the read goes on", async () => {
    const order = [1, 2, 2, 3, 4];
    const handler: HttpHandler = (request, response) => {
      const page = order[number(request, "page") - 1];
      sendJson(response, { list: page === undefined ? [] : rows(8).slice(page * 2 - 2, page * 2) });
    };
    const result = await read(handler, byPage);
    expect([[...new Set(idsOf(result))], result.error, result.warnings]).toEqual([
      upTo(8),
      null,
      ["PAGE_REPEATED_ONCE"],
    ]);
  });
});

describe("offsets that lead back into a filtered page", () => {
  test("P1: a run that ends while a page is held back goes on with that page", async () => {
    const handler: HttpHandler = (request, response) => {
      const offset = number(request, "offset");
      const lists: Record<number, number[]> = { 0: [1], 1: [1] };
      sendJson(response, { list: (lists[offset] ?? []).map((id) => ({ id })) });
    };
    const result = await read(handler, { ...byOffset, limit: 3 });
    expect(result.pages.map(({ next }) => next?.token)).toEqual(["1", "1", "1", "2", undefined]);
  });

  test("P15: what came before does not count twice towards the total", async () => {
    // Five can be seen. The second page begins with the last record of the first, so five were given with it.
    const seen = [1, null, 2, null, 3, null, 4, null, 5];
    const handler: HttpHandler = (request, response) => {
      const from = number(request, "offset");
      const list = seen.slice(from, from + 5).filter((id) => id !== null);
      sendJson(response, { list: list.map((id) => ({ id })), total: 5 });
    };
    const result = await read(handler, { ...byOffset, totalField: "total" });
    expect([[...new Set(idsOf(result))], result.error]).toEqual([upTo(5), null]);
  });
});
