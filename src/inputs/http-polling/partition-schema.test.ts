import { describe, expect, test } from "vitest";
import { readOnce } from "../../../test/support/http-polling.ts";
import { sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { httpPollingSchema } from "./schema.ts";

const values = ["a", "b"];

describe("mistakes are found before anything runs", () => {
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

  test("braces are text where no partitions are declared", async () => {
    await using server = await startHttpServer((_request, response) => sendJson(response, []));
    await readOnce({ endpoint: server.origin, method: "POST", body: { query: "{{ me }} \\{{ you" } });
    expect(JSON.parse(server.seen[0]?.body ?? "")).toEqual({ query: "{{ me }} \\{{ you" });
  });
});
