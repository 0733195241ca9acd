import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "../../../../test/support/postgres.ts";
import { untilAwaited } from "../../../../test/support/postgres-waiting.ts";
import { openSql } from "../../../databases/open.ts";
import { isTidemarkError, type TidemarkError } from "../../../errors.ts";
import { emptyPosition } from "../../../model/position.ts";
import type { StateStore } from "../../contract.ts";
import { openPostgresState } from "./postgres.ts";

const key = { connector: "sap_eu", stream: "suppliers" };

async function emptyState(): Promise<{ url: string; store: StateStore }> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const store = await openPostgresState(database.url);
  onTestFinished(() => store.close());
  return { url: database.url, store };
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

async function refusalOf(call: Promise<unknown>): Promise<TidemarkError> {
  const error: unknown = await call.then(
    () => expect.fail("nothing was refused"),
    (thrown: unknown) => thrown,
  );
  if (isTidemarkError(error)) return error;
  throw error;
}

/** A pool of a caller's own. Its connections may still be closing when the test's database is emptied. */
function poolOf(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url });
  pool.on("connect", (client) => client.on("error", () => {}));
  // A connection that is idle is reported here.
  pool.on("error", () => {});
  onTestFinished(() => pool.end());
  return pool;
}

test("P2: rows and cursor commit together, or neither", async () => {
  const { url, store } = await emptyState();
  const client = await connect(url);
  await client.query("CREATE TABLE events (id bigint PRIMARY KEY)");
  const run = await store.begin(key, { cursorType: "numeric_id" });

  await client.query("BEGIN");
  await client.query("INSERT INTO events VALUES (1)");
  await store.complete(run, { newCursor: "1" }, { transaction: client });
  await client.query("ROLLBACK");
  expect((await store.get(key))?.cursor).toBe(null);
  expect((await client.query("SELECT id FROM events")).rows).toEqual([]);

  await client.query("BEGIN");
  await client.query("INSERT INTO events VALUES (2)");
  await store.complete(run, { newCursor: "2" }, { transaction: client });
  expect((await store.get(key))?.status).toBe("running");
  await client.query("COMMIT");
  expect((await store.get(key))?.cursor?.value).toBe("2");
  expect((await client.query("SELECT id FROM events")).rows).toEqual([{ id: "2" }]);
});

test("a client of a pool, one of an older driver, and one whose BEGIN is still on its way are taken", async () => {
  const { url, store } = await emptyState();
  const pool = poolOf(url);
  const run = await store.begin(key, { cursorType: "numeric_id" });
  const to = (sequence: number) => ({
    sequence,
    position: { ...emptyPosition, watermark: String(sequence) },
    recordsProcessed: sequence,
  });

  const pooled = await pool.connect();
  onTestFinished(() => pooled.release());
  await pooled.query("BEGIN");
  await store.checkpoint(run, to(1), { transaction: pooled });
  await pooled.query("COMMIT");

  const older = { query: pooled.query.bind(pooled) };
  await pooled.query("BEGIN");
  await store.checkpoint(run, to(2), { transaction: older });
  await pooled.query("COMMIT");

  const client = await connect(url);
  const begun = client.query("BEGIN");
  await store.checkpoint(run, to(3), { transaction: client });
  await Promise.all([begun, client.query("COMMIT")]);
  expect((await store.get(key))?.sequence).toBe(3);
});

test("the handle of an SQL connection is taken, whatever its session is set to", async () => {
  const { url, store } = await emptyState();
  const connection = await openSql(url, { role: "output" });
  onTestFinished(() => connection.close());
  const run = await store.begin(key, { cursorType: "timestamp_utc" });
  await connection.execute("SET TimeZone = 'Asia/Kolkata'");
  await connection.execute("SET DateStyle = 'SQL, DMY'");
  await connection.execute("SET search_path = pg_catalog");
  await connection.execute("BEGIN");
  const done = await store.complete(
    run,
    { newCursor: "2026-01-01T00:00:01Z" },
    { transaction: connection.handle },
  );
  await connection.execute("COMMIT");
  expect(await store.get(key)).toEqual(done);
  expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 1 });
});

test("what is no open transaction on the state's database is refused, and nothing is done", async () => {
  const { url, store } = await emptyState();
  const other = await emptyState();
  const run = await store.begin(key, { cursorType: "numeric_id" });
  const before = await store.get(key);
  const complete = (transaction: object) =>
    refusalOf(store.complete(run, { newCursor: "1" }, { transaction }));

  const client = await connect(url);
  expect((await complete(client)).message).toMatch(/it has not begun/);
  await client.query("BEGIN");
  await client.query("COMMIT");
  expect((await complete(client)).code).toBe("ARGUMENT_INVALID");

  const pool = poolOf(url);
  expect((await complete(pool)).code).toBe("ARGUMENT_INVALID");

  await client.query("BEGIN");
  await client.query("SELECT 1/0").catch(() => {});
  const failed = await complete(client);
  expect(failed.code).toBe("ARGUMENT_INVALID");
  expect(failed.message).toMatch(/already failed/);
  await client.query("ROLLBACK");

  const elsewhere = await connect(other.url);
  await elsewhere.query("BEGIN");
  const foreign = await complete(elsewhere);
  expect(foreign.code).toBe("ARGUMENT_INVALID");
  expect(foreign.message).toMatch(/another database/);
  expect((await elsewhere.query("SELECT 1 AS alive")).rows).toEqual([{ alive: 1 }]);

  const noDriver = { query: async () => "rows" };
  expect((await complete(noDriver)).code).toBe("ARGUMENT_INVALID");
  expect(await store.get(key)).toEqual(before);
});

test("P4: what was rolled back is not taken for done", async () => {
  const { url, store } = await emptyState();
  const client = await connect(url);
  const run = await store.begin(key, { cursorType: "numeric_id" });
  const to = (sequence: number) => ({
    sequence,
    position: { ...emptyPosition, watermark: String(sequence) },
    recordsProcessed: sequence,
  });
  const rolledBack = async (call: () => Promise<unknown>) => {
    await client.query("BEGIN");
    await call();
    await client.query("ROLLBACK");
  };
  await store.checkpoint(run, to(1));
  const within = { transaction: client };
  await rolledBack(() => store.checkpoint(run, to(2), within));
  await store.checkpoint(run, to(2));
  await rolledBack(() => store.complete(run, {}, within));
  const refused = await refusalOf(store.begin(key, { cursorType: "numeric_id", ifRunning: "refuse" }));
  expect(refused.code).toBe("RUN_ACTIVE");
  await rolledBack(() => store.complete(run, { newCursor: "9" }, within));
  const next = await store.begin(key, { cursorType: "numeric_id" });
  expect(next.supersededRunId).toBe(run.runId);
  expect(next.lowerBound?.value).toBe("2");
  expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 2 });
});

test("P4: a begin waits for a transaction that completes, and stands on what it left", async () => {
  const { url, store } = await emptyState();
  const client = await connect(url);
  const tieSet = [{ identity: "a", cursor: "2", count: 1 }];
  for (const end of ["COMMIT", "ROLLBACK"]) {
    const run = await store.begin(key, { cursorType: "numeric_id", leaseSeconds: 600 });
    await client.query("BEGIN");
    const position = { ...emptyPosition, watermark: "2", tieSet };
    await store.complete(run, { position }, { transaction: client });
    const next = store.begin(key, { cursorType: "numeric_id" });
    await untilAwaited(url, client);
    await client.query(end);
    const granted = await next;
    expect(granted.supersededRunId).toBe(end === "COMMIT" ? null : run.runId);
    expect(granted.position).toEqual(position);
    expect(granted.lowerBound?.value).toBe("2");
    await store.complete(granted, {});
  }
});

test("P12: a step that was rolled back, and then taken by another process, leaves the log whole", async () => {
  const { url, store } = await emptyState();
  const client = await connect(url);
  const run = await store.begin(key, { cursorType: "numeric_id" });
  await client.query("BEGIN");
  await store.complete(run, { newCursor: "1" }, { transaction: client });
  await client.query("ROLLBACK");

  await using other = await openPostgresState(url);
  await other.complete(run, { newCursor: "1" });

  const next = await store.begin(key, { cursorType: "numeric_id" });
  await store.complete(next, { newCursor: "2" });
  expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 2 });
});
