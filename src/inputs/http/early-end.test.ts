import { describe, expect, test } from "vitest";
import { readOnce } from "../../../test/support/http-polling.ts";
import {
  type HttpHandler,
  type SeenRequest,
  sendJson,
  startHttpServer,
} from "../../../test/support/http-server.ts";

const all = Array.from({ length: 7 }, (_, index) => ({ id: index + 1 }));

/** The parameter as a number, 0 where it is absent. */
function number(request: SeenRequest, name: string): number {
  return Number(request.url.searchParams.get(name) ?? 0);
}

describe("P15: a read that stops early is a failure, after its pages were handed on", () => {
  const list = (more: object): HttpHandler => {
    return (_request, response) => sendJson(response, { list: [{ id: 1 }], ...more });
  };
  const field = { dataField: "list" };

  test("the page cap", async () => {
    await using server = await startHttpServer(list({}));
    const pagination = { type: "page", param: "page", maxPages: 3 } as const;
    const { pages, error } = await readOnce({ endpoint: server.origin, ...field, pagination });
    expect(error).toMatchObject({ code: "PAGE_CAP_REACHED", stream: "acme/events" });
    expect([pages.length, server.seen.length]).toEqual([3, 3]);
  });

  test("the page cap on the last page is no failure", async () => {
    await using server = await startHttpServer((request, response) => {
      sendJson(response, { list: number(request, "page") < 3 ? [{}] : [] });
    });
    const pagination = { type: "page", param: "page", maxPages: 3 } as const;
    expect((await readOnce({ endpoint: server.origin, ...field, pagination })).error).toBeNull();
  });

  test("a token that comes again, also after others", async () => {
    await using server = await startHttpServer((request, response) => {
      const at = number(request, "t");
      sendJson(response, { list: [{ id: at }], next: at === 3 ? 1 : at + 1 });
    });
    const pagination = { type: "cursor", param: "t", nextCursorField: "next" } as const;
    const { pages, error } = await readOnce({ endpoint: server.origin, ...field, pagination });
    expect(error).toMatchObject({ code: "PAGE_REPEATED" });
    expect(pages).toHaveLength(4);
  });

  test("an empty page that gives its own token once more is the end", async () => {
    await using server = await startHttpServer((request, response) => {
      const at = number(request, "t");
      sendJson(response, at < 3 ? { list: [{ id: at }], next: at + 1 } : { list: [], next: at });
    });
    const pagination = { type: "cursor", param: "t", nextCursorField: "next" } as const;
    const { records, error } = await readOnce({ endpoint: server.origin, ...field, pagination });
    expect([records.length, error]).toEqual([3, null]);
  });

  test.each([{ list: [], next: null }, { list: [] }])(
    "a token to resume at that the source answers with nothing is one that it has forgotten: %j",
    async (forgotten) => {
      await using server = await startHttpServer((_request, response) => sendJson(response, forgotten));
      const pagination = { type: "cursor", param: "t", nextCursorField: "next" } as const;
      const resume = { kind: "token", token: "30" } as const;
      const { pages, error } = await readOnce({ endpoint: server.origin, ...field, pagination }, { resume });
      expect(error).toMatchObject({ code: "RESUME_REFUSED" });
      expect(pages).toEqual([]);
    },
  );

  test("a token that leads back to where the run resumed", async () => {
    await using server = await startHttpServer(list({ next: "a" }));
    const pagination = { type: "cursor", param: "t", nextCursorField: "next" } as const;
    const resume = { kind: "token", token: "a" } as const;
    const { error } = await readOnce({ endpoint: server.origin, ...field, pagination }, { resume });
    expect(error).toMatchObject({ code: "PAGE_REPEATED" });
    expect(server.seen).toHaveLength(1);
  });

  test("a link that comes again", async () => {
    await using server = await startHttpServer(list({ next: "/same" }));
    const pagination = { type: "link", nextCursorField: "next" } as const;
    const { error } = await readOnce({ endpoint: server.origin, ...field, pagination });
    expect(error).toMatchObject({ code: "PAGE_REPEATED" });
    expect(server.seen).toHaveLength(2);
  });

  test.each([
    ["page", { type: "page", param: "page", totalField: "total" }],
    ["offset", { type: "offset", param: "offset", totalField: "total" }],
  ] as const)("%s: an empty page before the declared total", async (_name, pagination) => {
    let asked = 0;
    await using server = await startHttpServer((_request, response) => {
      sendJson(response, ++asked === 1 ? { list: all, total: 9 } : { list: [], total: 0 });
    });
    const { records, error } = await readOnce({ endpoint: server.origin, ...field, pagination });
    expect(error).toMatchObject({
      code: "SOURCE_TRUNCATED",
      message: expect.stringContaining("after 7 records, and reported 9"),
    });
    expect(records).toEqual(all);
  });

  test.each([
    ["cursor", { type: "cursor", param: "t", nextCursorField: "next", totalField: "total" }],
    ["link", { type: "link", totalField: "total" }],
    ["page, by hasMoreField", { type: "page", param: "p", hasMoreField: "more", totalField: "total" }],
    [
      "page, by its number of pages",
      { type: "page", param: "p", hasMoreField: "more", totalPagesField: "total" },
    ],
  ] as const)("%s: an end before the declared total", async (_name, pagination) => {
    await using server = await startHttpServer(list({ total: 2, more: false }));
    const { error } = await readOnce({ endpoint: server.origin, ...field, pagination });
    expect(error).toMatchObject({ code: "SOURCE_TRUNCATED", recoverable: true });
  });

  test("a source that says that more follows and gives nothing", async () => {
    await using server = await startHttpServer((_request, response) =>
      sendJson(response, { list: [], more: true }),
    );
    const pagination = { type: "offset", param: "o", hasMoreField: "more" } as const;
    const { error } = await readOnce({ endpoint: server.origin, ...field, pagination });
    expect(error).toMatchObject({ code: "SOURCE_TRUNCATED" });
  });

  test("a declared total that is not in the answer", async () => {
    await using server = await startHttpServer(list({ totl: 1 }));
    const pagination = { type: "page", param: "p", totalField: "total" } as const;
    const { error } = await readOnce({ endpoint: server.origin, ...field, pagination });
    expect(error).toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringContaining(
        "the answer has no `total`, where a whole number was expected; its keys are ",
      ),
    });
  });

  test("a total that the source does not know is none", async () => {
    await using server = await startHttpServer((request, response) => {
      sendJson(response, {
        list: number(request, "p") < 3 ? [{}] : [],
        total: number(request, "p") === 1 ? -1 : null,
      });
    });
    const pagination = { type: "page", param: "p", totalField: "total" } as const;
    const { pages, error } = await readOnce({ endpoint: server.origin, ...field, pagination });
    expect([pages.length, error]).toEqual([3, null]);
  });
});

describe("a total that changes while pages are counted", () => {
  /** Answers with these totals, one after another, and the last of them for the rest. */
  const totals = (...told: number[]): HttpHandler => {
    let asked = 0;
    return (_request, response) => {
      asked += 1;
      const total = told[Math.min(asked, told.length) - 1] ?? 0;
      const left = Math.max(0, Math.min(2, total - 2 * (asked - 1)));
      const list = Array.from({ length: left }, (_, index) => ({ id: asked * 2 + index }));
      sendJson(response, { list, total, pages: Math.ceil(total / 2), after: left === 2 ? asked : null });
    };
  };

  test.each([
    ["page", { type: "page", param: "p", totalField: "total" }, "6 records, then 7"],
    ["offset", { type: "offset", param: "o", totalField: "total" }, "6 records, then 7"],
    [
      "page, by the number of pages",
      { type: "page", param: "p", totalPagesField: "pages" },
      "3 pages, then 4",
    ],
  ] as const)("%s: is reported once, with both", async (_name, pagination, told) => {
    await using server = await startHttpServer(totals(6, 7, 6, 7));
    const { messages, error } = await readOnce({ endpoint: server.origin, dataField: "list", pagination });
    expect(error).toBeNull();
    expect(messages).toEqual([expect.stringMatching(new RegExp(`^TOTAL_CHANGED: .*reported ${told}`))]);
  });

  test("page tokens do not shift, so there it says nothing", async () => {
    await using server = await startHttpServer(totals(6, 7, 8, 9));
    const pagination = { type: "cursor", param: "t", nextCursorField: "after", totalField: "total" } as const;
    const { messages, error } = await readOnce({ endpoint: server.origin, dataField: "list", pagination });
    expect([messages, error]).toEqual([[], null]);
  });

  test("P15: one that is not reached is a failure all the same", async () => {
    await using server = await startHttpServer((request, response) => {
      const page = number(request, "p");
      sendJson(response, {
        list: page === 1 ? all : [{ id: 8 }],
        total: page === 1 ? 9 : 10,
        more: page === 1,
      });
    });
    const pagination = { type: "page", param: "p", totalField: "total", hasMoreField: "more" } as const;
    const read = await readOnce({ endpoint: server.origin, dataField: "list", pagination });
    expect(read.warnings).toEqual(["TOTAL_CHANGED"]);
    expect(read.error).toMatchObject({ code: "SOURCE_TRUNCATED" });
  });
});

describe("P15: a page given in place of another", () => {
  const pages = [all.slice(0, 2), all.slice(2, 4), all.slice(4, 6), all.slice(6)];
  const paging = { type: "page", param: "page", startPage: 0 } as const;

  /** Serves page n as page n−1 for n = 2; `more` is what an answer says beside its list. */
  const withRepeat = (more: (page: number) => object): HttpHandler => {
    return (request, response) => {
      const page = number(request, "page");
      sendJson(response, { list: pages[page === 2 ? 1 : page] ?? [], ...more(page) });
    };
  };
  const read = async (
    handler: HttpHandler,
    pagination: Parameters<typeof readOnce>[0]["pagination"],
    key: string | null = "id",
  ) => {
    await using server = await startHttpServer(handler);
    const keyed = key === null ? {} : { key };
    return await readOnce({ endpoint: server.origin, dataField: "list", ...keyed, pagination });
  };

  test.each([
    ["records", { ...paging, totalField: "total" }, { total: 7 }],
    ["pages", { ...paging, totalPagesField: "pages" }, { pages: 4 }],
  ])("fails the read where it is met, if the source tells of its %s", async (_what, pagination, more) => {
    for (const key of ["id", null]) {
      const { error, records } = await read(
        withRepeat(() => more),
        pagination,
        key,
      );
      expect(error).toMatchObject({ code: "PAGE_REPEATED", recoverable: true });
      expect(records).toEqual([...all.slice(0, 4), ...all.slice(2, 4)]);
    }
  });

  test("fails a read by offset alike", async () => {
    const handler: HttpHandler = (request, response) => {
      const offset = number(request, "offset");
      const from = offset === 4 ? 2 : offset;
      sendJson(response, { list: all.slice(from, from + 2), total: 7 });
    };
    const { error } = await read(handler, { type: "offset", param: "offset", totalField: "total" });
    expect(error).toMatchObject({ code: "PAGE_REPEATED" });
  });

  test("is no failure where the total grew by as many: records came in ahead of it", async () => {
    const drifted = [pages[0], pages[1], pages[1], pages[2], pages[3]];
    const handler: HttpHandler = (request, response) => {
      const page = number(request, "page");
      sendJson(response, { list: drifted[page] ?? [], total: page < 2 ? 7 : 9 });
    };
    const { error, warnings, records } = await read(handler, { ...paging, totalField: "total" });
    expect([error, warnings, records.length]).toEqual([null, ["TOTAL_CHANGED"], 9]);
  });

  test("is reported where no total is declared, since both look alike", async () => {
    const { error, warnings } = await read(
      withRepeat(() => ({})),
      { ...paging },
    );
    expect([error, warnings]).toEqual([null, ["PAGE_REPEATED_ONCE"]]);
  });

  test("is not seen in records that nothing tells apart", async () => {
    const alike = [[{ ok: true }, { ok: true }], [{ ok: true }, { ok: true }], [{ ok: false }]];
    const handler: HttpHandler = (request, response) =>
      sendJson(response, { list: alike[number(request, "page")] ?? [], total: 5 });
    const { error, warnings } = await read(handler, { ...paging, totalField: "total" }, null);
    expect([error, warnings]).toEqual([null, []]);
  });
});
