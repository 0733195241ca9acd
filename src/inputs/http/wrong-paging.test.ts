import { describe, expect, test } from "vitest";
import { type HttpPollingKeys, type ReadResult, readOnce } from "../../../test/support/http-polling.ts";
import { type HttpHandler, sendJson, startHttpServer } from "../../../test/support/http-server.ts";

const rows = Array.from({ length: 35 }, (_, id) => ({ id, at: "2026-01-01T00:00:00Z" }));
const size = 10;

/** What a source answers to a page whose number it counts from 0. */
interface Answered {
  readonly body?: object;
  readonly headers?: Record<string, string>;
}

const keys = { dataField: "data", key: "id" } as const;

async function read(handler: HttpHandler, declared: Partial<HttpPollingKeys>): Promise<ReadResult> {
  await using server = await startHttpServer(handler);
  return await readOnce({ endpoint: `${server.origin}/x`, ...keys, ...declared });
}

/** A source that counts its pages from `first`. */
const pagesFrom =
  (first: number, write: (at: number) => Answered): HttpHandler =>
  ({ url }, response) => {
    const at = Number(url.searchParams.get("page")) - first;
    const { body = {}, headers = {} } = write(at);
    sendJson(response, { data: rows.slice(at * size, (at + 1) * size), ...body }, headers);
  };

const total = rows.length;
const pages = Math.ceil(total / size);

/** How sources say where a page lies, by its place from 0 and the number that they give to their first page. */
const places: Record<string, (at: number, first: number) => Answered> = {
  "first, number (Spring)": (at, first) => ({ body: { first: at === 0, number: at + first } }),
  "page.number (Spring's PagedModel)": (at, first) => ({
    body: { page: { size, number: at + first, totalElements: total, totalPages: pages } },
  }),
  "_links.prev (Spring HATEOAS)": (at, first) => ({
    body: {
      _links: { self: { href: "/x" }, ...(at === 0 ? {} : { prev: { href: `/x?page=${at + first - 1}` } }) },
    },
  }),
  "previous (Django)": (at, first) => ({ body: { previous: at === 0 ? null : `/x?page=${at + first - 1}` } }),
  "Link rel=prev": (at, first) => ({
    headers:
      at === 0 ? { Link: "" } : { Link: `</x?page=${at + first - 1}>; rel="prev", </x?page=0>; rel="first"` },
  }),
  hasPrevious: (at) => ({ body: { hasPrevious: at > 0 } }),
  "pageInfo.hasPreviousPage": (at) => ({ body: { pageInfo: { hasPreviousPage: at > 0 } } }),
  "page, pages and total": (at, first) => ({ body: { page: at + first, pages, total } }),
  "current_page, counted from one": (at) => ({ body: { current_page: at + 1 } }),
  "from (Laravel)": (at) => ({ body: { meta: { from: at * size + 1, to: (at + 1) * size } } }),
  offset: (at) => ({ body: { offset: at * size, limit: size } }),
  startAt: (at) => ({ body: { startAt: at * size } }),
  "Content-Range": (at) => ({ headers: { "Content-Range": `items ${at * size}-${at * size + 9}/*` } }),
};

describe("P15: a read that begins with the second page of a source which counts from 0", () => {
  const page = { type: "page", param: "page" } as const;

  test.each(Object.entries(places))("is told: %s", async (_name, place) => {
    const wrong = await read(
      pagesFrom(0, (at) => place(at, 0)),
      { pagination: page },
    );
    expect([wrong.records.length, wrong.error]).toEqual([25, null]);
    expect(wrong.messages).toEqual([expect.stringMatching(/^MORE_PAGES_SHOWN: .*startPage: 0/)]);
    for (const first of [0, 1]) {
      const handler = pagesFrom(first, (at) => place(at, first));
      const right = await read(handler, { pagination: { ...page, startPage: first } });
      expect([right.records.length, right.messages]).toEqual([35, []]);
    }
  });

  test.each<object>([
    { previous: 0 },
    { prev: "" },
    { prev_page: false },
    { previous: null },
    { _links: { prev: {} } },
  ])("is not, where the first page says that none is before it: %j", async (body) => {
    const { messages } = await read(
      pagesFrom(1, () => ({ body })),
      { pagination: page },
    );
    expect(messages).toEqual([]);
  });

  test.each<object>([
    { start: 1_700_000_000, from: 1_600_000_000 },
    { from: "2026-01-01", skip: "10s" },
    { page: 7 },
  ])("is not reported by numbers that are no places: %j", async (body) => {
    const { messages } = await read(
      pagesFrom(1, () => ({ body })),
      { pagination: page },
    );
    expect(messages).toEqual([]);
  });

  test("by offsets from one, where records are counted from 0, is reported by the total", async () => {
    const handler: HttpHandler = ({ url }, response) => {
      const offset = Number(url.searchParams.get("offset"));
      sendJson(response, { data: rows.slice(offset, offset + size), offset, total });
    };
    const wrong = await read(handler, { pagination: { type: "offset", param: "offset", startOffset: 1 } });
    expect([wrong.records.length, wrong.warnings]).toEqual([34, ["MORE_PAGES_SHOWN"]]);
    const right = await read(handler, { pagination: { type: "offset", param: "offset" } });
    expect([right.records.length, right.warnings]).toEqual([35, []]);
  });
});

describe("P15: pages are counted, and the source pages by tokens or links", () => {
  /** The first page whatever page is asked for, then nothing: the source knows no `page`. */
  const byToken =
    (envelope: object, headers: Record<string, string> = {}): HttpHandler =>
    ({ url }, response) => {
      const data = url.searchParams.get("page") === "1" ? rows.slice(0, size) : [];
      sendJson(response, { data, ...envelope }, headers);
    };
  const page = { type: "page", param: "page" } as const;

  test.each<[object, Record<string, string>?]>([
    [{ next_page_token: "abc" }],
    [{ paging: { next: "https://x.example/x?after=abc" } }],
    [{ links: { next: { href: "/x?cursor=abc" } } }],
    [{ "@odata.nextLink": "/x?$skiptoken=abc" }],
    [{ nextRecordsUrl: "/query/01g-2000" }],
    [{}, { Link: '</x?after=abc>; rel="next"' }],
    [{}, { "X-Next-Page": "abc" }],
  ])("is reported by %j %j, also on an empty page", async (envelope, headers) => {
    const { records, messages } = await read(byToken(envelope, headers), { pagination: page });
    expect(records).toHaveLength(size);
    expect(messages).toEqual([expect.stringMatching(/^MORE_PAGES_SHOWN: /)]);
  });

  test.each<[object, Record<string, string>?]>([
    [{ next_page: 3 }],
    [{ next: "/x?page=3" }],
    [{ links: { next: "https://x.example/x?limit=10&page=3" } }],
    [{}, { Link: '</x?page=3>; rel="next"' }],
    [{}, { "X-Next-Page": "3" }],
    [{ next: null, nextSyncToken: "abc" }],
  ])("is not reported by the number of the page behind the last: %j %j", async (envelope, headers) => {
    const { messages } = await read(byToken(envelope, headers), { pagination: page });
    expect(messages).toEqual([]);
  });
});

describe("P15: without `pagination`, more is shown by", () => {
  const first = rows.slice(0, size);

  test.each<[object, string, Record<string, string>?]>([
    [{ offset: "itrAbc/recDef" }, "`offset`"],
    [{ cursor: "abc" }, "`cursor`"],
    [{ marker: "abc" }, "`marker`"],
    [{ continuation: "abc" }, "`continuation`"],
    [{ bookmark: "abc" }, "`bookmark`"],
    [{ next_batch: "abc" }, "`next_batch`"],
    [{ resumptionToken: "abc" }, "`resumptionToken`"],
    [{ "@odata.count": 35 }, "@odata"],
    [{ response: { numFound: 35 } }, "`response.numFound`"],
    [{ LastEvaluatedKey: { id: { N: "9" } } }, "`LastEvaluatedKey`"],
    [{ exceededTransferLimit: true }, "`exceededTransferLimit`"],
    [{ continue: { apcontinue: "B" } }, "`continue`"],
    [{ total_rows: 35 }, "`total_rows`"],
    [{ truncated: true }, "`truncated`"],
    [{ complete: false }, "`complete` is false, so that more follows, or the answer is not whole"],
    [{ metadata: { remainingItemCount: 25 } }, "`metadata.remainingItemCount`"],
    [{ paging: { remaining: 25 } }, "`paging.remaining`"],
    [{ limit: 10 }, "`limit`"],
    [{ per_page: "10" }, "`per_page`"],
    [{ meta: { pageSize: 10 } }, "`meta.pageSize`"],
    [{}, "content-range", { "Content-Range": "0-9/35" }],
  ])("%j: %s", async (envelope, place, headers) => {
    const handler: HttpHandler = (_request, response) =>
      sendJson(response, { data: first, ...envelope }, headers ?? {});
    const { messages } = await read(handler, {
      statePersistence: { timestamp: { field: "at", queryParam: "since" } },
    });
    expect(messages.filter((message) => message.startsWith("MORE_PAGES_SHOWN"))).toEqual([
      expect.stringContaining(place),
    ]);
  });

  test.each<object>([
    { offset: 0, cursor: null, marker: "", bookmark: false },
    { total_rows: 10, "@odata.count": 10 },
    { limit: 10, total: 10 },
    { limit: 10, has_more: false },
    { per_page: 50, meta: { pageSize: 100 } },
    { remaining: 25, rate: { remaining: 4999, limit: 5000 } },
    { LastEvaluatedKey: null, continue: {}, exceededTransferLimit: false, truncated: false },
    { metadata: { remainingItemCount: 0 } },
  ])("but not by %j", async (envelope) => {
    const handler: HttpHandler = (_request, response) => sendJson(response, { data: first, ...envelope });
    const statePersistence = { timestamp: { field: "at", queryParam: "since" } };
    expect((await read(handler, { statePersistence })).messages).toEqual([]);
  });
});

describe("P15: a token that is an address", () => {
  const cursor = { type: "cursor", param: "token", nextCursorField: "next" } as const;
  const first =
    (next: (origin: string) => string): HttpHandler =>
    ({ url, headers }, response) => {
      const data = url.searchParams.has("token") ? [] : rows.slice(0, size);
      sendJson(response, { data, next: data.length === 0 ? null : next(`http://${headers.host}`) });
    };

  test.each<[string, (origin: string) => string]>([
    ["of the endpoint", (origin) => `${origin}/x?token=abc`],
    ["of the endpoint, with another parameter", (origin) => `${origin}/x?page_token=abc`],
    ["without the origin", () => "/x?token=abc"],
    ["of the parameters alone", () => "?token=abc"],
  ])("%s is refused, since it is to be followed: %s", async (_name, next) => {
    const { error, records } = await read(first(next), { pagination: cursor });
    expect(records).toHaveLength(size);
    expect(error).toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringContaining("`next` holds an address"),
      hint: expect.stringContaining("`type: link`"),
    });
  });

  test.each(["abc", "a/b?c", "https://other.example/x?token=abc", "urn:x", "/", "aHR0cDov/x=="])(
    "%s is a token",
    async (token) => {
      const { error, records } = await read(
        first(() => token),
        { pagination: cursor },
      );
      expect([error, records.length]).toEqual([null, size]);
    },
  );
});

describe("P15: a `dataField` that names another, empty list", () => {
  const beside = { items: rows.slice(0, 3) };
  const answer =
    (body: object): HttpHandler =>
    (_request, response) =>
      sendJson(response, body);

  test("is reported until it has held a record, and once of each other list", async () => {
    const { messages, facts } = await read(answer({ ...beside, data: [] }), {});
    expect(messages).toEqual([expect.stringMatching(/^LIST_ABSENT: .*`data` is empty.*`dataField: items`/)]);
    await using server = await startHttpServer(answer({ ...beside, data: [] }));
    expect((await readOnce({ endpoint: server.origin, ...keys }, {}, facts)).messages).toEqual([]);
  });

  test("is quiet once it has held one", async () => {
    await using full = await startHttpServer(answer({ data: rows }));
    const { facts } = await readOnce({ endpoint: full.origin, ...keys });
    await using quiet = await startHttpServer(answer({ ...beside, data: [] }));
    expect((await readOnce({ endpoint: quiet.origin, ...keys }, {}, facts)).messages).toEqual([]);
  });

  test.each<object>([
    { included: [{ id: 1 }] },
    { links: [{ rel: "self" }] },
    { tags: ["a"] },
    { items: [] },
  ])("is none next to %j", async (other) => {
    expect((await read(answer({ ...other, data: [] }), {})).messages).toEqual([]);
  });
});
