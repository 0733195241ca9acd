import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import type { StateStore } from "../src/state/contract.ts";
import { openFileState } from "../src/state/storage/files/file.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { openPostgresState } from "../src/state/storage/postgres/postgres.ts";
import { openSqliteState } from "../src/state/storage/sqlite/sqlite.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { createTestDatabase } from "./support/postgres.ts";

const key = { connector: "acme", stream: "orders" };
const day = 86_400_000;

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-prune-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function runTo(store: StateStore, n: number): Promise<string> {
  const run = await store.begin(key, { cursorType: "numeric_id", leaseSeconds: 86_400 });
  await store.complete(run, { newCursor: String(n) });
  return run.runId;
}

async function runIds(store: StateStore): Promise<string[]> {
  return (await store.runs(key, { limit: 1000 })).items.map(({ runId }) => runId);
}

/** A store, and what makes days go by for it. */
interface Aging {
  readonly store: StateStore;
  readonly pass: (days: number) => Promise<void>;
}

function byClock(open: (clock: FakeClock) => Promise<StateStore>): () => Promise<Aging> {
  return async () => {
    const clock = new FakeClock();
    return { store: await open(clock), pass: async (days) => clock.advance(days * day) };
  };
}

const backends: Readonly<Record<string, () => Promise<Aging>>> = {
  memory: byClock(async (clock) => openMemoryState({ clock })),
  sqlite: byClock((clock) => openSqliteState(join(temporaryFolder(), "state.db"), { clock })),
  files: byClock((clock) => openFileState(temporaryFolder(), { clock })),
  async postgres() {
    const { url, client } = await postgres();
    const store = await openPostgresState(url);
    // Its time is the server's, so that what happened is put back instead.
    const pass = (days: number) =>
      client.query(
        `UPDATE tidemark_runs SET started_at_utc = started_at_utc - make_interval(hours => ${days * 24}),
           ended_at_utc = ended_at_utc - make_interval(hours => ${days * 24})`,
      );
    return { store, pass: async (days) => void (await pass(days)) };
  },
};

async function postgres(): Promise<{ url: string; client: pg.Client }> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  onTestFinished(() => client.end());
  return { url: database.url, client };
}

for (const [name, open] of Object.entries(backends)) {
  test(`runs go when they are older than is asked, the running one never: ${name}`, async () => {
    const { store, pass } = await open();
    await using _ = store;
    const old = [await runTo(store, 1), await runTo(store, 2)];
    await pass(10);
    const middle = await runTo(store, 3);
    await pass(10);
    const young = await runTo(store, 4);
    const running = await store.begin(key, { cursorType: "numeric_id", leaseSeconds: 86_400 });
    await pass(0.5);
    expect(await store.prune({ maxAgeDays: 30 })).toEqual({ runs: 0 });
    expect(await store.prune({ maxAgeDays: 15, keepRuns: 3 })).toEqual({ runs: old.length });
    expect(await runIds(store)).toEqual([running.runId, young, middle]);
    expect(await store.prune({ maxAgeDays: 0.25 })).toEqual({ runs: 2 });
    expect(await runIds(store)).toEqual([running.runId]);
    await pass(100);
    expect(await store.prune({ maxAgeDays: 1, keepRuns: 0 })).toEqual({ runs: 0 });
    await store.complete(running, { newCursor: "5" });
    expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 5 });
  });
}

/** More than one statement deletes, copied from a real run. */
const copies = 2500;

test("thousands of runs go in several steps, in SQLite", async () => {
  const file = join(temporaryFolder(), "state.db");
  await using store = await openSqliteState(file);
  await runTo(store, 1);
  const db = new DatabaseSync(file);
  const columns = db.prepare("SELECT name FROM pragma_table_info('tidemark_runs')").all();
  const others = columns.map(({ name }) => String(name)).filter((name) => !/number|run_id/.test(name));
  db.exec(`
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${copies})
    INSERT INTO tidemark_runs (run_id, ${others.join(", ")})
    SELECT 'copy ' || i, ${others.join(", ")} FROM tidemark_runs, n`);
  db.close();
  expect(await store.prune({ keepRuns: 7 })).toEqual({ runs: copies + 1 - 7 });
  expect(await runIds(store)).toEqual(Array.from({ length: 7 }, (_, n) => `copy ${copies - n}`));
});

test("thousands of runs go in several steps, in PostgreSQL", async () => {
  const { url, client } = await postgres();
  await using store = await openPostgresState(url);
  await runTo(store, 1);
  const { rows } = await client.query<{ name: string }>(
    `SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'tidemark_runs'`,
  );
  const others = rows.map(({ name }) => name).filter((name) => !/number|run_id/.test(name));
  await client.query(`
    INSERT INTO tidemark_runs (run_id, ${others.join(", ")})
    SELECT 'copy ' || i, ${others.join(", ")} FROM tidemark_runs, generate_series(1, ${copies}) i`);
  expect(await store.prune({ keepRuns: 7 })).toEqual({ runs: copies + 1 - 7 });
  expect(await runIds(store)).toEqual(Array.from({ length: 7 }, (_, n) => `copy ${copies - n}`));
});

test("P12: state in files that lost its file goes on with the log that was written last", async () => {
  const folder = temporaryFolder();
  const logs = () => readdirSync(join(folder, "acme")).filter((name) => name.endsWith(".jsonl"));
  {
    await using store = await openFileState(folder);
    for (let n = 1; n <= 4; n++) await runTo(store, n);
    await store.prune({ keepRuns: 1 });
    await store.prune({ keepRuns: 0 });
    await runTo(store, 5);
    expect(logs()).toEqual(["orders.log-3.jsonl"]);
  }
  rmSync(join(folder, "acme/orders.json"));
  await using store = await openFileState(folder);
  await runTo(store, 1);
  expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 7 });
  expect(logs()).toEqual(["orders.log-3.jsonl"]);
  const log = readFileSync(join(folder, "acme/orders.log-3.jsonl"), "utf8");
  expect(log.split("\n").filter((line) => line.startsWith('{"audit"'))).toHaveLength(7);
});
