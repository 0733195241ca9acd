import pg from "pg";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { createTestDatabase } from "../../../../test/support/postgres.ts";
import { untilAwaited } from "../../../../test/support/postgres-waiting.ts";
import { isTidemarkError } from "../../../errors.ts";
import { emptyPosition } from "../../../model/position.ts";
import type { Run, StateStore } from "../../contract.ts";
import { openPostgresState } from "./postgres.ts";
import { schemaVersion } from "./schema.ts";

const key = { connector: "sap_eu", stream: "suppliers" };
const hour = 3_600_000;

async function emptyDatabase(): Promise<string> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database.url;
}

async function open(url: string): Promise<StateStore> {
  const store = await openPostgresState(url);
  onTestFinished(() => store.close());
  return store;
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

afterEach(() => {
  vi.useRealTimers();
});

test("P4: of 16 begins that refuse, by 4 workers at once, exactly one is granted", async () => {
  const url = await emptyDatabase();
  const workers = await Promise.all([1, 2, 3, 4].map(() => open(url)));
  // A stream that is new, one that has completed, one whose run is taken over.
  for (let round = 1; round <= 6; round++) {
    const begun = await Promise.allSettled(
      Array.from({ length: 16 }, (_, n) =>
        workers[n % 4]?.begin(key, { cursorType: "numeric_id", ifRunning: "refuse" }),
      ),
    );
    const granted: Run[] = [];
    for (const each of begun) {
      if (each.status === "fulfilled" && each.value !== undefined) granted.push(each.value);
      else if (each.status === "rejected") expect(isTidemarkError(each.reason, "RUN_ACTIVE")).toBe(true);
    }
    expect(granted.map(({ epoch }) => epoch)).toEqual([round]);
    const [run] = granted;
    if (run === undefined) return;
    if (round % 2 === 1) await workers[0]?.complete(run, { newCursor: String(round) });
    else await expireLease(url);
  }
});

async function expireLease(url: string): Promise<void> {
  const client = await connect(url);
  await client.query(
    "UPDATE tidemark_streams SET lease_expires_at_utc = clock_timestamp() - interval '1 ms' WHERE status = 'running'",
  );
}

test("leases are by the server's clock: a worker whose own is an hour off changes nothing", async () => {
  const url = await emptyDatabase();
  const store = await open(url);
  const client = await connect(url);
  const serverNow = async () =>
    Number((await client.query("SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now")).rows[0]?.now);
  for (const off of [hour, -hour]) {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + off });
    const options = { cursorType: "numeric_id" as const, ifRunning: "refuse" as const, leaseSeconds: 1800 };
    const before = await serverNow();
    const run = await store.begin(key, options);
    const after = await serverNow();
    const started = Date.parse(run.startedAtUtc);
    expect(started).toBeGreaterThanOrEqual(Math.floor(before));
    expect(started).toBeLessThanOrEqual(after);
    const expires = Date.parse((await store.get(key))?.lease?.expiresAtUtc ?? "");
    expect(expires).toBe(started + 1_800_000);
    await expect(store.begin(key, options)).rejects.toMatchObject({ code: "RUN_ACTIVE" });
    await store.heartbeat(run);
    const done = await store.complete(run, {});
    expect(Date.parse(done.updatedAtUtc)).toBeLessThanOrEqual(await serverNow());
    vi.useRealTimers();
  }
});

test("a run goes on in a process that was not the one to begin it", async () => {
  const url = await emptyDatabase();
  const begun = await (await open(url)).begin(key, { cursorType: "timestamp_utc" });
  const other = await open(url);
  await expect(other.complete(begun, { newCursor: "17" })).rejects.toMatchObject({
    code: "CURSOR_TYPE_MISMATCH",
  });
  const done = await other.complete(begun, { newCursor: "2026-01-01T00:00:01.50Z" });
  expect(done.cursor).toEqual({ type: "timestamp_utc", value: "2026-01-01T00:00:01.5Z" });
});

test("what a caller does with a position that it gave or was given changes nothing", async () => {
  const store = await open(await emptyDatabase());
  const run = await store.begin(key, { cursorType: "numeric_id" });
  const tieSet = [{ identity: "a", cursor: "1", count: 1 }];
  const coverage = [{ lower: null, upper: "1" }];
  const position = { ...emptyPosition, watermark: "1", tieSet, coverage };
  await store.checkpoint(run, { sequence: 1, position, recordsProcessed: 1 });
  tieSet.push({ identity: "b", cursor: "1", count: 1 });
  for (const key of tieSet) key.count++;
  for (const interval of coverage) interval.upper = "2";
  await store.checkpoint(run, { sequence: 2, position, recordsProcessed: 2 });
  const kept = (await store.get(key))?.position;
  expect(kept).toEqual(position);
  await store.complete(run, {});
  const next = await store.begin(key, { cursorType: "numeric_id" });
  next.position.tieSet.length = 0;
  await store.complete(next, {});
  expect((await store.begin(key, { cursorType: "numeric_id" })).position).toEqual(kept);
});

test("many may open a new state at once", async () => {
  const url = await emptyDatabase();
  const stores = await Promise.all(Array.from({ length: 12 }, () => open(url)));
  for (const [index, store] of stores.entries()) {
    expect((await store.begin(key, { cursorType: null })).epoch).toBe(index + 1);
  }
  const { rows } = await (await connect(url)).query("SELECT version FROM tidemark_schema");
  expect(rows).toEqual([{ version: schemaVersion }]);
});

test("opening waits while another brings the tables up to date", async () => {
  const url = await emptyDatabase();
  const other = await connect(url);
  await other.query("BEGIN");
  await other.query("SELECT pg_advisory_xact_lock(1953260901, hashtext(current_schema()))");
  let opened = false;
  const opening = open(url).then((store) => {
    opened = true;
    return store;
  });
  await untilAwaited(url, other);
  expect(opened).toBe(false);
  await other.query("ROLLBACK");
  expect(await (await opening).get(key)).toBe(null);
});

test("state of a newer version is left alone", async () => {
  const url = await emptyDatabase();
  await (await open(url)).close();
  const client = await connect(url);
  await client.query("UPDATE tidemark_schema SET version = 99");
  await expect(openPostgresState(url)).rejects.toMatchObject({ code: "STATE_TOO_NEW" });
  expect((await client.query("SELECT version FROM tidemark_schema")).rows).toEqual([{ version: 99 }]);
});

test("P10: state tables without a version are an error, never a new state", async () => {
  const url = await emptyDatabase();
  await (await open(url)).close();
  const client = await connect(url);
  for (const damage of ["DELETE FROM tidemark_schema", "DROP TABLE tidemark_schema"]) {
    await client.query(damage);
    await expect(openPostgresState(url), damage).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
  }
});

test("each schema has a state of its own, and one that is missing is reported", async () => {
  const url = await emptyDatabase();
  const client = await connect(url);
  await client.query('CREATE SCHEMA "Odd ""one"""');
  const within = (path: string) => {
    const address = new URL(url);
    address.searchParams.set("options", `-csearch_path=${path.replaceAll(" ", "\\ ")}`);
    return address.href;
  };
  const odd = await open(within('"Odd ""one"""'));
  const usual = await open(url);
  await odd.begin(key, { cursorType: null });
  expect(await usual.get(key)).toBe(null);
  expect((await odd.get(key))?.epoch).toBe(1);
  const missing = openPostgresState(within("nowhere"));
  await expect(missing).rejects.toMatchObject({ code: "STATE_UNAVAILABLE", recoverable: false });
});

/** What was done to the tables, once the server has counted all of it. */
async function tableCounts(url: string, streamUpdates: number) {
  const client = await connect(url);
  const counted = async () => {
    const { rows } = await client.query<{ updated: number; hot: number; read: number; name: string }>(
      `SELECT relname AS name, n_tup_upd::int AS updated, n_tup_hot_upd::int AS hot,
         (seq_tup_read + idx_tup_fetch)::int AS read
       FROM pg_stat_user_tables
       WHERE relname IN ('tidemark_streams', 'tidemark_runs', 'tidemark_audit') ORDER BY relname DESC`,
    );
    return rows;
  };
  await expect.poll(async () => (await counted())[0]?.updated).toBeGreaterThanOrEqual(streamUpdates);
  return counted();
}

async function completeRuns(store: StateStore, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    const run = await store.begin(key, { cursorType: "numeric_id" });
    await store.complete(run, { newCursor: String(run.epoch), metadata: { n } });
  }
}

test("updates stay on their page and touch no index", async () => {
  const url = await emptyDatabase();
  const store = await open(url);
  await completeRuns(store, 60);
  await store.close();
  // The first begin inserts.
  for (const { updated, hot, name } of await tableCounts(url, 119)) {
    expect(hot, name).toBeGreaterThanOrEqual(updated * 0.8);
  }
});

test("rows are found by their own index, also by a plan that was made while there were few", async () => {
  const url = await emptyDatabase();
  const store = await open(url);
  await completeRuns(store, 3);
  await (await connect(url)).query("VACUUM ANALYZE");
  await completeRuns(store, 400);
  await store.close();
  for (const { read, name } of await tableCounts(url, 805)) expect(read, name).toBeLessThan(403 * 4);
});
