import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { told, written } from "../../../test/support/pipeline-files.ts";
import { loadPipelines } from "../load.ts";

const shop = `name: shop
connector: shop_eu
input:
  type: httpPolling
  endpoint: https://api.example.com/v2
  key: id
  statePersistence:
    timestamp: { field: updated_at, queryParam: updated_since }
    order: ascending
  streams:
`;
const table = `output:
  type: database
  connectionString: sqlite:./shop.db
  table: "shop_{{ stream }}"
  mode: upsert
`;

/** What is said of a shop with these entries; the first of them is at line 11. */
const toldOf = (entries: string, output = table) => told(`${shop}${entries}${output}`);

describe("what is wrong with an entry is told at the entry", () => {
  test.each<[string, string, string[]]>([
    [
      "a name twice",
      "    - a\n    - name: a\n",
      ["12:13 CONFIG_INCOHERENT the stream `a` is declared already, at line 11"],
    ],
    [
      "no name",
      "    - path: /a\n",
      ["11:7 KEY_MISSING `input.streams[0].name` is missing (a stream's name is the second half of its key)"],
    ],
    [
      "a name that cannot be one",
      '    - " a"\n',
      ["11:7 VALUE_INVALID `input.streams[0]` cannot be a name: it begins or ends with a space"],
    ],
    [
      "a mistyped key",
      "    - { name: a, pth: /b }\n",
      ["11:18 KEY_UNKNOWN unknown key `pth` under `input.streams[0]`; did you mean `path`?"],
    ],
    [
      "a mistyped key below",
      "    - { name: a, retry: { atempts: 2 } }\n",
      ["11:27 KEY_UNKNOWN unknown key `atempts` under `input.retry`; did you mean `attempts`?"],
    ],
    [
      "a value of another kind",
      "    - { name: a, timeoutMs: soon }\n",
      ['11:29 VALUE_INVALID `input.timeoutMs`: expected a whole number, found "soon"'],
    ],
    [
      "an output's value",
      "    - { name: a, output: { mode: upset } }\n",
      ['11:34 VALUE_INVALID `output.mode`: "upset" is not known; did you mean `upsert`?'],
    ],
    [
      "a key of the whole file",
      "    - { name: a, type: database }\n",
      [
        "11:18 CONFIG_INCOHERENT `type` belongs to the whole file, and is in an entry of `streams` (declare it under `input`, beside `streams`)",
      ],
    ],
    [
      "a state of its own",
      "    - { name: a, statePersistence: { storagePath: ./x } }\n",
      [
        "11:38 CONFIG_INCOHERENT state is kept for the whole file, and `storagePath` is in an entry of `streams` (declare it in `input.statePersistence`, beside `streams`)",
      ],
    ],
    [
      "a path that climbs",
      "    - { name: a, path: x/../b }\n",
      ["11:24 VALUE_INVALID `input.streams[0].path`: `.` or `..` cannot be a step of a path"],
    ],
    [
      "a path with a host",
      "    - { name: a, path: //other.example }\n",
      [
        "11:24 VALUE_INVALID `input.streams[0].path`: begins with `//`, which is another host; an address is an `endpoint`",
      ],
    ],
    [
      "a path beside an endpoint",
      '    - { name: a, path: /x, endpoint: "https://api.example.com/y" }\n',
      [
        "11:24 VALUE_INVALID `input.streams[0].path`: is added to the base's endpoint, and the entry has an `endpoint` too",
      ],
    ],
    [
      "a parent, which comes later",
      "    - { name: a, parent: b }\n",
      ["11:18 CONFIG_INCOHERENT `parent` cannot be used in `streams` yet (declare `partitions.from`)"],
    ],
    [
      "an upsert without a key",
      "    - { name: a, key: null }\n",
      [
        "11:18 CONFIG_INCOHERENT `mode: upsert` needs a `key`, and neither this stream nor the output declares one (declare `key`, or `output: { mode: append }`)",
      ],
    ],
    [
      "an entry that is a list",
      "    - [a]\n",
      ["11:7 VALUE_INVALID `input.streams[0]`: expected a name, or keys with values (`key: value`)"],
    ],
    [
      "a name that no address can have",
      "    - ..\n",
      ["11:7 VALUE_INVALID `..` cannot be a step of an address (declare a `path`)"],
    ],
  ])("%s", async (_, entries, said) => {
    expect(await toldOf(entries)).toEqual(said);
  });

  test("an empty list, a `stream` of the file, and `concurrency` without streams", async () => {
    expect(await told(`${shop.replace("streams:\n", "streams: []\n")}${table}`)).toEqual([
      "10:12 CONFIG_INCOHERENT `input.streams` is an empty list, so nothing would be read (name the streams, or leave `streams` out for a file of one stream)",
    ]);
    expect(await told(`stream: a\n${shop}    - b\n${table}`)).toEqual([
      "1:1 CONFIG_INCOHERENT `stream` is the name of one stream, and with `input.streams` each has its own (take it out, or name an entry of `streams` `a`)",
    ]);
    const one =
      "name: a\nconcurrency: 2\ninput: { type: httpPolling, endpoint: https://a.example }\noutput: { type: console }\n";
    expect((await told(one)).filter((line) => line.includes("INCOHERENT"))).toEqual([
      "2:1 CONFIG_INCOHERENT `concurrency` is how many streams run at once, and `input.streams` declares none (slices and partitions have a `concurrency` of their own)",
    ]);
  });

  test("an error of the base is told once, at its place, and one that a few streams have names them", async () => {
    const wrong = shop.replace("  key: id", "  key: id\n  pageSice: 3");
    expect(await told(`${wrong}    - a\n    - b\n${table}`)).toEqual([
      expect.stringMatching(/^7:3 KEY_UNKNOWN unknown key `pageSice` under `input`/),
    ]);
    const some = shop.replace("order: ascending", "order: ascending\n    lookback: PT1H");
    const append = table.replace("upsert", "append");
    expect(
      await told(
        `${some}    - a\n    - { name: b, statePersistence: { lookback: null } }\n    - c\n${append}`,
      ),
    ).toEqual([
      expect.stringMatching(
        /^10:5 CONFIG_INCOHERENT `lookback` reads records again, .* \(in the streams `a` and `c`\) /,
      ),
    ]);
  });

  test("of errors that differ only by the stream, ten are told and the others counted", async () => {
    const entries = Array.from({ length: 1000 }, (_, i) => `    - { name: s${i}, timeoutMs: none }\n`).join(
      "",
    );
    const said = await toldOf(entries);
    expect(said).toHaveLength(10);
    expect(said[0]).toMatch(/^11:.* found "none"$/);
    expect(said[9]).toMatch(/^20:.* found "none"; and so in 990 more streams$/);
  });
});

describe("streams with one target", () => {
  test("are refused at each of them, with the cure", async () => {
    const said = await toldOf("    - a\n    - b\n", table.replace("shop_{{ stream }}", "shop"));
    const message =
      'the streams `a` and `b` write to the table shop; each needs a target of its own (write `table: "{{ stream }}"` under `output`, or `output: { table: … }` in the entry of one of them)';
    expect(said).toEqual([`11:7 CONFIG_INCOHERENT ${message}`, `12:7 CONFIG_INCOHERENT ${message}`]);
  });

  test("are found by the safe name, as the database compares names, and for files", async () => {
    expect(await toldOf("    - crm/a\n    - crm.a\n")).toHaveLength(2);
    expect(await toldOf("    - Orders\n    - orders\n")).toHaveLength(2);
    expect(
      await toldOf("    - Orders\n    - orders\n", table.replace("sqlite:./shop.db", "postgres://u@h/d")),
    ).toEqual([]);
    expect(await toldOf("    - a\n    - b\n", "output: { type: file, path: ./x.jsonl }\n")).toHaveLength(2);
    expect(
      await toldOf("    - a\n    - b\n", 'output: { type: file, path: "./{{ stream }}.jsonl" }\n'),
    ).toEqual([]);
    expect(await toldOf("    - a\n    - b\n", "output: { type: console }\n")).toEqual([]);
  });

  test("and a table that the file itself reads", async () => {
    const text = `name: crm
input:
  type: database
  connectionString: sqlite:./crm.db
  streams: [{ table: orders, key: id }, { table: copies, key: id }]
output: { type: database, connectionString: sqlite:./crm.db, table: copies, key: id }
`;
    expect(await told(text)).toContainEqual(
      expect.stringContaining(
        "the stream `orders` writes to the table copies, which the stream `copies` reads",
      ),
    );
  });
});

describe("credentials", () => {
  const withToken = shop.replace(
    "  key: id",
    "  key: id\n  authentication: { type: bearer, token: base-token }\n  headers: { X-Tenant: t1 }\n  rateLimit: { requestsPerSecond: 1 }",
  );
  const apart = '    - { name: a, endpoint: "https://other.example/a" }\n';

  test("P14: are not taken over by a stream of another origin, and validate says so", async () => {
    expect(await told(`${withToken}${apart}${table}`)).toEqual([
      expect.stringMatching(
        /^14:18 CREDENTIALS_APART warning: .* so `authentication` and `headers` of `input` are not used for it/,
      ),
    ]);
    const declared = apart.replace(" }", ", authentication: { type: bearer, token: own }, headers: null }");
    expect(await told(`${withToken}${declared}${table}`)).toEqual([]);
    const samePlace = apart.replace("other.example", "API.example.com:443");
    expect(await told(`${withToken}${samePlace}${table}`)).toEqual([]);
  });

  test("P14: of the output neither", async () => {
    const output =
      'output: { type: httpRequest, endpoint: "https://t.example/x", authentication: { type: bearer, token: out } }\n';
    const entry = '    - { name: a, output: { endpoint: "https://u.example/x" } }\n';
    expect(await toldOf(entry, output)).toEqual([
      expect.stringMatching(/^11:28 CREDENTIALS_APART .* `authentication` of `output`/),
    ]);
  });
});

test("the streams of a file are pipelines of one connector, in the order of the file, and share a set", async () => {
  const file = await written({
    "p.yaml": `${shop}    - orders\n    - 2024\n    - { name: audit, schedule: "@daily", deadline: 2h, filters: [] }\n${table}concurrency: "\${N}"\nfilters: [{ type: remove, target: x }]\ndeadline: 1h\n`,
  });
  const pipelines = await loadPipelines([file], { env: { N: "7" } });
  expect(pipelines.map(({ key }) => key)).toEqual([
    { connector: "shop_eu", stream: "orders" },
    { connector: "shop_eu", stream: "2024" },
    { connector: "shop_eu", stream: "audit" },
  ]);
  const [orders, year, audit] = pipelines;
  expect(orders?.set).toMatchObject({
    name: "shop",
    connector: "shop_eu",
    concurrency: 7,
    file,
    stateUrl: null,
  });
  expect(orders?.set?.written).toEqual(pipelines);
  expect(year?.set).toBe(orders?.set);
  expect(year?.filters).toBe(orders?.filters);
  expect([orders?.deadlineMs, audit?.deadlineMs]).toEqual([3_600_000, 7_200_000]);
  expect([orders?.schedule, audit?.schedule?.expression]).toEqual([null, "@daily"]);
  expect([orders?.filters.length, audit?.filters.length]).toEqual([1, 0]);
  expect([orders, year, audit].map((one) => one?.output.upsertKey)).toEqual([["id"], ["id"], ["id"]]);
});

test("two files cannot have one stream, also where one of them lists it", async () => {
  const file = await written({
    "a.yaml": `${shop}    - orders\n    - items\n${table}`,
    "b.yaml":
      'name: shop_eu\nstream: items\ninput: { type: httpPolling, endpoint: "https://a.example", key: id }\noutput: { type: file, path: b.jsonl }\n',
  });
  const other = file.replace(/a\.yaml$/, "b.yaml");
  await expect(loadPipelines([file, other], { env: {} })).rejects.toMatchObject({
    code: "PIPELINE_INVALID",
    message: expect.stringContaining(
      `the stream shop_eu/items is already that of the pipeline at ${file}:12`,
    ),
  });
});

test("what comes in later versions is refused with what to do instead", async () => {
  const database = (entry: string) =>
    told(
      `name: crm\ninput:\n  type: database\n  connectionString: sqlite:./a.db\n  streams:\n    - ${entry}\noutput: { type: database, connectionString: sqlite:./b.db, table: "{{ stream }}" }\n`,
    );
  for (const entry of ['"public.*"', '"!public.x"', '{ tables: "public.*" }', '{ table: "a.*" }']) {
    expect(await database(entry)).toEqual([
      expect.stringMatching(/^6:\d+ CONFIG_INCOHERENT .* yet \(name each table in an entry of its own\)$/),
    ]);
  }
  const module = stringify({
    name: "m",
    input: { type: "module", path: "./a.ts", streams: ["a"] },
    output: { type: "console" },
  });
  expect(await told(module)).toEqual([
    expect.stringContaining("`streams` cannot be used with `type: module` yet"),
  ]);
});
