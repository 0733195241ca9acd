import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { emptyPosition, type Position } from "../src/model/position.ts";
import type { Run, StateStore } from "../src/state/contract.ts";
import { openFileState } from "../src/state/storage/files/file.ts";
import { openPostgresState } from "../src/state/storage/postgres/postgres.ts";
import { openSqliteState } from "../src/state/storage/sqlite/sqlite.ts";
import { inLongRun } from "./support/long-run.ts";
import { createTestDatabase } from "./support/postgres.ts";

const key = { connector: "acme", stream: "accounts" };
const tables = ["streams", "partitions", "tie_set", "coverage", "runs", "audit"] as const;
const many = inLongRun(10_000, 100_000);

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-writes-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function at(n: number): Position {
  return {
    ...emptyPosition,
    watermark: String(n),
    tieSet: [{ identity: `record ${n}`, cursor: String(n), count: 1 }],
    coverage: [{ lower: null, upper: String(n) }],
  };
}

/** A run under way on a stream with so many partitions, each of which has moved once. */
async function withPartitions(store: StateStore, count: number): Promise<Run> {
  const run = await store.begin(key, { cursorType: "numeric_id", leaseSeconds: 86_400 });
  const partitions = Array.from({ length: count }, (_, n) => ({
    partition: `account ${n}`,
    position: at(1),
  }));
  await store.checkpoint(run, {
    sequence: 1,
    position: emptyPosition,
    recordsProcessed: 1,
    partitions,
  });
  return run;
}

function moveOne(store: StateStore, run: Run, sequence: number): Promise<unknown> {
  return store.checkpoint(run, {
    sequence,
    position: emptyPosition,
    recordsProcessed: sequence,
    partitions: [{ partition: `account ${sequence}`, position: at(sequence) }],
  });
}

/** The stream's own row, the one partition with the member of its tie set and coverage put for old ones, and one audit row. */
const ofOneMove = { streams: 1, partitions: 1, tie_set: 2, coverage: 2, runs: 0, audit: 1 };

test(`a checkpoint of one of ${many} partitions writes that one, in SQLite`, async () => {
  const file = join(temporaryFolder(), "state.db");
  await using store = await openSqliteState(file);
  const run = await withPartitions(store, many);
  const observer = new DatabaseSync(file);
  observer.exec("CREATE TABLE written (name TEXT)");
  for (const table of tables) {
    for (const event of ["INSERT", "UPDATE", "DELETE"]) {
      observer.exec(`
        CREATE TRIGGER count_${table}_${event} AFTER ${event} ON tidemark_${table}
        BEGIN INSERT INTO written VALUES ('${table}'); END`);
    }
  }
  const written = () => counted(observer.prepare("SELECT name FROM written").all());
  await moveOne(store, run, 2);
  expect(written()).toEqual(ofOneMove);
  observer.exec("DELETE FROM written");
  await store.reset(key, { to: null, reason: "test", actor: "test" });
  expect(written()).toEqual({ ...ofNothing, streams: 1, runs: 1, audit: 1 });
  observer.close();
  expect((await store.partition(key, "account 7"))?.position).toEqual(emptyPosition);
});

test(`a checkpoint of one of ${many} partitions writes that one, in PostgreSQL`, async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await using store = await openPostgresState(database.url);
  const run = await withPartitions(store, many);
  const observer = new pg.Client({ connectionString: database.url });
  await observer.connect();
  await observer.query("CREATE TABLE written (name text)");
  await observer.query(`
    CREATE FUNCTION count_row() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO written VALUES (substr(tg_table_name, 10)); RETURN NULL; END $$`);
  for (const table of tables) {
    await observer.query(`
      CREATE TRIGGER count_row AFTER INSERT OR UPDATE OR DELETE ON tidemark_${table}
      FOR EACH ROW EXECUTE FUNCTION count_row()`);
  }
  const written = async () => counted((await observer.query("SELECT name FROM written")).rows);
  await moveOne(store, run, 2);
  expect(await written()).toEqual(ofOneMove);
  await observer.query("TRUNCATE written");
  await store.reset(key, { to: null, reason: "test", actor: "test" });
  expect(await written()).toEqual({ ...ofNothing, streams: 1, runs: 1, audit: 1 });
  await observer.end();
  expect((await store.partition(key, "account 7"))?.position).toEqual(emptyPosition);
});

const ofNothing = { streams: 0, partitions: 0, tie_set: 0, coverage: 0, runs: 0, audit: 0 };

function counted(rows: readonly Record<string, unknown>[]): Record<string, number> {
  const counts: Record<string, number> = { ...ofNothing };
  for (const { name } of rows) counts[String(name)] = (counts[String(name)] ?? 0) + 1;
  return counts;
}

test("a checkpoint of one of many partitions writes the file of no other, in files", async () => {
  const folder = temporaryFolder();
  await using store = await openFileState(folder);
  const run = await withPartitions(store, 2000);
  await moveOne(store, run, 2);
  // What the first write moved has its files by now; the next writes touch at most the one before them.
  const before = changedAt(folder);
  expect([...before.keys()].filter((name) => name.includes("~partitions/live"))).toHaveLength(1999);
  await moveOne(store, run, 3);
  const after = changedAt(folder);
  const changed = [...after].filter(([name, time]) => before.get(name) !== time).map(([name]) => name);
  expect(changed.sort()).toEqual([
    "acme/accounts.json",
    "acme/accounts.log.jsonl",
    "acme/accounts~partitions/live/account%202.json",
  ]);
  const document: unknown = JSON.parse(readFileSync(join(folder, "acme/accounts.json"), "utf8"));
  expect(document).toMatchObject({ partitions: { "live/account%203.json": { cursor_value: "3" } } });
  await store.reset(key, { to: null, reason: "test", actor: "test" });
  expect((await store.partition(key, "account 7"))?.position).toEqual(emptyPosition);
});

/** When each file was written last, in nanoseconds, and which it is. */
function changedAt(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const states = files.filter((name) => /\.jsonl?$/.test(name));
  return new Map(
    states.map((name) => {
      const { mtimeNs, ino } = statSync(join(folder, name), { bigint: true });
      return [name, `${mtimeNs} ${ino}`];
    }),
  );
}
