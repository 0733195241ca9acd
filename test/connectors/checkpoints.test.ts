import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { defineConnector, defineOutput } from "../../src/index.ts";
import { openSqliteState } from "../../src/state/storage/sqlite/sqlite.ts";
import { lostAndRepeated } from "../support/delivered.ts";
import { numbersConnector } from "../support/numbers-connector.ts";
import { clock, engineOf, folder, freshBench, ids, state, table } from "../support/sync-engine.ts";

beforeEach(freshBench);

test("a connector that yields no cursor is recorded by its completion alone", async () => {
  const fails = { now: true };
  const connector = defineConnector({
    id: "whole",
    async *sync({ since }) {
      for (let id = 1; id <= 250; id++) yield { record: { id, since } };
      if (fails.now) throw new Error("before the end");
    },
  });
  const engine = engineOf({}, table("upsert"));
  await expect(engine.sync(connector)).rejects.toThrow("before the end");
  expect(await engine.getCheckpoint("whole")).toMatchObject({ itemsSynced: 0, cursor: null, lastSync: null });
  fails.now = false;
  const done = await engine.sync(connector);
  expect(done.warnings).toEqual([]);
  const { lastSync } = (await engine.getCheckpoint("whole")) ?? {};
  expect(lastSync).toBe("2026-01-01T00:00:00.000Z");
  expect(await engine.getCheckpoint("whole")).toMatchObject({ itemsSynced: 250, cursor: null });
  await clock.advance(60_000);
  await engine.sync(connector);
  const db = new DatabaseSync(join(folder, "out.db"), { readOnly: true });
  expect(db.prepare("SELECT count(*) AS n, min(since) AS since FROM kept").get()).toEqual({
    n: 250,
    since: lastSync,
  });
  db.close();
});

test("lastSync is the start of the last run that completed, and a failed one does not move it", async () => {
  const numbers = numbersConnector({ count: 10, every: 1 });
  const engine = engineOf();
  expect(await engine.getCheckpoint("numbers")).toBeNull();
  const lastSync = async () => (await engine.getCheckpoint("numbers"))?.lastSync;

  numbers.beforeRecord = async (id) => {
    if (id === 5) await clock.advance(30_000);
  };
  await engine.sync(numbers.connector);
  expect(await lastSync()).toBe("2026-01-01T00:00:00.000Z");

  await clock.advance(30_000);
  numbers.count = 20;
  numbers.beforeRecord = (id) => {
    if (id === 15) throw new Error("down");
  };
  await expect(engine.sync(numbers.connector)).rejects.toThrow("down");
  expect(await lastSync()).toBe("2026-01-01T00:00:00.000Z");

  await clock.advance(60_000);
  numbers.beforeRecord = () => {};
  await engine.sync(numbers.connector);
  expect(await lastSync()).toBe("2026-01-01T00:02:00.000Z");
  expect(numbers.asked.map(({ since }) => since)).toEqual([
    null,
    "2026-01-01T00:00:00.000Z",
    "2026-01-01T00:00:00.000Z",
  ]);

  // The completed run went on from the failed one, and has not seen what changed behind that cursor since.
  await engine.sync(numbers.connector);
  expect(numbers.asked.at(-1)?.since).toBe("2026-01-01T00:01:00.000Z");
  await engine.sync(numbers.connector);
  expect(numbers.asked.at(-1)?.since).toBe("2026-01-01T00:02:00.000Z");
});

test("an idle run moves lastSync and nothing else", async () => {
  const numbers = numbersConnector({ count: 10, every: 1, lists: true });
  const engine = engineOf();
  await engine.sync(numbers.connector);
  await clock.advance(1000);
  expect(await engine.sync(numbers.connector)).toMatchObject({ itemsSynced: 0, newCursor: "10" });
  expect(await engine.getCheckpoint("numbers")).toEqual({
    itemsSynced: 10,
    cursor: "10",
    lastSync: "2026-01-01T00:00:01.000Z",
    error: null,
  });
});

test("P10: a last sync that cannot be read is an error, never none", async () => {
  const numbers = numbersConnector({ count: 10, every: 1 });
  const engine = engineOf();
  await engine.sync(numbers.connector);
  const db = new DatabaseSync(join(folder, "state.db"));
  db.exec(`UPDATE tidemark_streams SET position = json_set(position, '$.tally.lastStart', 'last Tuesday')`);
  db.close();
  await expect(engine.getCheckpoint("numbers")).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
  await expect(engine.sync(numbers.connector)).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
  expect(numbers.asked).toHaveLength(1);
});

test("a lost state database is found again in the output, with its count and its last sync", async () => {
  const numbers = numbersConnector({ count: 150, every: 1 });
  await engineOf().sync(numbers.connector);
  const anew = await openSqliteState(join(folder, "anew.db"), { clock });
  onTestFinished(() => anew.close());
  await clock.advance(1000);
  numbers.count = 160;
  const engine = engineOf({ state: anew });
  await engine.sync(numbers.connector);
  expect(numbers.asked.at(-1)).toEqual({ since: "2026-01-01T00:00:00.000Z", cursor: "150" });
  expect(await engine.getCheckpoint("numbers")).toMatchObject({ itemsSynced: 160 });
  expect(lostAndRepeated(await ids(), 160)).toEqual({ lost: [], repeated: [] });
});

test("P10: an output that lost what was delivered is an error, also where no cursor is kept", async () => {
  const connector = defineConnector({
    id: "whole",
    async *sync() {
      yield { records: [{ id: 1 }, { id: 2 }] };
    },
  });
  await engineOf().sync(connector);
  const elsewhere = defineOutput({
    type: "database",
    connectionString: `sqlite:${join(folder, "elsewhere.db")}`,
    table: "items",
  });
  await expect(engineOf({}, elsewhere).sync(connector)).rejects.toMatchObject({
    code: "OUTPUT_LOST",
    message: expect.stringContaining("2 records of whole/default"),
  });
});

test("P12: a reset is audited, and the next run starts over", async () => {
  const numbers = numbersConnector({ count: 10, every: 1 });
  const engine = engineOf({}, table("upsert"));
  await engine.sync(numbers.connector);
  await expect(engine.resetCheckpoint("numbers", { reason: " ", actor: "ada" })).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
  });
  await engine.resetCheckpoint("numbers", { reason: "the source was restored", actor: "ada" });
  expect(await engine.getCheckpoint("numbers")).toEqual({
    itemsSynced: 0,
    cursor: null,
    lastSync: null,
    error: null,
  });
  const { items } = await state.audit({ key: { connector: "numbers", stream: "default" } });
  expect(items.at(-1)).toMatchObject({
    action: "reset",
    actor: "ada",
    reason: "the source was restored",
    oldCursor: "10",
  });
  await engine.sync(numbers.connector);
  expect(numbers.asked.at(-1)).toEqual({ since: null, cursor: null });
  expect(await engine.getCheckpoint("numbers")).toMatchObject({ itemsSynced: 10 });
});
