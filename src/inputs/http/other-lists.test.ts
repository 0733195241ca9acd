import { describe, expect, test } from "vitest";
import { type HttpPollingKeys, type ReadResult, readOnce } from "../../../test/support/http-polling.ts";
import { sendJson, startHttpServer } from "../../../test/support/http-server.ts";

const rows = [{ id: 1 }, { id: 2 }];

async function read(
  answer: unknown,
  facts: ReadonlySet<string>,
  keys: Partial<HttpPollingKeys> = {},
): Promise<ReadResult> {
  await using server = await startHttpServer((_request, response) => sendJson(response, answer));
  return await readOnce({ endpoint: server.origin, dataField: "data.events", ...keys }, {}, facts);
}

const known: ReadonlySet<string> = new Set(["list:data.events"]);

describe("P15: a source that gives its records at another place than before", () => {
  test.each<[string, unknown]>([
    ["items", { items: rows }],
    ["data.items", { data: { items: rows } }],
    ["result.events", { result: { events: rows } }],
    ["data", { data: null, page: 1, rows }],
  ])("is reported, and not taken for quiet: %s", async (place, answer) => {
    const { error, records, messages } = await read(answer, known);
    expect([error, records]).toEqual([null, []]);
    expect(messages).toEqual([
      expect.stringMatching(/^LIST_ABSENT: the answer has no list at `data\.events`/),
    ]);
    expect(messages[0]).toContain(`\`dataField: ${place === "data" ? "rows" : place}\``);
  });

  test("lists that were next to the records before say nothing", async () => {
    const beside = { shops: [{ id: 7 }] };
    const { facts } = await read({ data: { events: rows }, ...beside }, new Set());
    expect(await read(beside, facts)).toMatchObject({ error: null, records: [], warnings: [] });
    expect((await read({ ...beside, orders: rows }, facts)).warnings).toEqual(["LIST_ABSENT"]);
  });

  test.each<[unknown]>([
    [{ links: [{ rel: "self", href: "/events" }] }],
    [{ data: { warnings: [{ code: 17 }] } }],
    [{ meta: { sorts: [{ by: "at" }] } }],
    [{ data: { tags: ["a", "b"], ids: [1, 2] } }],
    ['{"data":{"ids":[12345678901234567890]}}'],
    [{ data: { events: null } }],
  ])("an answer that has no other records is a quiet one: %j", async (answer) => {
    expect(await read(answer, known)).toMatchObject({ error: null, records: [], warnings: [] });
  });
});
