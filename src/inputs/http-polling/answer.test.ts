import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { readOnce } from "../../../test/support/http-polling.ts";
import { type HttpHandler, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { stringifyJson } from "../../model/json.ts";

async function readAnswer(handler: HttpHandler, dataField?: string) {
  await using server = await startHttpServer(handler);
  return await readOnce({ endpoint: `${server.origin}/events`, dataField, retry: { attempts: 1 } });
}

const json =
  (value: unknown): HttpHandler =>
  (_request, response) =>
    sendJson(response, value);
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
    ["an error with status 200", json({ error: "quota" }), "data", "SOURCE_INVALID", "its keys are error"],
    ["an empty object", json({}), "data", "SOURCE_INVALID", "an empty object"],
    ["a list where a path is declared", json([{ a: 1 }]), "data", "SOURCE_INVALID", "there is a list"],
    [
      "no list at the path",
      json({ data: { a: 1 } }),
      "data",
      "SOURCE_INVALID",
      "`data` is an object, not a list",
    ],
    ["null at the path", json({ data: null }), "data", "SOURCE_INVALID", "`data` is null, not a list"],
    ["an object without a path", json({ events: [] }), undefined, "SOURCE_INVALID", "its keys are events"],
    [
      "elements that are no objects",
      json([{ a: 1 }, 5]),
      undefined,
      "RECORD_INVALID",
      "element 2 of the list is a number",
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
      'content type: text/html): "<html><body>Sign in"',
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
  test.each(["[1,2", '{"a":1', '{"a":', '{"a"', "{", '[{"a":"b', "[tru", "[-", '[{"a":1},', "", " \n"])(
    "%j",
    async (body) => {
      const { error } = await readAnswer(text("application/json", body));
      expect(error).toMatchObject({ code: "SOURCE_TRUNCATED", recoverable: true });
    },
  );
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
