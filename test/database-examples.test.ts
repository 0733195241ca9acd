import { readdir } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { createFolder, examplePath, openDatabase, runExample, tidemark } from "./support/example-run.ts";
import { minute, range, startSource } from "./support/example-source.ts";
import { createTestDatabase } from "./support/postgres.ts";

/** A PostgreSQL database of the test's own, with a client connected to it. */
async function createPostgres(): Promise<{ url: string; client: pg.Client }> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  onTestFinished(() => client.end());
  return { url: database.url, client };
}

it("database-to-database.yaml copies a PostgreSQL table into SQLite, every digit of it, then what changed", async () => {
  const { url, client } = await createPostgres();
  await client.query(`
    CREATE TABLE customers (id bigint PRIMARY KEY, name text, balance numeric, secret text, updated_at timestamptz);
    INSERT INTO customers SELECT 9007199254740993 + n, 'customer ' || n, 12345678901234567.89 + n, 'hidden',
      '2026-01-01 00:00:00.000001Z'::timestamptz + (n / 7) * interval '1 microsecond' FROM generate_series(1, 1200) n`);
  const folder = await createFolder();
  const variables = { CRM_DATABASE_URL: url };
  const first = await runExample(folder, "database-to-database.yaml", variables);
  expect(first).toMatchObject({ records_written: 1200, pages: 3, new_cursor: "2026-01-01T00:00:00.000172Z" });

  await client.query(`
    INSERT INTO customers SELECT 5, 'tied', 0, '', max(updated_at) FROM customers;
    UPDATE customers SET name = 'renamed', updated_at = updated_at + interval '1 day' WHERE id = 9007199254740994`);
  const second = await runExample(folder, "database-to-database.yaml", variables);
  expect(second).toMatchObject({ records_written: 2 });

  const rows = openDatabase(folder, "warehouse.db")
    .prepare("SELECT CAST(id AS TEXT) AS id, name, CAST(balance AS TEXT) AS balance FROM customers")
    .all();
  const expected = await client.query("SELECT id::text, name, balance::text FROM customers");
  const byId = (a: { id?: unknown }, b: { id?: unknown }) => String(a.id).localeCompare(String(b.id));
  expect(rows.map((row) => ({ ...row })).sort(byId)).toEqual(expected.rows.sort(byId));
});

it("database-streams.yaml copies four tables of PostgreSQL, each to a table of its own, then what changed", async () => {
  const { url, client } = await createPostgres();
  await client.query(`
    CREATE TABLE customers (id int PRIMARY KEY, name text, updated_at timestamptz);
    CREATE TABLE orders (id int PRIMARY KEY, total numeric, deleted boolean, note text, updated_at timestamptz);
    CREATE TABLE audit_log (id int PRIMARY KEY, what text, logged_at timestamptz);
    CREATE TABLE carts (id int PRIMARY KEY, owner text, closed boolean, updated_at timestamptz);
    INSERT INTO customers SELECT n, 'c' || n, '2026-01-01Z'::timestamptz + n * interval '1 hour' FROM generate_series(1, 5) n;
    INSERT INTO orders SELECT n, n, n > 2, 'x', '2026-01-01Z'::timestamptz + n * interval '1 hour' FROM generate_series(1, 3) n;
    INSERT INTO audit_log SELECT n, 'seen', '2026-01-01Z'::timestamptz + n * interval '1 hour' FROM generate_series(1, 4) n;
    INSERT INTO carts SELECT n, 'c' || n, false, '2026-01-01Z'::timestamptz + n * interval '1 hour' FROM generate_series(1, 2) n`);
  const folder = await createFolder();
  const run = async () => {
    const words = ["run", examplePath("database-streams.yaml"), "--json"];
    const { stdout } = await tidemark(folder, words, { CRM_DATABASE_URL: url });
    return JSON.parse(stdout);
  };
  expect(await run()).toMatchObject({ status: "completed", completed: 4, records_written: 13 });

  await client.query(`
    UPDATE customers SET name = 'new', updated_at = updated_at + interval '1 day' WHERE id = 2;
    INSERT INTO audit_log VALUES (5, 'seen', '2026-01-02Z')`);
  const written = (await run()).streams.map((stream: Record<string, unknown>) => stream.records_written);
  expect(written).toEqual([1, 0, 1, 0]);
  const database = openDatabase(folder, "warehouse-streams.db");
  const count = (table: string) => database.prepare(`SELECT count(*) AS rows FROM crm_${table}`).get()?.rows;
  expect(["customers", "orders", "events", "open_carts"].map(count)).toEqual([5, 2, 5, 2]);
});

it.each(["SQLite", "PostgreSQL"])(
  "P6: reference-database.yaml reads a query with LIMIT to its end on %s, ties and all",
  async (kind) => {
    const folder = await createFolder();
    const { url, execute } = kind === "SQLite" ? sqliteEvents(folder) : await postgresEvents();
    const rows = range(1, 1100).map((id) => `(${id}, '${minute(Math.ceil(id / 400))}', 'made')`);
    await execute(`INSERT INTO events VALUES ${rows.join(", ")}`);
    const variables = { SOURCE_DATABASE_URL: url };
    const first = await runExample(folder, "reference-database.yaml", variables);
    expect(first).toMatchObject({ records_written: 1100 });

    await execute(`INSERT INTO events VALUES (1101, '${minute(3)}', 'made'), (1102, '${minute(4)}', 'made')`);
    const second = await runExample(folder, "reference-database.yaml", variables);
    expect(second).toMatchObject({ records_written: 2 });
    const database = openDatabase(folder, "copy.db");
    expect(database.prepare("SELECT count(*) AS rows FROM events").get()).toEqual({ rows: 1102 });
    expect(await readdir(join(folder, ".cannectors-state"))).toContain("reference-database.json");
  },
);

it("database-commit-safe.yaml leaves out what an open transaction could come in among, until it ends", async () => {
  const { url, client } = await createPostgres();
  await client.query(`
    CREATE TABLE customers (id int PRIMARY KEY, name text);
    CREATE TABLE orders (id serial PRIMARY KEY, customer_id int, total numeric, updated_at timestamptz DEFAULT now());
    INSERT INTO customers VALUES (1, 'Ada');
    INSERT INTO orders (customer_id, total) VALUES (1, 10)`);
  const late = new pg.Client({ connectionString: url });
  await late.connect();
  onTestFinished(() => late.end());
  await late.query("BEGIN; INSERT INTO orders (customer_id, total) VALUES (1, 20)");
  await client.query("INSERT INTO orders (customer_id, total) VALUES (1, 30)");
  const folder = await createFolder();
  const variables = { ORDERS_DATABASE_URL: url };
  expect(await runExample(folder, "database-commit-safe.yaml", variables)).toMatchObject({
    records_read: 1,
    records_written: 1,
    warnings: [],
  });
  await late.query("COMMIT");
  expect(await runExample(folder, "database-commit-safe.yaml", variables)).toMatchObject({
    records_written: 2,
  });
  const rows = openDatabase(folder, "warehouse.db")
    .prepare("SELECT id, customer FROM orders ORDER BY id")
    .all();
  expect(rows).toEqual([1, 2, 3].map((id) => ({ id, customer: "Ada" })));
});

it("database-xmin.yaml follows a table that has no column of times", async () => {
  const { url, client } = await createPostgres();
  await client.query(`
    CREATE TABLE stock (item text PRIMARY KEY, amount int, secret text);
    INSERT INTO stock VALUES ('nut', 1, 'x'), ('bolt', 2, 'x')`);
  const folder = await createFolder();
  const variables = { SHOP_DATABASE_URL: url };
  expect(await runExample(folder, "database-xmin.yaml", variables)).toMatchObject({ records_written: 2 });
  await client.query("UPDATE stock SET amount = 5 WHERE item = 'nut'");
  expect(await runExample(folder, "database-xmin.yaml", variables)).toMatchObject({
    records_read: 1,
    records_written: 1,
  });
  const rows = openDatabase(folder, "warehouse.db").prepare("SELECT * FROM stock ORDER BY item").all();
  expect(rows).toEqual([
    { item: "bolt", amount: 2 },
    { item: "nut", amount: 5 },
  ]);
});

it("P1 P2: http-descending.yaml goes on at the page where it broke off, and adds each record to PostgreSQL once", async () => {
  const activities = range(1, 430).map((id) => ({ id, at: minute(Math.ceil(id / 3)) }));
  const refusedPages = new Set(["250"]);
  const source = await startSource(({ url, headers }) => {
    const first = url.searchParams.get("before") ?? "0";
    if (headers.authorization !== "Bearer feed-token" || refusedPages.has(first)) {
      return { status: 401, json: "{}" };
    }
    const since = url.searchParams.get("since") ?? "";
    const matching = activities.filter(({ at }) => at > since).toReversed();
    const end = Number(first) + Number(url.searchParams.get("limit"));
    const next = end < matching.length ? String(end) : null;
    return { json: JSON.stringify({ activities: matching.slice(Number(first), end), next }) };
  });
  onTestFinished(() => source[Symbol.asyncDispose]());
  const { url, client } = await createPostgres();
  const folder = await createFolder();
  const variables = { FEED_URL: source.origin, FEED_TOKEN: "feed-token", WAREHOUSE_URL: url };
  const broken = await tidemark(folder, ["run", examplePath("http-descending.yaml")], variables);
  expect(broken.code).toBe(1);

  refusedPages.clear();
  const before = source.requests.length;
  expect(await runExample(folder, "http-descending.yaml", variables)).toMatchObject({
    new_cursor: minute(144).replace(".000", ""),
  });
  const asked = source.requests.slice(before).map((request) => request.url.searchParams.get("before"));
  expect(asked).toEqual(["200", "250", "300", "350", "400"]);

  activities.push({ id: 431, at: minute(144) }, { id: 432, at: minute(145) });
  expect(await runExample(folder, "http-descending.yaml", variables)).toMatchObject({ records_written: 2 });
  const { rows } = await client.query("SELECT id::int FROM activities ORDER BY id");
  expect(rows.map(({ id }) => id)).toEqual(range(1, 432));
});

interface Events {
  readonly url: string;
  execute(sql: string): Promise<unknown>;
}

function sqliteEvents(folder: string): Events {
  const database = openDatabase(folder, "source.db");
  database.exec("CREATE TABLE events (id INTEGER PRIMARY KEY, updated_at TEXT, payload TEXT)");
  return { url: "sqlite:./source.db", execute: async (sql) => database.exec(sql) };
}

async function postgresEvents(): Promise<Events> {
  const { url, client } = await createPostgres();
  await client.query("CREATE TABLE events (id bigint PRIMARY KEY, updated_at timestamptz, payload text)");
  return { url, execute: (sql) => client.query(sql) };
}
