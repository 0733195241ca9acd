import { describe, expect, test } from "vitest";
import { z } from "zod";
import { httpPollingSchema } from "./schema.ts";

const endpoint = "https://source.example.com/api/events";

function mistakes(keys: object): string[] {
  const { error } = httpPollingSchema.safeParse({ type: "httpPolling", endpoint, ...keys });
  return (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

test("the reference's pipeline is taken as it stands", () => {
  const config = httpPollingSchema.parse({
    type: "httpPolling",
    endpoint,
    dataField: "events",
    statePersistence: {
      timestamp: { enabled: true, field: "event.timestamp", queryParam: "updated_after" },
      id: { enabled: true, field: "event.id", queryParam: "after_id" },
      storagePath: "./.cannectors-state",
    },
  });
  expect(config).toMatchObject({ method: "GET", timeoutMs: 30_000, retry: { attempts: 5 } });
});

const timestamp = { field: "t", queryParam: "since" };
const page = { type: "page", param: "page" };
const seek = { type: "seek", limit: 100 };
const ascending = { timestamp, order: "ascending" };

describe("errors are found before anything runs", () => {
  test.each<[object, string]>([
    [{ endpont: "x" }, ': Unrecognized key: "endpont"'],
    [{ endpoint: "ftp://a/b" }, "endpoint: Invalid URL"],
    [{ endpoint: "https://me:secret@a/b" }, "endpoint: an address with a name or password in it"],
    [{ body: { a: 1 } }, "body: a GET has no body"],
    [{ paramsIn: "body" }, "paramsIn: a GET has no body"],
    [
      { method: "POST", paramsIn: "body", body: "text" },
      "body: parameters can only be put into a body that is an object",
    ],
    [{ headers: { "a b": "c" } }, "headers.a b: "],
    [{ authentication: { type: "bearer", tokn: "x" } }, 'authentication: Unrecognized key: "tokn"'],
    [{ authentication: { type: "magic" } }, "authentication.type: "],
    [{ rateLimit: {} }, "rateLimit: "],
    [{ pagination: { ...page, limitParam: "limit" } }, "pagination.limitParam: needs `limit`"],
    [{ pagination: { type: "cursor", param: "c" } }, "pagination.nextCursorField: "],
    [{ pagination: { ...page, nextCursorField: "x" } }, 'pagination: Unrecognized key: "nextCursorField"'],
    [
      { pagination: { ...page, limitParam: "page", limit: 5 } },
      "pagination.limitParam: `page` is already sent for `pagination.param`",
    ],
    [
      { statePersistence: { timestamp, id: { field: "id", queryParam: "since" } } },
      "statePersistence.id.queryParam: `since` is already sent for `statePersistence.timestamp.queryParam`",
    ],
    [
      { statePersistence: { offset: { queryParam: "o" } }, pagination: { type: "offset", param: "skip" } },
      "pagination.param: must be `o`",
    ],
    [
      { statePersistence: { offset: { queryParam: "o" } }, pagination: page },
      "pagination.type: an offset cursor pages by itself",
    ],
    [
      {
        statePersistence: { timestamp, offset: { queryParam: "o" } },
        pagination: { type: "cursor", param: "c", nextCursorField: "n" },
      },
      "pagination.type: an offset cursor pages by itself",
    ],
    [{ pagination: { type: "seek" }, statePersistence: ascending }, "pagination.limit: "],
    [
      { pagination: seek, statePersistence: { timestamp } },
      "pagination.type: seek needs a source that sorts by the cursor: declare `statePersistence.order: ascending`; it is unordered",
    ],
    [
      { pagination: seek, statePersistence: { timestamp, order: "descending" } },
      "pagination.type: seek needs a source that sorts by the cursor",
    ],
    [
      { pagination: seek, statePersistence: { order: "ascending" } },
      "pagination.type: seek moves the bound of an enabled `timestamp` or `id`",
    ],
    [
      { pagination: seek, statePersistence: { offset: { queryParam: "o" }, order: "ascending" } },
      "pagination.type: seek moves the bound of an enabled `timestamp` or `id`",
    ],
    [
      { pagination: { ...seek, offsetParam: "since" }, statePersistence: ascending },
      "pagination.offsetParam: `since` is already sent for `statePersistence.timestamp.queryParam`",
    ],
    [
      { pagination: { ...seek, totalField: "total" }, statePersistence: ascending },
      'pagination: Unrecognized key: "totalField"',
    ],
  ])("%j", (keys, expected) => {
    const found = mistakes(keys).filter(
      (mistake) => mistake.startsWith(expected) || mistake.includes(expected),
    );
    expect(found, mistakes(keys).join("\n")).toHaveLength(1);
  });

  test.each<object>([
    { statePersistence: { offset: { queryParam: "o" } } },
    { statePersistence: { offset: { queryParam: "o" } }, pagination: { type: "offset", param: "o" } },
    { statePersistence: { offset: { queryParam: "o" } }, pagination: { type: "link" } },
    { statePersistence: { timestamp, offset: { enabled: false, queryParam: "o" } }, pagination: page },
    { pagination: { ...seek, limitParam: "n", offsetParam: "skip" }, statePersistence: ascending },
    { pagination: seek, statePersistence: { id: { field: "id", queryParam: "after" }, order: "ascending" } },
    { endpoint: "http://127.0.0.1:8080/?a=b", rateLimit: { requestsPerSecond: 0.5 } },
    { method: "POST", body: '{"a":1}', rateLimit: { requests: 100, perMs: 60_000 } },
  ])("%j is fine", (keys) => {
    expect(mistakes(keys)).toEqual([]);
  });
});

test("the JSON Schema describes every key, at every depth", () => {
  const bare: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== "object" || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      if (key !== "properties") walk(child, `${path}/${key}`);
      else for (const [name, property] of Object.entries(child)) check(property, `${path}.${name}`);
    }
  };
  const check = (property: unknown, path: string): void => {
    const isObject = typeof property === "object" && property !== null;
    if (isObject && !("description" in property) && !("const" in property)) bare.push(path);
    walk(property, path);
  };
  walk(z.toJSONSchema(httpPollingSchema, { io: "input" }), "");
  expect(bare).toEqual([]);
});
