import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { stringifyJson } from "../../model/json.ts";
import { openSql } from "../open.ts";
import type { SqlRole } from "../roles.ts";

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "tidemark-sqlite-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function open(url: string, role: SqlRole = "output") {
  const connection = await openSql(url, { role });
  onTestFinished(() => connection.close());
  return connection;
}

test("an output's file is created with its folders, in WAL mode and fully synchronous", async () => {
  const connection = await open(`sqlite:${folder()}/deep/er/data.db`);
  expect(await connection.query("PRAGMA journal_mode")).toEqual([{ journal_mode: "wal" }]);
  expect(await connection.query("PRAGMA synchronous")).toEqual([{ synchronous: 2 }]);
});

test("an input's file is never created, nor changed", async () => {
  const path = join(folder(), "missing.db");
  await expect(open(`sqlite:${path}`, "input")).rejects.toMatchObject({
    code: "SOURCE_UNAVAILABLE",
    message: expect.stringContaining(path),
  });
  await open(`sqlite:${path}`, "output");
  const input = await open(`sqlite:${path}`, "input");
  await expect(input.execute("CREATE TABLE t (id)")).rejects.toMatchObject({ code: "SOURCE_UNAVAILABLE" });
});

test.each(["input", "output", "state"] as const)(
  "P10: a file that is no database is refused for %s and left as it was",
  async (role) => {
    const path = join(folder(), "notes.db");
    const text = "these are notes, not a database\n".repeat(100);
    writeFileSync(path, text);
    await expect(open(`sqlite:${path}`, role)).rejects.toMatchObject({
      code: { input: "SOURCE_INVALID", output: "OUTPUT_FAILED", state: "STATE_UNREADABLE" }[role],
      message: expect.stringContaining("not a SQLite database"),
    });
    expect(readFileSync(path, "utf8")).toBe(text);
  },
);

test("two connections to one file have one identity, however the path is written; two in memory have two", async () => {
  const path = join(folder(), "one.db");
  const identities = new Set<string>();
  for (const url of [`sqlite:${path}`, `sqlite://${path}`, `sqlite:./${relative(process.cwd(), path)}`]) {
    identities.add((await open(url)).identity);
  }
  expect(identities.size).toBe(1);
  expect((await open("sqlite::memory:")).identity).not.toBe((await open("sqlite::memory:")).identity);
});

test("P7: integers of 64 bits and blobs come back with every digit", async () => {
  const connection = await open("sqlite::memory:");
  const [row] = await connection.query(
    "SELECT 9223372036854775807 AS big, 9007199254740991 AS safe, x'00ff' AS bytes, 9e999 AS infinite, NULL AS none",
  );
  expect(stringifyJson(row)).toBe(
    '{"big":9223372036854775807,"safe":9007199254740991,"bytes":"\\\\x00ff","infinite":"Infinity","none":null}',
  );
});

test("whole numbers are bound as integers, also to columns of text", async () => {
  const connection = await open("sqlite::memory:");
  await connection.execute("CREATE TABLE t (a TEXT, b)");
  expect(await connection.execute("INSERT INTO t VALUES (?1, ?2)", [5, true])).toBe(1);
  expect(await connection.query("SELECT a, typeof(b) AS b FROM t")).toEqual([{ a: "5", b: "integer" }]);
});

test("a stream gives pages of rows, with declared kinds, and sees one snapshot", async () => {
  const url = `sqlite:${folder()}/data.db`;
  const writer = await open(url);
  await writer.execute("CREATE TABLE t (id INTEGER, ok BOOLEAN, doc JSON, at TIMESTAMP)");
  for (let id = 1; id <= 5; id++)
    await writer.execute("INSERT INTO t VALUES (?1, ?2, ?3, 'now')", [
      id,
      id > 2,
      '{"n":12345678901234567890}',
    ]);
  const reader = await open(url, "input");
  const pages = [];
  for await (const { columns, rows } of reader.stream("SELECT * FROM t WHERE id >= ?1 ORDER BY id", [2], {
    pageSize: 2,
  })) {
    if (pages.length === 0) {
      await writer.execute("INSERT INTO t (id) VALUES (6)");
      expect(columns).toEqual([
        { name: "id", kind: "integer" },
        { name: "ok", kind: "boolean" },
        { name: "doc", kind: "json" },
      ]);
      expect(stringifyJson(rows[0])).toBe('{"id":2,"ok":false,"doc":{"n":12345678901234567890},"at":"now"}');
    }
    pages.push(rows.map(({ id }) => id));
  }
  expect(pages).toEqual([
    [2, 3],
    [4, 5],
  ]);
});

test("a stream that is left early, or aborted, releases its read", async () => {
  const url = `sqlite:${folder()}/data.db`;
  const connection = await open(url);
  await connection.execute("CREATE TABLE t (id INTEGER)");
  await connection.execute("INSERT INTO t SELECT value FROM json_each('[1,2,3,4]')");
  for await (const _ of connection.stream("SELECT id FROM t", [], { pageSize: 1 })) break;
  const stop = new AbortController();
  const reading = (async () => {
    for await (const _ of connection.stream("SELECT id FROM t", [], { pageSize: 1, signal: stop.signal })) {
      stop.abort(new Error("enough"));
    }
  })();
  await expect(reading).rejects.toThrow("enough");
  // A read still open would keep the log from being emptied.
  expect(await connection.query("PRAGMA wal_checkpoint(TRUNCATE)")).toMatchObject([{ busy: 0, log: 0 }]);
});

test("two columns of one name are refused rather than merged", async () => {
  const connection = await open("sqlite::memory:");
  const rows = connection.stream("SELECT 1 AS id, 2 AS id", [], { pageSize: 1 });
  await expect(rows[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: "QUERY_FAILED",
    message: expect.stringContaining("`id`"),
  });
});

test("what SQLite refuses is reported in its own words", async () => {
  const connection = await open("sqlite::memory:");
  await expect(connection.query("SELECT id FROM nowhere")).rejects.toMatchObject({
    code: "QUERY_FAILED",
    message: expect.stringContaining("no such table: nowhere"),
  });
});

test("a lock that is not given up is reported as unavailable, naming the file", async () => {
  const path = join(folder(), "data.db");
  const connection = await open(`sqlite:${path}`);
  await connection.execute("PRAGMA busy_timeout = 20");
  const other = new DatabaseSync(path);
  onTestFinished(() => other.close());
  other.exec("BEGIN IMMEDIATE");
  await expect(connection.execute("CREATE TABLE t (id)")).rejects.toMatchObject({
    code: "OUTPUT_UNAVAILABLE",
    recoverable: true,
    message: expect.stringContaining(path),
  });
});

test("columns tells what a table has, and null where there is none", async () => {
  const connection = await open("sqlite::memory:");
  expect(await connection.columns("t")).toBeNull();
  await connection.execute('CREATE TABLE t ("Odd Name" BIGINT, price DECIMAL(10,2), at DATETIME, x)');
  expect(await connection.columns("main.t")).toEqual([
    { name: "Odd Name", kind: "integer" },
    { name: "price", kind: "decimal" },
    // SQLite's own view of a type it has no word for, and of none.
    { name: "at", kind: "decimal" },
    { name: "x", kind: "bytes" },
  ]);
});

test("the clock is that of now", async () => {
  const connection = await open("sqlite::memory:");
  const before = Date.now();
  const now = await connection.now();
  expect(now).toBeGreaterThan(before - 5_000);
  expect(now).toBeLessThan(Date.now() + 5_000);
});
