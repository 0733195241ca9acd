import { describe, expect, test } from "vitest";
import { type HttpPollingKeys, type ReadResult, readOnce } from "../../../test/support/http-polling.ts";
import { sendJson, startHttpServer } from "../../../test/support/http-server.ts";

async function readOf(answer: object, keys: Partial<HttpPollingKeys>): Promise<ReadResult> {
  await using server = await startHttpServer((_request, response) => sendJson(response, answer));
  return await readOnce({ endpoint: server.origin, key: "id", ...keys });
}

const cursor = { type: "cursor", param: "token", nextCursorField: "next" } as const;
const more = { ...cursor, hasMoreField: "moreResult" } as const;
const hal = { type: "link", nextCursorField: "_links.next.href", limit: 3 } as const;

describe("an answer that leaves the list out since it is empty, on a stream that never had a record", () => {
  test.each<[string, object, Partial<HttpPollingKeys>]>([
    ["X", { meta: { result_count: 0 } }, { dataField: "data", pagination: cursor }],
    [
      "Spring HATEOAS",
      {
        _links: { self: { href: "/orders" } },
        page: { size: 20, totalElements: 0, totalPages: 0, number: 0 },
      },
      { dataField: "_embedded.orders", pagination: hal },
    ],
    [
      "Marketo",
      { requestId: "a1", success: true, moreResult: false },
      { dataField: "result", pagination: more },
    ],
    ["a count as text", { count: "0" }, { dataField: "items" }],
    ["a total inside", { data: { total: 0 } }, { dataField: "data.items", pagination: cursor }],
    ["Elasticsearch's total", { hits: { total: { value: 0, relation: "eq" } } }, { dataField: "hits.hits" }],
  ])("is complete where it says so: %s", async (_name, answer, keys) => {
    const { error, warnings, records } = await readOf(answer, keys);
    expect([error, warnings, records]).toEqual([null, [], []]);
  });

  test.each<[string, object, Partial<HttpPollingKeys>]>([
    ["nothing says that it is", {}, { dataField: "orders", pagination: { ...cursor, optional: true } }],
    ["the records are elsewhere", { items: [{ id: 1 }], count: 0 }, { dataField: "data" }],
    ["an object of records is elsewhere", { items: { a: { id: 1 } }, total: 0 }, { dataField: "data" }],
    ["the records are beside it", { data: { rows: [{ id: 1 }], total: 0 } }, { dataField: "data.items" }],
    ["another list is empty", { items: [], total: 0 }, { dataField: "data" }],
    ["a number tells of records", { count: 0, meta: { total: 7 } }, { dataField: "data" }],
    [
      "the flag stands beside records",
      { items: [{ id: 1 }], moreResult: false },
      { dataField: "data", pagination: more },
    ],
    [
      "the flag says that more follows",
      { moreResult: true, next: "a" },
      { dataField: "data", pagination: more },
    ],
    ["the flag is not declared", { moreResult: false }, { dataField: "data", pagination: cursor }],
  ])("P15: fails where %s", async (_why, answer, keys) => {
    expect((await readOf(answer, keys)).error).toMatchObject({ code: "SOURCE_INVALID" });
  });

  test.each([
    { success: false, moreResult: false },
    { moreResult: false, message: "internal error" },
    { count: 0, status: "error" },
  ])("P15: fails where it speaks of a failure: %j", async (answer) => {
    const { error } = await readOf(answer, { dataField: "data", pagination: more });
    expect(error).toMatchObject({ code: "SOURCE_PARTIAL" });
  });
});

describe("a list of objects next to a list that was always empty", () => {
  const timestamp = { field: "updated", queryParam: "since" };
  const cursored = { dataField: "data", statePersistence: { timestamp, order: "ascending" } } as const;

  test.each<[string, object, Partial<HttpPollingKeys>]>([
    [
      "lacks the key",
      { data: [], defaultReminders: [{ method: "popup", minutes: 30 }] },
      { dataField: "data" },
    ],
    ["lacks the cursor", { data: [], fields: [{ id: "name", type: "text" }] }, cursored],
    [
      "lacks one part of the key",
      { data: [], users: [{ id: 7 }] },
      { dataField: "data", key: ["id", "shop"] },
    ],
    ["stands beside a total of 0", { data: [], fields: [{ id: "name" }], total: 0 }, { dataField: "data" }],
  ])("is no list of the records where it %s", async (_why, answer, keys) => {
    const { error, warnings } = await readOf(answer, keys);
    expect([error, warnings]).toEqual([null, []]);
  });

  test.each<[string, object, Partial<HttpPollingKeys>]>([
    ["key", { data: [], orders: [{ id: 1 }] }, { dataField: "data" }],
    ["key and cursor", { data: [], orders: [{ id: 1, updated: "2026-01-01T00:00:00Z" }] }, cursored],
    ["key, beside a total of more", { data: [], orders: [{ id: 1 }], total: 1 }, { dataField: "data" }],
  ])("P15: is reported where its objects have the %s", async (_what, answer, keys) => {
    const { messages } = await readOf(answer, keys);
    expect(messages.filter((message) => message.startsWith("LIST_ABSENT"))).toEqual([
      expect.stringContaining("`dataField: orders`"),
    ]);
  });
});
