import { describe, expect, test } from "vitest";
import { readOnce } from "../../../test/support/http-polling.ts";
import {
  type HttpHandler,
  type SeenRequest,
  sendJson,
  startHttpServer,
} from "../../../test/support/http-server.ts";

const all = Array.from({ length: 7 }, (_, index) => ({ id: index + 1 }));

const searches = (seen: readonly SeenRequest[]): string[] => seen.map(({ url }) => url.search);

/** The parameter as a number. */
function number(request: SeenRequest, name: string, otherwise = 0): number {
  return Number(request.url.searchParams.get(name) ?? otherwise);
}

const nextOf = (pages: readonly { next: unknown }[]): unknown[] => pages.map(({ next }) => next);

describe("without pagination", () => {
  test("one request gives all", async () => {
    await using server = await startHttpServer((_request, response) => sendJson(response, all));
    const { records, error } = await readOnce({ endpoint: `${server.origin}/events?kind=a%20b` });
    expect([records, error]).toEqual([all, null]);
    expect(searches(server.seen)).toEqual(["?kind=a%20b"]);
  });
});

describe("page", () => {
  /** Serves pages of `limit`, at most `cap`; each answer is what `envelope` makes of it. */
  const pages =
    (envelope: (part: unknown[], page: number) => unknown, cap = 100): HttpHandler =>
    (request, response) => {
      const limit = Math.min(number(request, "limit", 3), cap);
      const page = number(request, "page", 1);
      sendJson(response, envelope(all.slice((page - 1) * limit, page * limit), page));
    };

  test("asks once more behind a page shorter than the limit, and ends at an empty one", async () => {
    await using server = await startHttpServer(pages((part) => part));
    const pagination = { type: "page", param: "page", limitParam: "limit", limit: 3 } as const;
    const { records, pages: read, error } = await readOnce({ endpoint: server.origin, pagination });
    expect([records, error]).toEqual([all, null]);
    expect(searches(server.seen)).toEqual([1, 2, 3, 4].map((page) => `?limit=3&page=${page}`));
    const places = [2, 3, 4].map((page) => ({ kind: "page", token: String(page) }));
    expect(nextOf(read)).toEqual([...places, null]);
  });

  test("ends at an empty page where nothing else is declared", async () => {
    await using server = await startHttpServer(pages((part) => part));
    const pagination = { type: "page", param: "page" } as const;
    const { records, error } = await readOnce({ endpoint: server.origin, pagination });
    expect([records, error]).toEqual([all, null]);
    expect(server.seen).toHaveLength(4);
  });

  test("ends at the declared number of pages, and asks no further", async () => {
    await using server = await startHttpServer(pages((list) => ({ list, meta: { pages: 3 } })));
    const pagination = { type: "page", param: "page", totalPagesField: "meta.pages" } as const;
    const { records, error } = await readOnce({ endpoint: server.origin, dataField: "list", pagination });
    expect([records, error]).toEqual([all, null]);
    expect(server.seen).toHaveLength(3);
  });

  test("ends at the declared total, also where the source grants less than the limit", async () => {
    await using server = await startHttpServer(pages((list) => ({ list, total: 7 }), 2));
    const pagination = {
      type: "page",
      param: "page",
      limitParam: "limit",
      limit: 50,
      totalField: "total",
    } as const;
    const { records, error } = await readOnce({ endpoint: server.origin, dataField: "list", pagination });
    expect([records, error]).toEqual([all, null]);
    expect(server.seen).toHaveLength(4);
  });

  test("ends where hasMoreField says so, and not before", async () => {
    await using server = await startHttpServer(pages((list, page) => ({ list, more: page < 4 }), 2));
    const pagination = {
      type: "page",
      param: "page",
      limit: 50,
      limitParam: "limit",
      hasMoreField: "more",
    } as const;
    const { records, error } = await readOnce({ endpoint: server.origin, dataField: "list", pagination });
    expect([records, error]).toEqual([all, null]);
    expect(server.seen).toHaveLength(4);
  });

  test("counts from the declared first page", async () => {
    await using server = await startHttpServer((request, response) => {
      const page = number(request, "page");
      sendJson(response, { list: all.slice(page * 3, page * 3 + 3), pages: 3 });
    });
    const pagination = { type: "page", param: "page", startPage: 0, totalPagesField: "pages" } as const;
    const { records, error } = await readOnce({ endpoint: server.origin, dataField: "list", pagination });
    expect([records, error]).toEqual([all, null]);
    expect(searches(server.seen)).toEqual(["?page=0", "?page=1", "?page=2"]);
  });
});

describe("offset", () => {
  const byOffset: HttpHandler = (request, response) => {
    const offset = number(request, "offset");
    sendJson(response, { list: all.slice(offset, offset + 3), total: String(all.length) });
  };

  test("goes on by the records that came", async () => {
    await using server = await startHttpServer(byOffset);
    const pagination = { type: "offset", param: "offset" } as const;
    const { records, pages, error } = await readOnce({
      endpoint: server.origin,
      dataField: "list",
      pagination,
    });
    expect([records, error]).toEqual([all, null]);
    expect(searches(server.seen)).toEqual(["?offset=0", "?offset=3", "?offset=6", "?offset=7"]);
    expect(nextOf(pages)).toEqual([
      { kind: "offset", token: "3" },
      { kind: "offset", token: "6" },
      { kind: "offset", token: "7" },
      null,
    ]);
  });

  test("ends at the declared total, given as text as well", async () => {
    await using server = await startHttpServer(byOffset);
    const pagination = { type: "offset", param: "offset", totalField: "total" } as const;
    const { records, error } = await readOnce({ endpoint: server.origin, dataField: "list", pagination });
    expect([records, error]).toEqual([all, null]);
    expect(server.seen).toHaveLength(3);
  });
});

describe("cursor", () => {
  /** Tokens are the index of the next record, held as `make` has them; the last page has none. */
  const byToken =
    (make: (index: number) => unknown, last: unknown): HttpHandler =>
    (request, response) => {
      const index = number(request, "after");
      const end = index + 3 >= all.length;
      sendJson(response, {
        list: all.slice(index, index + 3),
        paging: { next: end ? last : make(index + 3) },
      });
    };
  const pagination = { type: "cursor", param: "after", nextCursorField: "paging.next" } as const;

  test.each([
    ["null", null],
    ["an empty text", ""],
    ["none", undefined],
    ["false", false],
  ])("ends at %s", async (_name, last) => {
    await using server = await startHttpServer(byToken(String, last));
    const { records, pages, error } = await readOnce({
      endpoint: server.origin,
      dataField: "list",
      pagination,
    });
    expect([records, error]).toEqual([all, null]);
    expect(searches(server.seen)).toEqual(["", "?after=3", "?after=6"]);
    expect(nextOf(pages)).toEqual([{ kind: "token", token: "3" }, { kind: "token", token: "6" }, null]);
  });

  test("P7: a token that is a number keeps every digit", async () => {
    const token = "12345678901234567890";
    await using server = await startHttpServer(({ url }, response) => {
      sendJson(response, `{"list":[{}],"paging":{"next":${url.search === "" ? token : null}}}`);
    });
    await readOnce({ endpoint: server.origin, dataField: "list", pagination });
    expect(searches(server.seen)).toEqual(["", `?after=${token}`]);
  });

  test("tokens are encoded", async () => {
    await using server = await startHttpServer(({ url }, response) => {
      sendJson(response, { list: [{}], paging: { next: url.search === "" ? "a+b/c=&d é" : null } });
    });
    await readOnce({ endpoint: server.origin, dataField: "list", pagination });
    expect(server.seen[1]?.url.searchParams.get("after")).toBe("a+b/c=&d é");
  });

  test("goes on past an empty page, and ends where hasMoreField says so", async () => {
    await using server = await startHttpServer((request, response) => {
      const index = number(request, "after");
      sendJson(response, {
        list: index === 1 ? [] : [{ id: index }],
        more: index < 2,
        paging: { next: index + 1 },
      });
    });
    const { records, error } = await readOnce({
      endpoint: server.origin,
      dataField: "list",
      pagination: { ...pagination, hasMoreField: "more" },
    });
    expect([records, error]).toEqual([[{ id: 0 }, { id: 2 }], null]);
  });

  test("more to come without a token, and a token that is none, are SOURCE_INVALID", async () => {
    await using server = await startHttpServer(({ url }, response) => {
      sendJson(response, {
        list: all,
        more: true,
        paging: url.pathname === "/odd" ? { next: { a: 1 } } : {},
      });
    });
    const more = { ...pagination, hasMoreField: "more" };
    for (const path of ["/none", "/odd"]) {
      const read = await readOnce({ endpoint: server.origin + path, dataField: "list", pagination: more });
      expect(read.error).toMatchObject({
        code: "SOURCE_INVALID",
        message: expect.stringContaining("`paging.next`"),
      });
    }
  });
});

describe("link", () => {
  test("follows the Link header, with credentials, without repeating the bounds", async () => {
    await using server = await startHttpServer((request, response) => {
      const page = number(request, "page", 1);
      const part = all.slice((page - 1) * 3, page * 3);
      const link = `</events?page=${page + 1}&x=a%20b>; rel="next", </events?page=1>; rel="first"`;
      sendJson(response, part, page < 3 ? { link } : {});
    });
    const { records, pages, error } = await readOnce({
      endpoint: `${server.origin}/events`,
      queryParams: { kind: "k" },
      authentication: { type: "bearer", token: "bearer-token" },
      pagination: { type: "link" },
    });
    expect([records, error]).toEqual([all, null]);
    expect(searches(server.seen)).toEqual(["?kind=k", "?page=2&x=a%20b", "?page=3&x=a%20b"]);
    expect(server.seen.every(({ headers }) => headers.authorization === "Bearer bearer-token")).toBe(true);
    expect(nextOf(pages)).toEqual([
      { kind: "link", token: `${server.origin}/events?page=2&x=a%20b` },
      { kind: "link", token: `${server.origin}/events?page=3&x=a%20b` },
      null,
    ]);
  });

  test("follows an address in the body, relative to the page's own", async () => {
    await using server = await startHttpServer(({ url }, response) => {
      const next = { "/v1/events": "events/2", "/v1/events/2": "/v1/last", "/v1/last": null }[url.pathname];
      sendJson(response, { list: [{ at: url.pathname }], next });
    });
    const { records, error } = await readOnce({
      endpoint: `${server.origin}/v1/events`,
      dataField: "list",
      pagination: { type: "link", nextCursorField: "next" },
    });
    expect([records.map(({ at }) => at), error]).toEqual([["/v1/events", "/v1/events/2", "/v1/last"], null]);
  });

  test("P14: a link to another origin is refused, and nothing is sent there", async () => {
    await using other = await startHttpServer((_request, response) => sendJson(response, { list: [] }));
    await using server = await startHttpServer((_request, response) => {
      sendJson(response, { list: all, next: `${other.origin}/page/2` });
    });
    const { error } = await readOnce({
      endpoint: server.origin,
      dataField: "list",
      authentication: { type: "bearer", token: "bearer-token" },
      pagination: { type: "link", nextCursorField: "next" },
    });
    expect(error).toMatchObject({ code: "SOURCE_INVALID", message: expect.stringContaining(other.origin) });
    expect(other.seen).toEqual([]);
  });

  test("P14: a link that repeats the api key or a secret parameter is kept without, and asked with it", async () => {
    await using server = await startHttpServer(({ url }, response) => {
      const page = url.searchParams.get("page");
      sendJson(response, { list: [{}], next: page === null ? `${url.href}&page=2` : null });
    });
    const { pages, error } = await readOnce({
      endpoint: `${server.origin}/?session_token=in-endpoint&plain=1`,
      queryParams: { access_token: "in-parameters" },
      authentication: { type: "apiKey", in: "query", name: "k", value: "the-api-key" },
      dataField: "list",
      pagination: { type: "link", nextCursorField: "next" },
    });
    expect(error).toBeNull();
    expect(pages[0]?.next).toEqual({ kind: "link", token: `${server.origin}/?plain=1&page=2` });
    expect(Object.fromEntries(server.seen[1]?.url.searchParams ?? [])).toEqual({
      session_token: "in-endpoint",
      access_token: "in-parameters",
      k: "the-api-key",
      plain: "1",
      page: "2",
    });
  });
});

describe("resume points are honoured", () => {
  const answer: HttpHandler = (_request, response) => sendJson(response, { list: [{}], total: 10 });
  const endless = { totalField: "total", maxPages: 1 };

  test.each([
    ["page", { type: "page", param: "page", ...endless }, { kind: "page", token: "4" }, "?page=4"],
    ["offset", { type: "offset", param: "o", ...endless }, { kind: "offset", token: "7" }, "?o=7"],
    [
      "token",
      { type: "cursor", param: "t", nextCursorField: "n" },
      { kind: "token", token: "abc" },
      "?t=abc",
    ],
  ] as const)("%s", async (_name, pagination, resume, expected) => {
    await using server = await startHttpServer(answer);
    await readOnce({ endpoint: server.origin, dataField: "list", pagination }, { resume });
    expect(searches(server.seen)).toEqual([expected]);
  });

  test("link", async () => {
    await using server = await startHttpServer((_request, response) => sendJson(response, []));
    const resume = { kind: "link", token: `${server.origin}/x?page=9` } as const;
    await readOnce({ endpoint: server.origin, pagination: { type: "link" } }, { resume });
    expect(server.seen[0]?.url.href).toBe(resume.token);
  });

  test("one of another kind is passed over with a warning, and the window read from its start", async () => {
    await using server = await startHttpServer((_request, response) => sendJson(response, []));
    const pagination = { type: "page", param: "page" } as const;
    const { warnings } = await readOnce(
      { endpoint: server.origin, pagination },
      { resume: { kind: "token", token: "x" } },
    );
    expect([searches(server.seen), warnings]).toEqual([["?page=1"], ["RESUME_IGNORED"]]);
  });
});
