import { describe, expect, test } from "vitest";
import { noOrigins } from "../source.ts";
import type { SetType } from "./entry-schema.ts";
import { expandStreams } from "./expand.ts";
import type { RawMap } from "./merge.ts";

function expand(file: RawMap, type: SetType = "httpPolling") {
  return expandStreams(file, type, { origins: noOrigins, nameOf: String });
}

/** The documents of one stream each, without what is the same for all. */
function documentsOf(file: RawMap, type?: SetType): RawMap[] {
  return expand(file, type).streams.map(({ document }) => document);
}

const output = {
  type: "database",
  connectionString: "sqlite:./x.db",
  table: "shop_{{ stream }}",
  mode: "upsert",
};
const http = { type: "httpPolling", endpoint: "https://a.example/v2", key: "id" };

test("each entry becomes the document of one stream that one would write by hand", () => {
  const streams = [
    "orders",
    {
      name: "customers",
      path: "/crm/customers?all=1",
      dataField: "{{ stream }}",
      filters: [],
      deadline: "2h",
    },
    {
      name: "audit",
      endpoint: "https://a.example/log",
      output: { type: "file", path: "./{{ stream }}.jsonl" },
    },
  ];
  const file = {
    name: "shop",
    concurrency: 3,
    deadline: "1h",
    filters: [1],
    input: { ...http, streams },
    output,
  };
  expect(documentsOf(file)).toEqual([
    {
      name: "shop",
      stream: "orders",
      deadline: "1h",
      filters: [1],
      input: { ...http, endpoint: "https://a.example/v2/orders" },
      output: { ...output, table: "shop_orders", key: "id" },
    },
    {
      name: "shop",
      stream: "customers",
      deadline: "2h",
      filters: [],
      input: { ...http, endpoint: "https://a.example/v2/crm/customers?all=1", dataField: "customers" },
      output: { ...output, table: "shop_customers", key: "id" },
    },
    {
      name: "shop",
      stream: "audit",
      deadline: "1h",
      filters: [1],
      input: { ...http, endpoint: "https://a.example/log" },
      output: { type: "file", path: "./audit.jsonl" },
    },
  ]);
});

describe("the address of a stream", () => {
  const addressOf = (endpoint: string, entry: unknown) =>
    documentsOf({ name: "x", input: { ...http, endpoint, streams: [entry] }, output })[0]?.input;

  test.each([
    ["https://a.example", "orders", "https://a.example/orders"],
    ["https://a.example/v2/", "orders", "https://a.example/v2/orders"],
    ["https://a.example/v2?tenant=1", "orders", "https://a.example/v2/orders?tenant=1"],
    ["https://a.example/v2?tenant=1", { name: "o", path: "x?y=2" }, "https://a.example/v2/x?tenant=1&y=2"],
    ["https://a.example/v2?tenant=1", { name: "o", path: "" }, "https://a.example/v2?tenant=1"],
    ["https://a.example/v2", { name: "o", path: "?y=2" }, "https://a.example/v2?y=2"],
    ["https://a.example/v2", "crm/a b", "https://a.example/v2/crm%2Fa%20b"],
    ["https://a.example/{{ stream }}/list", "crm/a", "https://a.example/crm%2Fa/list"],
    ["https://a.example/list?of={{ stream }}", "a&b", "https://a.example/list?of=a%26b"],
    ["https://a.example/v2", { name: "o", path: "/{{ stream }}/all" }, "https://a.example/v2/o/all"],
    [
      "https://a.example/v2",
      { name: "o", path: "/r/{{ partition }}" },
      "https://a.example/v2/r/{{ partition }}",
    ],
    ["https://a.example/v2", { name: "o", endpoint: "https://a.example/x" }, "https://a.example/x"],
  ])("%s and %j are %s", (endpoint, entry, address) => {
    expect(addressOf(endpoint, entry)).toMatchObject({ endpoint: address });
  });

  test("has no name in its host, and no step that climbs", () => {
    const found = (endpoint: string, name: string) =>
      expand({ name: "x", input: { ...http, endpoint, streams: [name] }, output }).streams[0]?.findings;
    expect(found("https://{{ stream }}.example/", "a")).toMatchObject([
      {
        code: "VALUE_INVALID",
        path: ["input", "endpoint"],
        message: expect.stringContaining("not in the host"),
      },
    ]);
    expect(found("https://a.example/{{ stream }}/b", "..")).toMatchObject([{ code: "VALUE_INVALID" }]);
    expect(found("https://a.example/b", "..")).toMatchObject([{ code: "VALUE_INVALID", path: ["stream"] }]);
  });
});

describe("names in the place of placeholders", () => {
  const filledOf = (
    entry: unknown,
    more: { input?: RawMap; output?: RawMap },
    type: SetType = "httpPolling",
  ) => {
    const base = type === "httpPolling" ? http : { type: "database", connectionString: "sqlite:./a.db" };
    const file = {
      name: "x",
      input: { ...base, ...more.input, streams: [entry] },
      output: more.output ?? output,
    };
    return expand(file, type).streams[0];
  };

  test("tables and files get the safe name, and keep placeholders of their own", () => {
    const made = (target: RawMap) => filledOf("crm/Aufträge 1", { output: target })?.document.output;
    expect(made({ type: "database", table: "raw.{{stream}}_x" })).toMatchObject({
      table: "raw.crm_Aufträge_1_x",
    });
    expect(made({ type: "file", path: "out/{{ stream }}-{{ date }}.csv" })).toMatchObject({
      path: "out/crm_Aufträge_1-{{ date }}.csv",
    });
    expect(made({ type: "console", deadLetter: { path: "{{ stream }}.bad" } })).toMatchObject({
      deadLetter: { path: "crm_Aufträge_1.bad" },
    });
  });

  test("a table's name is never longer than PostgreSQL keeps, and two long ones stay apart", () => {
    const tableOf = (name: string) => filledOf(name, {})?.document.output;
    const [one, other] = [tableOf(`${"a".repeat(80)}1`), tableOf(`${"a".repeat(80)}2`)];
    expect(one).toMatchObject({ table: expect.stringMatching(/^"?shop_a{49}_[0-9a-f]{8}"?$/) });
    expect(one).not.toEqual(other);
  });

  test("tables have a schema and a name", () => {
    const made = (entry: unknown, table: string) =>
      filledOf(entry, { output: { type: "database", table } }, "database");
    expect(made("sales.orders", "raw.{{ schema }}_{{ table }}")?.document.output).toMatchObject({
      table: "raw.sales_orders",
    });
    expect(
      made({ name: "o", table: '"odd.schema".orders' }, "{{ schema }}_{{ table }}_{{ stream }}")?.document
        .output,
    ).toMatchObject({
      table: "odd_schema_orders_o",
    });
    expect(made("orders", "{{ schema }}_{{ table }}")?.findings).toMatchObject([
      { code: "VALUE_INVALID", path: ["output", "table"] },
    ]);
    expect(made({ name: "q", query: "SELECT 1" }, "{{ table }}")?.findings).toMatchObject([
      { code: "VALUE_INVALID" },
    ]);
    expect(made("orders", "{{ tabel }}")?.findings).toMatchObject([
      { message: expect.stringMatching(/holds `\{\{ tabel \}\}`, which means nothing here/) },
    ]);
  });

  test("requests get the name as it is, and templates do not read it", () => {
    const input = {
      queryParams: { of: ["{{ stream }}", 1], at: "\\{{ stream }}" },
      headers: { "X-Of": "{{ stream }}/{{ partition }}" },
      body: { list: { name: "{{stream}}" } },
      dataField: "data.{{ stream }}",
    };
    expect(filledOf("a {{b}}", { input })?.document.input).toMatchObject({
      queryParams: { of: ["a \\{{b}}", 1], at: "\\{{ stream }}" },
      headers: { "X-Of": "a \\{{b}}/{{ partition }}" },
      body: { list: { name: "a \\{{b}}" } },
      dataField: "data.a {{b}}",
    });
  });

  test("an output that sends requests gets them too, with a warning where the record's field may be meant", () => {
    const target = {
      type: "httpRequest",
      endpoint: "https://t.example/{{ stream }}/{{ id }}",
      body: { of: "{{ stream }}" },
    };
    const made = filledOf("crm/a", { output: target });
    expect(made?.document.output).toMatchObject({
      endpoint: "https://t.example/crm%2Fa/{{ id }}",
      body: { of: "crm/a" },
    });
    expect(made?.findings).toMatchObject([
      { code: "STREAM_PLACEHOLDER", severity: "warning", path: ["output", "body"] },
    ]);
  });

  test.each(["query", "where", "table"])("SQL is not filled: `%s`", (key) => {
    const made = filledOf({ name: "o", [key]: "x = '{{ stream }}'" }, {}, "database");
    expect(made?.findings).toContainEqual(
      expect.objectContaining({ code: "VALUE_INVALID", path: ["input", key] }),
    );
  });
});

test("P14: a stream of another origin keeps neither credentials nor headers nor the limit of the base", () => {
  const base = {
    ...http,
    authentication: { type: "bearer", token: "t" },
    headers: { A: "1" },
    rateLimit: { requestsPerSecond: 1 },
  };
  const inputOf = (entry: RawMap) =>
    documentsOf({ name: "x", input: { ...base, streams: [entry] }, output })[0]?.input;
  for (const endpoint of [
    "https://b.example/",
    "http://a.example/v2",
    "https://a.example:8443/",
    "https://a.example.evil/v2",
    "nonsense",
  ]) {
    const input = inputOf({ name: "a", endpoint, headers: { B: "2" } });
    expect(input).toEqual({ type: "httpPolling", endpoint, key: "id", headers: { B: "2" } });
  }
  expect(inputOf({ name: "a", endpoint: "https://a.example/other" })).toMatchObject({
    authentication: base.authentication,
    headers: base.headers,
    rateLimit: base.rateLimit,
  });
});

test("a finding points at the entry where the entry gave the value, at the base where it did, and else at the entry", () => {
  const streams = [
    "a",
    { name: "b", path: "/x", retry: { attempts: 2 }, output: { mode: "append" }, filters: [1] },
  ];
  const file = { name: "x", filters: [], input: { ...http, retry: { maxDelayMs: 1 }, streams }, output };
  const [text, map] = expand(file).streams;
  expect(map?.placeOf(["input", "retry", "attempts"])).toEqual(["input", "streams", 1, "retry", "attempts"]);
  expect(map?.placeOf(["input", "retry", "maxDelayMs"])).toEqual(["input", "retry", "maxDelayMs"]);
  expect(map?.placeOf(["input", "key"])).toEqual(["input", "key"]);
  expect(map?.placeOf(["input"])).toEqual(["input", "streams", 1]);
  expect(map?.placeOf(["input", "missing"])).toEqual(["input", "streams", 1]);
  expect(map?.placeOf(["output", "mode"])).toEqual(["input", "streams", 1, "output", "mode"]);
  expect(map?.placeOf(["output", "table"])).toEqual(["output", "table"]);
  expect(map?.placeOf(["filters", 0, "type"])).toEqual(["input", "streams", 1, "filters", 0]);
  expect(map?.placeOf(["stream"])).toEqual(["input", "streams", 1, "name"]);
  expect(map?.placeOf([])).toEqual([]);
  expect(text?.placeOf(["stream"])).toEqual(["input", "streams", 0]);
  expect(text?.placeOf(["output", "key"])).toEqual(["input", "key"]);
});
