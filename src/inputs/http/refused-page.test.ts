import { describe, expect, test } from "vitest";
import { type HttpPollingKeys, type ReadResult, readOnce } from "../../../test/support/http-polling.ts";
import { type HttpHandler, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import type { ResumePoint } from "../../model/position.ts";

const rows = (from: number) => [{ id: from }, { id: from + 1 }];
const page = { type: "page", param: "pg", limit: 2 } as const;
const cursor = { type: "cursor", param: "page_token", nextCursorField: "next" } as const;

async function read(
  handler: HttpHandler,
  pagination: HttpPollingKeys["pagination"],
  { facts, resume = null }: { facts?: ReadonlySet<string>; resume?: ResumePoint | null } = {},
): Promise<ReadResult> {
  await using server = await startHttpServer(handler);
  const keys = { endpoint: server.origin, dataField: "data", key: "id", retry: { attempts: 1 }, pagination };
  return await readOnce(keys, { resume }, facts);
}

const refusal =
  (status: number, body: unknown = { message: "bad" }): HttpHandler =>
  (_request, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };

/** Two full pages, then this. */
const behindTwo =
  (then: HttpHandler): HttpHandler =>
  (request, response) => {
    const at = Number(request.url.searchParams.get("pg") ?? request.url.searchParams.get("page_token") ?? 1);
    if (at > 2) return then(request, response);
    return sendJson(response, { data: rows(at * 2), next: String(at + 1) });
  };

describe("a page that is refused behind full pages", () => {
  test.each([400, 404, 410, 416, 422])("names `endStatuses` and what was read: %d", async (status) => {
    const { error } = await read(behindTwo(refusal(status)), page);
    expect(error).toMatchObject({
      code: "SOURCE_REFUSED",
      message: expect.stringMatching(/; pages 1 to 2 were read, the last with 2 records$/),
      hint: expect.stringContaining(`\`endStatuses: [${status}]\``),
    });
  });

  test("by a token of the source's own has no `endStatuses` to declare", async () => {
    const { error } = await read(behindTwo(refusal(404)), cursor);
    expect(error).toMatchObject({ hint: expect.stringContaining("gave this place itself") });
  });

  test.each([401, 403, 429])("speaks of the credentials or of limits by %d", async (status) => {
    const { error } = await read(behindTwo(refusal(status)), page);
    expect(String((error as { hint?: unknown }).hint)).not.toContain("endStatuses");
  });
});

describe("a first page that is refused since there is nothing", () => {
  const nothing = { error: { code: "NOT_FOUND", message: "No matches found!" } };
  const declared = { ...page, endStatuses: [404] };

  test("names `endStatuses`, and only where its words say so", async () => {
    for (const pagination of [page, undefined]) {
      const { error } = await read(refusal(404, nothing), pagination);
      expect(error).toMatchObject({ hint: expect.stringContaining("`endStatuses: [404]`") });
    }
    const { error } = await read(refusal(404, "Not Found"), page);
    expect(error).toMatchObject({ hint: expect.stringContaining("Nothing is at this address") });
  });

  test("P15: completes where the status is declared and the stream has had records, by its words alone", async () => {
    const { facts } = await read(behindTwo(refusal(404, nothing)), declared);
    const quiet = await read(refusal(404, nothing), declared, { facts });
    expect([quiet.error, quiet.records, quiet.messages]).toEqual([null, [], []]);
    for (const other of [{ error: "nothing here" }, "Not Found", { message: "no such index" }])
      expect((await read(refusal(404, other), declared, { facts })).error).toMatchObject({
        code: "SOURCE_REFUSED",
      });
    expect((await read(refusal(404, nothing), declared)).error).toMatchObject({ code: "SOURCE_REFUSED" });
    expect((await read(refusal(404, nothing), page, { facts })).error).toMatchObject({
      code: "SOURCE_REFUSED",
    });
  });
});

describe("the place at which a read is resumed", () => {
  const resume = { kind: "token", token: "z9" } as const;

  test.each<[number, unknown]>([
    [400, { message: "bad" }],
    [422, { error: "invalid page token" }],
    [409, { message: "The cursor has expired" }],
    [412, { code: "ExpiredNextToken" }],
    [200, { errors: [{ message: "The cursor has expired" }] }],
    [200, { error: { code: "InvalidCursor" }, data: [] }],
  ])("is given up where the source says that it is gone: %d %j", async (status, body) => {
    const handler: HttpHandler =
      status === 200 ? (_, response) => sendJson(response, body) : refusal(status, body);
    expect((await read(handler, cursor, { resume })).error).toMatchObject({ code: "RESUME_REFUSED" });
  });

  test.each<[number, unknown, string]>([
    [422, { message: "bad" }, "`tokenGone.statuses: [422]`"],
    [403, { message: "bad" }, "`tokenGone.statuses: [403]`"],
    [200, { errors: ["boom"] }, "`tokenGone.field`"],
  ])("is named with `tokenGone` where it does not say so: %d %j", async (status, body, words) => {
    const handler: HttpHandler =
      status === 200 ? (_, response) => sendJson(response, body) : refusal(status, body);
    const { error } = await read(handler, cursor, { resume });
    expect(error).toMatchObject({ hint: expect.stringContaining(words) });
    expect(error).toMatchObject({ hint: expect.stringContaining("tidemark state reset") });
  });

  test.each([401, 500])("is kept where the refusal is not of the place: %d", async (status) => {
    const { error } = await read(refusal(status, { message: "token expired" }), cursor, { resume });
    expect(error).toMatchObject({ code: expect.stringMatching(/^SOURCE_(?:REFUSED|UNAVAILABLE)$/) });
    expect(String((error as { hint?: unknown }).hint)).not.toContain("tokenGone");
  });
});

test("messages show the token of a page, and no credential", async () => {
  const handler: HttpHandler = ({ url }, response) =>
    url.searchParams.has("page_token")
      ? void response.writeHead(500).end()
      : sendJson(response, { data: rows(1), next: "bzox-17" });
  await using server = await startHttpServer(handler);
  const endpoint = `${server.origin}/?access_token=hidden-17`;
  const { error } = await readOnce({
    endpoint,
    dataField: "data",
    retry: { attempts: 1 },
    pagination: cursor,
  });
  expect(String(error)).toContain("page_token=bzox-17");
  expect(String(error)).not.toContain("hidden-17");
});
