import { describe, expect, test } from "vitest";
import { readOnce } from "../../../test/support/http-polling.ts";
import { sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { httpPollingSchema } from "./schema.ts";

const values = ["a", "b"];

describe("errors are found before anything runs", () => {
  const base = { type: "httpPolling", endpoint: "https://x.example/{{ partition }}" };
  const from = { type: "httpPolling", endpoint: "https://x.example/names" };

  test.each<[object, string]>([
    [{ partitions: { values: [] } }, "partitions.values: "],
    [
      { partitions: { values: ["a", " b"] } },
      "partitions.values.1: cannot name a partition: it begins or ends",
    ],
    [{ partitions: {} }, "partitions: needs `values`, a list of names, or `from`"],
    [{ partitions: { values, from, field: "n" } }, "partitions.from: cannot be given together"],
    [{ partitions: { from } }, "partitions.from: needs `field`"],
    [{ partitions: { values, field: "n" } }, "partitions.field: goes with `from`"],
    [{ partitions: { values, concurrency: 0 } }, "partitions.concurrency: "],
    [{ partitions: { values, concurency: 2 } }, 'partitions: Unrecognized key: "concurency"'],
    [{ partitions: { values, as: "a..b" } }, "partitions.as: a path is names"],
    [{ endpoint: "https://x.example", partitions: { values } }, "partitions: needs `{{ partition }}` in"],
    [{ endpoint: "https://x.example/{{ partition }}" }, "endpoint: holds `{{ partition }}`, and no"],
    [
      { endpoint: "https://x.example", queryParams: { a: "{{ partition }}" } },
      "queryParams.a: holds `{{ partition }}`, and no",
    ],
    [
      { queryParams: { a: "{{ partiton }}" }, partitions: { values } },
      "queryParams.a: `{{ partition }}` is all",
    ],
    [{ headers: { a: "{{ partition" }, partitions: { values } }, "headers.a: `{{ partition }}` is all"],
    [{ endpoint: "https://{{ partition }}.example", partitions: { values } }, "endpoint: "],
    [
      { partitions: { from: { ...from, statePersistence: {} }, field: "n" } },
      'partitions.from: Unrecognized key: "statePersistence"',
    ],
    [
      { partitions: { from: { ...from, body: { a: 1 } }, field: "n" } },
      "partitions.from.body: a GET has no body",
    ],
    [
      { partitions: { from: { ...from, pagination: { type: "seek", limit: 3 } }, field: "n" } },
      "partitions.from.pagination.type: ",
    ],
  ])("%j", (keys, expected) => {
    const { error } = httpPollingSchema.safeParse({ ...base, ...keys });
    const found = (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  const endpoint = "https://x.example/items";
  const post = { endpoint, method: "POST" };
  const meansNothing = "means nothing here";
  test.each<[object, string]>([
    [{ endpoint: "https://x.example/items/{{ page }}" }, `endpoint: \`{{ page }}\` ${meansNothing}`],
    [
      { endpoint, queryParams: { a: ["x", "{{since}}"] } },
      `queryParams.a.1: \`{{ since }}\` ${meansNothing}`,
    ],
    [{ endpoint, headers: { "If-Modified-Since": "{{ lower }}" } }, `headers.If-Modified-Since: `],
    [{ ...post, body: "modified > {{ lower }}" }, `body: \`{{ lower }}\` ${meansNothing}`],
    [{ ...post, body: { a: { b: "{{ x }}" } } }, `body.a.b: \`{{ x }}\` ${meansNothing}`],
    [{ ...post, body: { "{{ x }}": 1 } }, "body.{{ x }}: a field's name cannot hold a placeholder"],
    [{ endpoint, queryParams: { a: "{{ since" } }, "queryParams.a: `{{` begins a placeholder"],
    [
      {
        endpoint: "https://x.example/{{ partition }}",
        partitions: { from: { type: "httpPolling", endpoint: "https://x.example/{{ page }}" }, field: "n" },
      },
      `partitions.from.endpoint: \`{{ page }}\` ${meansNothing}`,
    ],
  ])("a placeholder that nothing fills in is one: %j", (keys, expected) => {
    const { error } = httpPollingSchema.safeParse({ type: "httpPolling", ...keys });
    const found = (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  test("escaped braces are sent as text", async () => {
    await using server = await startHttpServer((_request, response) => sendJson(response, []));
    await readOnce({
      endpoint: `${server.origin}/?a=\\{{b}}`,
      method: "POST",
      queryParams: { c: "\\{{ d }}" },
      headers: { "x-text": "\\{{ e }}" },
      body: { query: "{ a { b }} \\{{ you" },
    });
    const [seen] = server.seen;
    expect(seen?.url.searchParams.getAll("a")).toEqual(["{{b}}"]);
    expect(seen?.url.searchParams.getAll("c")).toEqual(["{{ d }}"]);
    expect(seen?.headers["x-text"]).toBe("{{ e }}");
    expect(JSON.parse(seen?.body ?? "")).toEqual({ query: "{ a { b }} {{ you" });
  });
});
