import { expect, onTestFinished, test } from "vitest";
import { ids, inputOf, postgresPlace } from "../../../test/support/database-input.ts";
import { placeAt } from "../../../test/support/database-output.ts";
import { startTcpProxy } from "../../../test/support/tcp-proxy.ts";
import { emptyPosition } from "../../model/position.ts";
import { openSql } from "../open.ts";
import { PostgresConnection } from "./connection.ts";

/** A place whose role has limits, as administrators set them to protect a server. */
async function limitedPlace(settings: readonly string[]) {
  const place = await postgresPlace();
  const name = new URL(place.url).pathname.slice(1);
  for (const setting of settings) await place.run(`ALTER DATABASE ${name} SET ${setting}`);
  return place;
}

async function openInput(url: string): Promise<PostgresConnection> {
  const connection = await openSql(url, { role: "input" });
  onTestFinished(() => connection.close());
  if (!(connection instanceof PostgresConnection)) throw new Error("not PostgreSQL");
  return connection;
}

test("the time between two pages counts as no statement's, and ends no transaction", async () => {
  const { url, beside } = await limitedPlace([
    "statement_timeout = '3s'",
    "idle_in_transaction_session_timeout = '3s'",
  ]);
  const connection = await openInput(url);
  const numbers: unknown[] = [];
  const pages = connection.stream("SELECT generate_series(1, 6) AS n", [], { pageSize: 2 });
  for await (const { rows } of pages) {
    numbers.push(...rows.map(({ n }) => n));
    if (numbers.length > 2) continue;
    // The output takes longer than either limit; the server's own clock says so.
    await beside.query("SELECT pg_sleep(2)");
    await beside.query("SELECT pg_sleep(2)");
  }
  expect(numbers).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a statement that takes longer than the role's limit is ended by it, and the hint names the limit", async () => {
  const { url } = await limitedPlace(["statement_timeout = '3s'"]);
  const connection = await openInput(url);
  const reading = (async () => {
    for await (const _ of connection.stream("SELECT pg_sleep(20)", [], { pageSize: 2 }));
  })();
  await expect(reading).rejects.toMatchObject({
    code: "QUERY_FAILED",
    hint: expect.stringContaining("statement_timeout"),
  });
  expect(await connection.query("SELECT 1 AS n")).toEqual([{ n: 1 }]);
});

test("P7: parameters of a stream arrive as they are, and rows without columns come", async () => {
  const { url } = await postgresPlace();
  const connection = await openInput(url);
  const params = [new Uint8Array([0, 255]), true, null, 2n ** 62n, "é"];
  const sql = "SELECT $1::bytea AS a, $2::bool AS b, $3::text AS c, $4::int8 AS d, $5::text AS e";
  for await (const { rows } of connection.stream(sql, params, { pageSize: 5 })) {
    expect(rows.map((row) => ({ ...row, d: String(row.d) }))).toEqual([
      { a: "\\x00ff", b: true, c: null, d: String(2n ** 62n), e: "é" },
    ]);
  }
  for await (const { rows } of connection.stream("SELECT FROM generate_series(1, 2)", [], { pageSize: 5 })) {
    expect(rows).toEqual([{}, {}]);
  }
});

test("P7: settings of the role or the database change no value that is written", async () => {
  const { url } = await limitedPlace(["array_nulls = off", "xmloption = document"]);
  const place = await placeAt(url);
  await place.beside.execute("CREATE TABLE events (id int PRIMARY KEY, v text, list text[], x xml)");
  const session = await place.open({ key: "id" });
  await session.fence(1);
  const records = [
    { id: 1, v: null, list: ["a", null], x: "<a/><b/>" },
    { id: 2, v: "NULL", list: ["NULL"], x: null },
  ];
  await session.write({ records });
  await session.commit({
    epoch: 1,
    sequence: 1,
    position: emptyPosition,
    cursorType: null,
    windowFinished: true,
  });
  const sql = "SELECT id, v, list, v IS NULL AS missing, x::text AS x FROM events ORDER BY id";
  expect(await place.beside.query(sql)).toEqual([
    { ...records[0], missing: true },
    { ...records[1], missing: false },
  ]);
});

test("each transaction is ended once, and none is undone that was never begun", async () => {
  const { url, run } = await postgresPlace();
  await run("CREATE TABLE events (id int, updated_at timestamptz)");
  await run("INSERT INTO events VALUES (1, '2024-01-01T00:00:00Z')");
  for (const work of [readAll, writeOne]) {
    const server = new URL(url);
    const proxy = await startTcpProxy({ host: server.hostname, port: Number(server.port) });
    onTestFinished(() => proxy.close());
    server.port = String(proxy.port);
    let sent = "";
    proxy.onSent = (bytes) => {
      sent += bytes.toString("latin1");
    };
    await work(server.href);
    const commands = sent.match(/BEGIN|START TRANSACTION|COMMIT|ROLLBACK(?! TO)/g) ?? [];
    expect(commands.length).toBeGreaterThan(1);
    expect(commands.length % 2).toBe(0);
    commands.forEach((command, at) => {
      expect(command).toMatch(at % 2 === 0 ? /BEGIN/ : /COMMIT|ROLLBACK/);
    });
  }
});

async function readAll(url: string): Promise<void> {
  expect(await ids(inputOf({ url }, { table: "events", cursor: "updated_at", key: "id" }))).toEqual([1]);
}

async function writeOne(url: string): Promise<void> {
  const place = await placeAt(url);
  const session = await place.open({ table: "copies", key: "id" });
  await session.fence(1);
  await session.write({ records: [{ id: 1 }] });
  await session.commit({
    epoch: 1,
    sequence: 1,
    position: emptyPosition,
    cursorType: "numeric_id",
    windowFinished: true,
  });
  await session.close();
}
