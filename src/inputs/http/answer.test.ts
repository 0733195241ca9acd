import { inspect } from "node:util";
import zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { readOnce } from "../../../test/support/http-polling.ts";
import { type HttpHandler, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { startRawHttpServer } from "../../../test/support/raw-http-server.ts";
import { stringifyJson } from "../../model/json.ts";

async function readAnswer(handler: HttpHandler, dataField?: string) {
  await using server = await startHttpServer(handler);
  return await readOnce({ endpoint: `${server.origin}/events`, dataField, retry: { attempts: 1 } });
}

const json =
  (value: unknown): HttpHandler =>
  (_request, response) =>
    sendJson(response, value);
const withStatus =
  (status: number, body: string): HttpHandler =>
  (_request, response) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(body);
const text = (type: string, body: string): HttpHandler => {
  return (_request, response) => void response.writeHead(200, { "content-type": type }).end(body);
};

test("P7: records keep every digit", async () => {
  const body = '[{"id":9007199254740993,"amount":0.12345678901234567890}]';
  const { records } = await readAnswer(json(body));
  expect(stringifyJson(records)).toBe(body);
});

test("records are found at a path", async () => {
  const { records } = await readAnswer(json({ data: { items: [{ a: 1 }] } }), "data.items");
  expect(records).toEqual([{ a: 1 }]);
});

test("204 is an answer without records", async () => {
  const { records, error } = await readAnswer(
    (_request, response) => void response.writeHead(204).end(),
    "list",
  );
  expect([records, error]).toEqual([[], null]);
});

test("206, a part of the whole, is told where no `pagination` is declared", async () => {
  const { records, messages } = await readAnswer(withStatus(206, '[{"a":1}]'));
  expect(records).toEqual([{ a: 1 }]);
  expect(messages).toEqual([expect.stringMatching(/^MORE_PAGES_SHOWN: .*status 206 says that it is a part/)]);
});

describe("an answer that is not as declared names what is there", () => {
  test.each<[string, HttpHandler, string | undefined, string, string]>([
    [
      "no such path",
      json({ items: [], total: 0 }),
      "events",
      "SOURCE_INVALID",
      "has no `events`; its keys are items, total",
    ],
    [
      "no such path, further in",
      json({ data: { rows: [] } }),
      "data.items",
      "SOURCE_INVALID",
      "its keys are rows",
    ],
    ["a job that is not done", withStatus(202, '{"job":1}'), "data", "SOURCE_INVALID", "status 202"],
    ["nothing but a 202", withStatus(202, ""), "data", "SOURCE_INVALID", "status 202"],
    ["an empty object", json({}), "data", "SOURCE_INVALID", "an empty object"],
    ["a list where a path is declared", json([{ a: 1 }]), "data", "SOURCE_INVALID", "there is a list"],
    [
      "no list at the path",
      json({ data: { a: 1 } }),
      "data",
      "SOURCE_INVALID",
      "`data` is an object, not a list",
    ],
    ["a text at the path", json({ data: "" }), "data", "SOURCE_INVALID", "`data` is a text, not a list"],
    ["a list on the way", json({ data: [{ items: [] }] }), "data.items", "SOURCE_INVALID", "there is a list"],
    ["an object without a path", json({ events: [] }), undefined, "SOURCE_INVALID", "its keys are events"],
    [
      "elements of which none is an object",
      json([5, "a"]),
      undefined,
      "RECORD_INVALID",
      "element 1 of the list is a number",
    ],
    [
      "a large number as element",
      json("[12345678901234567890]"),
      undefined,
      "RECORD_INVALID",
      "element 1 of the list is a number",
    ],
    ["a list as element", json([[1]]), undefined, "RECORD_INVALID", "is a list"],
    [
      "HTML",
      text("text/html", "<html><body>Sign in"),
      undefined,
      "SOURCE_INVALID",
      'an HTML page, not JSON, at `<` (content type: text/html): "<html><body>Sign in"',
    ],
    ["XML", text("text/xml", '<?xml version="1.0"?><a/>'), undefined, "SOURCE_INVALID", "is XML, not JSON"],
    [
      "JSON lines",
      text("application/x-ndjson", '{"id":1}\n{"id":2}\n'),
      undefined,
      "SOURCE_INVALID",
      "is JSON lines, not JSON, at character 10",
    ],
    ["CSV", text("text/csv", "id,v\n1,a\n"), undefined, "SOURCE_INVALID", "is CSV, not JSON"],
    ["a guard", text("text/plain", ")]}'\n[]"), undefined, "SOURCE_INVALID", "a guard against scripts"],
    ["NaN", text("application/json", '[{"v":NaN}]'), undefined, "SOURCE_INVALID", "not JSON, at `N`"],
    [
      "a gzip payload",
      (_request, response) => void response.end(zlib.gzipSync("[]")),
      undefined,
      "SOURCE_INVALID",
      "it is gzip data and not text",
    ],
    ["JSON with a mistake", json('{"a": [1, 2 3]}'), "a", "SOURCE_INVALID", "at character 13"],
  ])("%s", async (_name, handler, dataField, code, message) => {
    const { error } = await readAnswer(handler, dataField);
    expect(error).toMatchObject({ code, stream: "acme/events", message: expect.stringContaining(message) });
    expect(error).toMatchObject({ message: expect.stringMatching(/^page 1 \(http:\/\/127.*\/events\): /) });
  });

  test("the hint names the path of a list that is there", async () => {
    const { error } = await readAnswer(json({ total: 1, events: [] }));
    expect(error).toMatchObject({ hint: expect.stringContaining("`dataField: events`") });
  });
});

describe("P15: an answer that breaks off is SOURCE_TRUNCATED", () => {
  const cuts = ["[1,2", '{"a":1', '{"a":', '{"a"', "{", '[{"a":"b', "[tru", "[-", '[{"a":1},'];
  test.each(cuts)("%j", async (body) => {
    const { error } = await readAnswer(text("application/json", body));
    expect(error).toMatchObject({ code: "SOURCE_TRUNCATED", recoverable: true });
  });

  const oldHttp = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n";
  test.each([...cuts, "", "\n"])("%j over HTTP/1.0 is asked for again", async (body) => {
    await using server = await startRawHttpServer((socket, number) =>
      socket.end(oldHttp + (number === 1 ? body : '[{"a":1}]')),
    );
    const { records, error } = await readOnce({ endpoint: server.origin });
    expect([records, error, server.seen.length]).toEqual([[{ a: 1 }], null, 2]);
  });

  test("over HTTP/1.0, an answer that stays empty is a failure", async () => {
    await using server = await startRawHttpServer((socket) => socket.end(oldHttp));
    const { error } = await readOnce({ endpoint: server.origin, retry: { attempts: 2 } });
    expect(error).toMatchObject({
      code: "SOURCE_TRUNCATED",
      recoverable: true,
      message: expect.stringContaining("an empty body, and does not say how long it is"),
    });
  });
});

describe("text that is not UTF-8", () => {
  const latin: HttpHandler = (_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(Buffer.from('[{"mode":"r\u00e9duit"}]', "latin1"));
  };

  test("without a word of its character set it is an error, and nothing is read", async () => {
    const { records, error } = await readAnswer(latin);
    expect(records).toEqual([]);
    expect(error).toMatchObject({
      code: "SOURCE_INVALID",
      recoverable: false,
      message: expect.stringContaining("its text is not UTF-8, and names no other character set"),
      hint: expect.stringContaining("`encoding: windows-1252`"),
    });
  });

  test("is read in the character set that `encoding` declares", async () => {
    await using server = await startHttpServer(latin);
    const { records, error } = await readOnce({ endpoint: server.origin, encoding: "windows-1252" });
    expect([records, error]).toEqual([[{ mode: "r\u00e9duit" }], null]);
  });
});

test("P14: no error of a read shows a secret of the pipeline", async () => {
  await using server = await startHttpServer((request, response) => {
    response.setHeader("content-type", `text/${request.headers["x-api-key"]}`);
    response.end(`<p>${request.url.href} ${JSON.stringify(request.headers)} ${request.body}`);
  });
  const { error } = await readOnce({
    endpoint: `${server.origin}/?signature=p14-endpoint&a=1`,
    method: "POST",
    body: { a: 1 },
    queryParams: { client_secret: "p14-parameter" },
    headers: { "X-Api-Key": "p14-header" },
    authentication: { type: "basic", username: "me", password: "p14-password" },
  });
  expect(error).toMatchObject({ code: "SOURCE_INVALID" });
  const shown = inspect(error, { depth: 10 });
  expect(shown).toContain("a=1");
  expect(shown).not.toMatch(/p14-|bWU6cDE0/);
});
