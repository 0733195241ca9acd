import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "../../../test/support/postgres.ts";
import { stringifyJson } from "../../model/json.ts";
import { openSql } from "../open.ts";
import type { SqlConnection } from "../port.ts";
import type { SqlRole } from "../roles.ts";
import { PostgresConnection } from "./connection.ts";

async function database() {
  const created = await createTestDatabase();
  onTestFinished(() => created.drop());
  return created;
}

async function open(url: string, role: SqlRole = "output", applicationName?: string): Promise<SqlConnection> {
  const connection = await openSql(url, {
    role,
    ...(applicationName === undefined ? {} : { applicationName }),
  });
  onTestFinished(() => connection.close());
  return connection;
}

test("P7: values of every type come back with every digit", async () => {
  const connection = await open((await database()).url);
  const [row] = await connection.query(`SELECT
    9223372036854775807::int8 AS int8, 12::int2 AS int2, 123456789012345678901234567890.123456789::numeric AS numeric,
    12.30::numeric AS price, 'NaN'::numeric AS nan, 0.1::float8 AS float8, 'Infinity'::float8 AS infinite,
    '2024-02-29 23:30:00.123456-01'::timestamptz AS tstz, '2024-02-29 23:30:00.5'::timestamp AS ts,
    'infinity'::timestamptz AS forever, '2024-02-29'::date AS date, true AS yes, NULL::int AS none,
    '{"n": 12345678901234567890, "s": "x"}'::jsonb AS doc, '\\x00ff'::bytea AS bytes, 'é'::text AS text,
    '7b7d8a6e-98f4-4a6e-8d6b-0d0c6a2f1a11'::uuid AS uuid, '1 day 2 hours'::interval AS span`);
  expect(
    JSON.parse(stringifyJson(row), (_key, value, { source }: { source?: string }) => source ?? value),
  ).toEqual({
    int8: "9223372036854775807",
    int2: "12",
    numeric: "123456789012345678901234567890.123456789",
    price: "12.3",
    nan: '"NaN"',
    float8: "0.1",
    infinite: '"Infinity"',
    tstz: '"2024-03-01T00:30:00.123456Z"',
    ts: '"2024-02-29T23:30:00.5"',
    forever: '"infinity"',
    date: '"2024-02-29"',
    yes: "true",
    none: "null",
    doc: { n: "12345678901234567890", s: '"x"' },
    bytes: '"\\\\x00ff"',
    text: '"é"',
    uuid: '"7b7d8a6e-98f4-4a6e-8d6b-0d0c6a2f1a11"',
    span: '"P1DT2H"',
  });
});

test("P7: arrays come as JSON arrays, nested and quoted as they are, and as text where a list has no place for their bounds", async () => {
  const connection = await open((await database()).url);
  const [row] = await connection.query(`SELECT ARRAY[[1,2],[3,NULL]] AS numbers,
    ARRAY['a,b', 'NULL', NULL, 'say "hi" \\ {x}', ''] AS texts, ARRAY[true,false] AS flags,
    ARRAY[]::int[] AS empty, '[0:1]={5,6}'::int8[] AS shifted, ARRAY['{"a":1}'::jsonb] AS docs,
    ARRAY['[1,2]'::jsonb, NULL] AS lists, ARRAY[ARRAY['1'::jsonb]] AS nested, ARRAY['null'::jsonb, NULL] AS nothing`);
  expect(row).toEqual({
    numbers: [
      [1, 2],
      [3, null],
    ],
    texts: ["a,b", "NULL", null, 'say "hi" \\ {x}', ""],
    flags: [true, false],
    empty: [],
    shifted: "[0:1]={5,6}",
    docs: [{ a: 1 }],
    lists: [[1, 2], null],
    nested: "{{1}}",
    nothing: '{"null",NULL}',
  });
});

test("settings of the database or the user do not change what is read", async () => {
  const { url } = await database();
  const first = await open(url);
  const name = new URL(url).pathname.slice(1);
  await first.execute(`ALTER DATABASE ${name} SET timezone = 'Asia/Tokyo'`);
  await first.execute(`ALTER DATABASE ${name} SET datestyle = 'German'`);
  const second = await open(url);
  expect(
    await second.query("SELECT '2024-02-01 00:00+00'::timestamptz AS at, '2024-02-01'::date AS on"),
  ).toEqual([{ at: "2024-02-01T00:00:00Z", on: "2024-02-01" }]);
});

test("a stream gives pages of rows with their kinds, and sees one snapshot", async () => {
  const { url } = await database();
  const writer = await open(url);
  await writer.execute("CREATE DOMAIN money_like AS numeric(12,2)");
  await writer.execute("CREATE TABLE t (id int, at timestamptz, price money_like, tags text[])");
  await writer.execute("INSERT INTO t SELECT i, 'epoch', i FROM generate_series(1, 5) i");
  const reader = await open(url, "input");
  const pages = [];
  for await (const { columns, rows } of reader.stream("SELECT * FROM t WHERE id >= $1 ORDER BY id", [2], {
    pageSize: 2,
  })) {
    if (pages.length === 0) await writer.execute("INSERT INTO t (id) VALUES (6)");
    expect(columns).toEqual([
      { name: "id", kind: "integer" },
      { name: "at", kind: "timestamp" },
      { name: "price", kind: "decimal" },
      { name: "tags", kind: "json" },
    ]);
    pages.push(rows.map(({ id }) => id));
  }
  expect(pages).toEqual([
    [2, 3],
    [4, 5],
  ]);
  expect(await reader.query("SELECT count(*) AS n FROM t")).toEqual([{ n: 6 }]);
});

test("a stream that is left early leaves the connection as it was", async () => {
  const connection = await open((await database()).url);
  for await (const _ of connection.stream("SELECT generate_series(1, 100000) AS n", [], { pageSize: 10 }))
    break;
  expect(await connection.query("SELECT 1 AS n")).toEqual([{ n: 1 }]);
  expect(
    await connection.query(
      "SELECT pg_current_xact_id_if_assigned() AS x, now() = statement_timestamp() AS fresh",
    ),
  ).toEqual([{ x: null, fresh: true }]);
});

test("a stream changes nothing in its source", async () => {
  const connection = await open((await database()).url, "input");
  await connection.execute("CREATE TABLE t (id int)");
  const rows = connection.stream("INSERT INTO t VALUES (1) RETURNING id", [], { pageSize: 1 });
  await expect(rows[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "QUERY_FAILED" });
  expect(await connection.query("SELECT * FROM t")).toEqual([]);
});

test("an abort between two pages, two columns of one name, and a refused query leave the connection as it was", async () => {
  const connection = await open((await database()).url, "input");
  const stop = new AbortController();
  const reading = (async () => {
    const pages = connection.stream("SELECT generate_series(1, 100) AS n", [], {
      pageSize: 1,
      signal: stop.signal,
    });
    for await (const _ of pages) stop.abort(new Error("enough"));
  })();
  await expect(reading).rejects.toThrow("enough");
  for (const [sql, why] of [
    ["SELECT 1 AS id, 2 AS id", "`id`"],
    ["SELECT * FROM nowhere", "nowhere"],
    ["SELECT 1 / (3 - n) FROM generate_series(1, 5) AS n", "division by zero"],
  ] as const) {
    const all = (async () => {
      for await (const _ of connection.stream(sql, [], { pageSize: 1 }));
    })();
    await expect(all).rejects.toMatchObject({ code: "QUERY_FAILED", message: expect.stringContaining(why) });
    expect(await connection.query("SELECT now() = statement_timestamp() AS fresh")).toEqual([
      { fresh: true },
    ]);
  }
});

test("an abort breaks off a query that is running, and gives the abort's reason", async () => {
  const { url } = await database();
  const connection = await open(url, "input");
  const beside = await open(url);
  const stop = new AbortController();
  const reading = (async () => {
    for await (const _ of connection.stream("SELECT pg_sleep(3600)", [], {
      pageSize: 1,
      signal: stop.signal,
    }));
  })();
  const running = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(3600)' AND state = 'active'";
  await expect.poll(() => beside.query(running)).toHaveLength(1);
  stop.abort(new Error("enough"));
  await expect(reading).rejects.toThrow("enough");
  expect(await connection.query("SELECT 1 AS n")).toEqual([{ n: 1 }]);
});

test("two connections to one database have one identity, two databases two", async () => {
  const { url } = await database();
  const other = await database();
  const byName = url.replace("127.0.0.1", "localhost");
  const first = (await open(url)).identity;
  expect((await open(byName)).identity).toBe(first);
  expect((await open(other.url)).identity).not.toBe(first);
  expect(first).not.toContain("tidemark-test");
});

test("the session carries the name it was given", async () => {
  const connection = await open((await database()).url, "output", "tidemark sap_eu/suppliers");
  expect(await connection.query("SHOW application_name")).toEqual([
    { application_name: "tidemark sap_eu/suppliers" },
  ]);
});

test("a wrong password, a missing database and a lost connection are distinguished, by role", async () => {
  const { url } = await database();
  const wrong = new URL(url);
  wrong.password = "not-the-word";
  const refused = await openSql(wrong.href, { role: "output" }).catch((error) => error);
  expect(refused).toMatchObject({ code: "OUTPUT_UNAVAILABLE", recoverable: false });
  expect(refused.message).not.toContain("not-the-word");
  const missing = new URL(url);
  missing.pathname = "/no_such_database";
  await expect(openSql(missing.href, { role: "state" })).rejects.toMatchObject({
    code: "STATE_UNAVAILABLE",
    recoverable: false,
    message: expect.stringContaining("no_such_database"),
  });

  const connection = await open(url, "input");
  if (!(connection instanceof PostgresConnection)) throw new Error("not PostgreSQL");
  const ended = once(connection.handle, "end").catch(() => {});
  const [row] = await connection.query("SELECT pg_backend_pid() AS pid");
  const killer = await open(url);
  await killer.query("SELECT pg_terminate_backend($1)", [Number(row?.pid)]);
  await ended;
  await expect(connection.query("SELECT 1")).rejects.toMatchObject({
    code: "SOURCE_UNAVAILABLE",
    recoverable: true,
  });
});

test("what PostgreSQL refuses is reported in its own words, with the detail", async () => {
  const connection = await open((await database()).url);
  await connection.execute("CREATE TABLE t (id int PRIMARY KEY)");
  await connection.execute("INSERT INTO t VALUES (1)");
  await expect(connection.execute("INSERT INTO t VALUES ($1)", [1])).rejects.toMatchObject({
    code: "QUERY_FAILED",
    message: expect.stringMatching(/duplicate key .*Key \(id\)=\(1\) already exists/),
    details: { sqlState: "23505" },
  });
});

test("columns tells what a table has, and null where there is none", async () => {
  const connection = await open((await database()).url);
  expect(await connection.columns("t")).toBeNull();
  await connection.execute('CREATE SCHEMA s; CREATE TABLE s."T x" (id bigint, at timestamp, gone int)');
  await connection.execute('ALTER TABLE s."T x" DROP COLUMN gone');
  expect(await connection.columns("s.T x")).toEqual([
    { name: "id", kind: "integer" },
    { name: "at", kind: "timestamp" },
  ]);
});

test("the clock is the server's", async () => {
  const connection = await open((await database()).url);
  const before = Date.now();
  const now = await connection.now();
  expect(now).toBeGreaterThan(before - 5_000);
  expect(now).toBeLessThan(Date.now() + 5_000);
});
