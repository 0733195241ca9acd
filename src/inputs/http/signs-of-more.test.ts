import { describe, expect, test } from "vitest";
import { readOnce } from "../../../test/support/http-polling.ts";
import { type HttpHandler, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { always, readAnswers as read } from "../../../test/support/one-answer.ts";

const rows = [{ id: 1 }, { id: 2 }, { id: 3 }];

describe("without pagination", () => {
  test.each([
    ["an address", { next: "/p/2" }, {}],
    ["a flag", { has_more: true }, {}],
    ["a token", { paging: { next_cursor: "abc" } }, {}],
    ["a number of pages", { page: 1, pages: 4 }, {}],
    ["a number of records", { total: 40 }, {}],
    ["a Link header", {}, { link: '</p/2>; rel="next"' }],
    ["a header with a total", {}, { "X-Total-Count": "40" }],
    ["a total as an object", { hits: 3, meta: { total: { value: 57, relation: "eq" } } }, {}],
    ["a range of a whole", {}, { "Content-Range": "items 0-2/57" }],
    ["a count above the list's length", { count: 57 }, {}],
  ])("%s in the envelope is reported", async (_what, envelope, headers) => {
    const { error, messages } = await read(always({ data: rows, ...envelope }, headers), undefined);
    expect([error, messages]).toEqual([null, [expect.stringMatching(/^MORE_PAGES_SHOWN: no `pagination`/)]]);
  });

  test.each([
    ["nothing of the kind", {}],
    ["a count of the list", { count: 3, meta: { total: { value: 3, relation: "eq" } } }],
    ["a last page", { next: null, has_more: false, total: 3, total_pages: 1, next_page: "" }],
    ["a flag of the end beside an address that is always there", { next: "/p/2", has_more: false }],
    ["the same names somewhere else", { included: { next: "/p/2", has_more: true } }],
  ])("%s is not", async (_what, envelope) => {
    expect((await read(always({ data: rows, ...envelope }), undefined)).warnings).toEqual([]);
  });

  test.each(["items 0-2/3", "items 0-2/*", "bytes 0-2/57", "items"])("the range %s is not", async (range) => {
    const headers = { "Content-Range": range };
    expect((await read(always({ data: rows }, headers), undefined)).warnings).toEqual([]);
  });

  test("the total of Elasticsearch's hits is reported", async () => {
    const body = { took: 1, hits: { total: { value: 57, relation: "eq" }, hits: rows } };
    const { messages } = await read(always(body), undefined, { dataField: "hits.hits" });
    expect(messages).toEqual([
      expect.stringContaining("`hits.total.value` shows that there are more records"),
    ]);
  });

  test("what is inside records says nothing", async () => {
    const data = [{ id: 1, next: "/p/2", has_more: true, total: 40, paging: { next: "x" } }];
    expect((await read(always({ data }), undefined)).warnings).toEqual([]);
    expect((await read(always(data), undefined, {})).warnings).toEqual([]);
  });

  test("the envelope includes the objects around a list that lies deeper", async () => {
    const body = { data: { issues: { nodes: rows, pageInfo: { hasNextPage: true, endCursor: "x" } } } };
    const { warnings } = await read(always(body), undefined, { dataField: "data.issues.nodes" });
    expect(warnings).toEqual(["MORE_PAGES_SHOWN"]);
  });
});

describe("a first page that says that it is not the first", () => {
  /** As Spring answers, which counts pages from 0. */
  const spring: HttpHandler = ({ url }, response) => {
    const number = Number(url.searchParams.get("page"));
    const data = number < 3 ? [{ id: number }] : [];
    sendJson(response, { data, number, first: number === 0, last: number >= 2 });
  };
  const page = { type: "page", param: "page" } as const;

  test("is reported, with the setting that begins at 0", async () => {
    const { error, messages } = await read(spring, page);
    expect([error, messages]).toEqual([null, [expect.stringMatching(/`pagination.startPage: 0`/)]]);
  });

  test("warns of no read that begins elsewhere", async () => {
    expect((await read(spring, { ...page, startPage: 0 })).messages).toEqual([]);
    await using server = await startHttpServer(spring);
    const resume = { kind: "page", token: "1" } as const;
    const resumed = await readOnce(
      { endpoint: server.origin, dataField: "data", pagination: page },
      { resume },
    );
    expect(resumed.messages).toEqual([]);
  });

  test("warns of no source that counts from 1", async () => {
    const body = { data: [], page: 1, first: true };
    expect((await read(always(body), page)).messages).toEqual([]);
  });
});
