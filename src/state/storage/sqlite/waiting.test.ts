import { statSync, symlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { openSqliteState } from "./sqlite.ts";

const key = { connector: "sap_eu", stream: "suppliers" };
const numbers = { cursorType: "numeric_id" as const };

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemark-waiting-"));
  file = join(folder, "state.db");
  return () => rm(folder, { recursive: true });
});

function connect(options: ConstructorParameters<typeof DatabaseSync>[1] = {}): DatabaseSync {
  const db = new DatabaseSync(file, options);
  onTestFinished(() => db.close());
  return db;
}

test("the store waits for a transaction of this very process, which can go on and end it", async () => {
  await using store = await openSqliteState(file);
  const run = await store.begin(key, numbers);
  const own = connect();
  own.exec("CREATE TABLE users_rows (id); BEGIN IMMEDIATE; INSERT INTO users_rows VALUES (1)");
  let waited = true;
  const beating = store.heartbeat(run).then(() => {
    waited = false;
  });
  // Reading goes on meanwhile.
  expect((await store.get(key))?.runId).toBe(run.runId);
  expect(waited).toBe(true);
  await store.complete(run, { newCursor: "1" }, { transaction: own });
  own.exec("COMMIT");
  await expect(beating).rejects.toMatchObject({ code: "RUN_FINISHED" });
});

test("many waiting calls all get their turn", async () => {
  await using store = await openSqliteState(file);
  const own = connect();
  own.exec("BEGIN IMMEDIATE");
  const streams = Array.from({ length: 20 }, (_, n) => ({ connector: "c", stream: String(n) }));
  const begun = Promise.all(streams.map((stream) => store.begin(stream, numbers)));
  await store.list();
  own.exec("COMMIT");
  expect((await begun).map(({ epoch }) => epoch)).toEqual(streams.map(() => 1));
});

test("a transaction that was begun without its lock and has to wait is refused, not lost", async () => {
  await using store = await openSqliteState(file);
  const run = await store.begin(key, numbers);
  const late = connect();
  late.exec("BEGIN");
  late.prepare("SELECT * FROM tidemark_streams").all();
  // Something that surely changes the file: a heartbeat within the same millisecond would not.
  await store.begin({ ...key, stream: "other" }, numbers);
  await expect(store.complete(run, { newCursor: "1" }, { transaction: late })).rejects.toMatchObject({
    code: "STATE_UNAVAILABLE",
  });
  late.exec("ROLLBACK");
  await store.complete(run, { newCursor: "1" });
});

test("a call that fails halfway leaves nothing in the caller's transaction, which goes on", async () => {
  await using store = await openSqliteState(file);
  const run = await store.begin(key, numbers);
  const before = await store.get(key);
  const own = connect();
  own.exec(`
    CREATE TABLE users_rows (id);
    CREATE TEMP TRIGGER full BEFORE INSERT ON tidemark_audit BEGIN SELECT RAISE(ABORT, 'no room'); END;
    BEGIN IMMEDIATE;
    INSERT INTO users_rows VALUES (1)`);
  await expect(store.complete(run, { newCursor: "1" }, { transaction: own })).rejects.toThrow(/no room/);
  own.exec("COMMIT");
  expect(await store.get(key)).toEqual(before);
  expect(own.prepare("SELECT id FROM users_rows").all()).toHaveLength(1);
});

test("a transaction has to be open, and on the state's own file", async () => {
  await using store = await openSqliteState(file);
  const run = await store.begin(key, numbers);
  const idle = connect();
  const elsewhere = new DatabaseSync(join(folder, "other.db"));
  const inMemory = new DatabaseSync(":memory:");
  const closed = new DatabaseSync(file);
  closed.close();
  for (const db of [elsewhere, inMemory]) {
    onTestFinished(() => db.close());
    db.exec("BEGIN");
  }
  for (const transaction of [idle, elsewhere, inMemory, closed]) {
    await expect(store.complete(run, { newCursor: "1" }, { transaction })).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
    });
  }
  expect((await store.get(key))?.status).toBe("running");
});

test("a caller's connection may read numbers and rows in its own way, and by another path", async () => {
  await using store = await openSqliteState(file);
  symlinkSync(file, join(folder, "link.db"));
  const own = new DatabaseSync(join(folder, "link.db"), { readBigInts: true, returnArrays: true });
  onTestFinished(() => own.close());
  for (const newCursor of ["1", "2"]) {
    const run = await store.begin(key, numbers);
    own.exec("BEGIN IMMEDIATE");
    await store.complete(run, { newCursor }, { transaction: own });
    own.exec("COMMIT");
    expect((await store.get(key))?.cursor?.value).toBe(newCursor);
  }
});

test("the folder is made, the file has no half-made time, and its state may be next to other tables", async () => {
  file = join(folder, "deep", "down", "state.db");
  await using store = await openSqliteState(file);
  expect(statSync(file).size).toBeGreaterThan(4096);
  const own = connect();
  own.exec("CREATE TABLE events (id)");
  await store.begin(key, numbers);
  expect(store.databaseIdentity).toBe(`sqlite:${file}`);

  file = join(folder, "users.db");
  const users = connect();
  users.exec("CREATE TABLE events (id); INSERT INTO events VALUES (1)");
  await using childRows = await openSqliteState(file);
  await childRows.begin(key, numbers);
  expect(users.prepare("SELECT id FROM events").all()).toHaveLength(1);
});
