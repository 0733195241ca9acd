import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import {
  type Connector,
  defineConnector,
  defineOutput,
  type Output,
  type StateStore,
  SyncEngine,
  type SyncEngineOptions,
} from "../../src/index.ts";
import { openSqliteState } from "../../src/state/sqlite/sqlite.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { testFolder } from "../support/command.ts";
import { idsInSqlite, lostAndRepeated } from "../support/delivered.ts";
import { numbersConnector } from "../support/numbers-connector.ts";

let folder: string;
let state: StateStore;
let clock: FakeClock;

beforeEach(async () => {
  folder = testFolder();
  clock = new FakeClock();
  state = await openSqliteState(join(folder, "state.db"), { clock });
  return () => state.close();
});

/** A table of SQLite that adds a row for every record, or replaces it by its id. */
function table(mode: "append" | "upsert" = "append"): Output {
  const connectionString = `sqlite:${join(folder, "out.db")}`;
  return defineOutput({
    type: "database",
    connectionString,
    table: mode === "upsert" ? "kept" : "items",
    ...(mode === "upsert" ? { key: "id" } : {}),
  });
}

const ids = (from = "items") => idsInSqlite(join(folder, "out.db"), from)();

function engineOf(options: Partial<SyncEngineOptions> = {}, output = table()): SyncEngine {
  return new SyncEngine(output, { state, ...options });
}

test("the first run delivers everything in batches of 100, and the next goes on behind the cursor", async () => {
  const numbers = numbersConnector({ count: 250, every: 1 });
  const engine = engineOf();
  const seen: unknown[] = [];
  const first = await engine.sync(numbers.connector, {
    onProgress: ({ recordsWritten, watermark }) => seen.push([recordsWritten, watermark]),
  });
  expect(first).toMatchObject({ status: "completed", itemsSynced: 250, checkpoints: 4, newCursor: "250" });
  expect(seen).toEqual([
    [100, "100"],
    [200, "200"],
    [250, "250"],
    [250, "250"],
  ]);

  numbers.count = 260;
  expect(await engine.sync(numbers.connector)).toMatchObject({ itemsSynced: 10, lowerBound: "250" });
  expect(lostAndRepeated(await ids(), 260)).toEqual({ lost: [], repeated: [] });
  expect(numbers.asked.map(({ cursor }) => cursor)).toEqual([null, "250"]);
});

test("a checkpoint has the connector's current cursor, not the one it started with", async () => {
  const numbers = numbersConnector({ count: 500, every: 10 });
  const engine = engineOf();
  await engine.sync(numbers.connector);
  numbers.count = 1000;
  numbers.beforeRecord = async (id) => {
    // The batch before may be on its way; the one before that is committed.
    if (id === 800)
      await expect.poll(async () => (await engine.getCheckpoint("numbers"))?.cursor).toBe("700");
  };
  await engine.sync(numbers.connector);
  expect(await engine.getCheckpoint("numbers")).toMatchObject({ cursor: "1000", itemsSynced: 1000 });
});

test("P1 P2 P8: a sync that fails goes on behind its last cursor, and counts each record once", async () => {
  for (const mode of ["append", "upsert"] as const) {
    const numbers = numbersConnector({ count: 430, every: 7 });
    const connector = { ...numbers.connector, id: mode };
    const engine = engineOf({}, table(mode));
    numbers.beforeRecord = (id) => {
      if (id === 333) throw new Error("the line dropped");
    };
    await expect(engine.sync(connector)).rejects.toMatchObject({
      code: "CONNECTOR_FAILED",
      message: `the connector ${mode}: the line dropped`,
      recoverable: true,
    });
    expect(await engine.getCheckpoint(mode)).toEqual({
      itemsSynced: 329,
      cursor: "329",
      lastSync: null,
      error: `CONNECTOR_FAILED: the connector ${mode}: the line dropped`,
    });
    numbers.beforeRecord = () => {};
    expect(await engine.sync(connector)).toMatchObject({ itemsSynced: 101, lowerBound: "329" });
    expect(await engine.getCheckpoint(mode)).toMatchObject({ itemsSynced: 430, error: null });
    const delivered = await ids(mode === "upsert" ? "kept" : "items");
    expect(lostAndRepeated(delivered, 430)).toEqual({ lost: [], repeated: [] });
  }
});

test("records that no cursor covers are not added before they are covered, and replaced at once", async () => {
  for (const mode of ["append", "upsert"] as const) {
    const numbers = numbersConnector({ count: 1000, every: 400 });
    const connector = { ...numbers.connector, id: mode };
    const engine = engineOf({}, table(mode));
    numbers.beforeRecord = (id) => {
      if (id === 700) throw new Error("down");
    };
    await expect(engine.sync(connector)).rejects.toThrow("down");
    if (mode === "append") expect(await ids()).toHaveLength(400);
    else expect(await ids("kept")).toHaveLength(600);
    expect(await engine.getCheckpoint(mode)).toMatchObject({ itemsSynced: 400, cursor: "400" });
    const [run] = (await state.runs({ connector: mode, stream: "default" })).items;
    expect(run).toMatchObject({ outcome: "failed", newCursor: "400" });
    if (mode === "append") expect(run?.recordsProcessed).toBe(400);
  }
});

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

test("a connector may declare its stream and the type of its cursors", async () => {
  const times = ["2026-01-01T00:00:00.123456789Z", "2026-01-02 00:00:00+02"];
  const connector = defineConnector({
    id: "shop",
    stream: "orders",
    cursorType: "timestamp_utc",
    async *sync() {
      for (const [index, cursor] of times.entries()) yield { record: { id: index }, cursor };
    },
  });
  const engine = engineOf();
  await engine.sync(connector);
  expect(await engine.getCheckpoint("shop")).toBeNull();
  expect(await engine.getCheckpoint(connector)).toMatchObject({ cursor: "2026-01-01T22:00:00Z" });
  expect((await state.get({ connector: "shop", stream: "orders" }))?.cursorType).toBe("timestamp_utc");
});

test("P3: a cursor that falls is refused where cursors have an order, and nothing of its batch is kept", async () => {
  const cursors = ["5", "9", "7"];
  const connector = (cursorType: "numeric_id" | "opaque_token"): Connector =>
    defineConnector({
      id: cursorType,
      cursorType,
      async *sync() {
        for (const [index, cursor] of cursors.entries()) yield { record: { id: index + 1 }, cursor };
      },
    });
  const engine = engineOf({ batchSize: 1 });
  await expect(engine.sync(connector("numeric_id"))).rejects.toMatchObject({
    code: "CURSOR_REGRESSION",
    message: expect.stringContaining("7 after 9"),
    stream: "numeric_id/default",
  });
  expect(await ids()).toEqual([1, 2]);
  expect(await engine.getCheckpoint("numeric_id")).toMatchObject({ cursor: "9", itemsSynced: 2 });
  expect(await engine.sync(connector("opaque_token"))).toMatchObject({ newCursor: "7" });
});

test("records behind the last cursor are delivered with a warning, since the next run may bring them again", async () => {
  const connector = defineConnector({
    id: "untidy",
    async *sync() {
      yield { record: { id: 1 }, cursor: "a" };
      yield { record: { id: 2 } };
    },
  });
  const result = await engineOf().sync(connector);
  expect(result.warnings).toMatchObject([
    { code: "RECORDS_UNCOVERED", message: expect.stringContaining("untidy") },
  ]);
  expect(await ids()).toEqual([1, 2]);
});

test("a record that the connector changes after it was yielded is delivered as it was yielded", async () => {
  const connector = defineConnector({
    id: "thrifty",
    async *sync() {
      const record = { id: 0, at: new Date(0), n: 0n };
      for (let id = 1; id <= 3; id++) {
        record.id = id;
        record.n = 9_007_199_254_740_993n;
        yield { record };
      }
    },
  });
  await engineOf().sync(connector);
  const db = new DatabaseSync(join(folder, "out.db"), { readOnly: true });
  expect(db.prepare("SELECT id, at, CAST(n AS TEXT) AS n FROM items WHERE id = 2").get()).toEqual({
    id: 2,
    at: "1970-01-01T00:00:00.000Z",
    n: "9007199254740993",
  });
  db.close();
  expect(await ids()).toEqual([1, 2, 3]);
});

test("a cancelled sync commits what a cursor covers, and the next goes on behind it", async () => {
  const numbers = numbersConnector({ count: 500, every: 30 });
  const controller = new AbortController();
  numbers.beforeRecord = (id) => {
    if (id === 250) controller.abort();
  };
  const engine = engineOf();
  await expect(engine.sync(numbers.connector, { signal: controller.signal })).rejects.toMatchObject({
    code: "RUN_CANCELLED",
  });
  const reached = (await engine.getCheckpoint("numbers"))?.itemsSynced ?? 0;
  expect(reached).toBeGreaterThan(0);
  expect(reached % 30).toBe(0);
  expect(await ids()).toHaveLength(reached);
  numbers.beforeRecord = () => {};
  await engine.sync(numbers.connector);
  expect(lostAndRepeated(await ids(), 500)).toEqual({ lost: [], repeated: [] });
});

test("a connector that does not heed its signal holds up neither a cancellation nor a failure", async () => {
  const stuck = (onStuck: () => void) =>
    defineConnector({
      id: "stuck",
      async *sync() {
        for (let id = 1; id <= 100; id++) yield { record: { id }, cursor: String(id) };
        onStuck();
        await new Promise<never>(() => {});
      },
    });
  const controller = new AbortController();
  const engine = engineOf();
  await expect(
    engine.sync(
      stuck(() => controller.abort()),
      { signal: controller.signal },
    ),
  ).rejects.toMatchObject({
    code: "RUN_CANCELLED",
  });
  expect(await engine.getCheckpoint("stuck")).toMatchObject({ itemsSynced: 100 });

  const failing = engineOf({
    faults: async (point) => {
      // The connector is asked for more while its batch is written; let it get stuck before that fails.
      if (point === "afterWrite") await delay(10).then(() => Promise.reject(new Error("the disk is full")));
    },
  });
  await expect(failing.sync(stuck(() => {}))).rejects.toThrow("the disk is full");
});

test("a connector's own clean-up runs when the sync ends early", async () => {
  let cleaned = 0;
  const connector = defineConnector({
    id: "tidy",
    async *sync({ signal }) {
      try {
        for (let id = 1; id <= 1000; id++) yield { record: { id } };
        signal.throwIfAborted();
      } finally {
        cleaned += 1;
      }
    },
  });
  const failing = engineOf({
    faults: (point) => {
      if (point === "afterWrite") throw new Error("the disk is full");
    },
  });
  await expect(failing.sync(connector)).rejects.toThrow("the disk is full");
  expect(cleaned).toBe(1);
});

test("of two engines at once one syncs and the other skips; told to, it waits or takes over", async () => {
  const numbers = numbersConnector({ count: 300, every: 1 });
  const [first, second] = await Promise.all([
    engineOf().sync(numbers.connector),
    engineOf().sync(numbers.connector),
  ]);
  expect([first.status, second.status].sort()).toEqual(["completed", "skipped"]);
  expect(lostAndRepeated(await ids(), 300)).toEqual({ lost: [], repeated: [] });

  numbers.count = 600;
  let successor: Promise<unknown> | undefined;
  const shutOut = engineOf({
    faults: async (point) => {
      if (point !== "afterWrite" || successor !== undefined) return;
      successor = engineOf({ onConcurrentRun: "takeover" }).sync(numbers.connector);
      await successor;
    },
  });
  await expect(shutOut.sync(numbers.connector)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
  expect(lostAndRepeated(await ids(), 600)).toEqual({ lost: [], repeated: [] });
  expect(await engineOf().getCheckpoint("numbers")).toMatchObject({ itemsSynced: 600, cursor: "600" });
});

test("P15: a connector that yields the same records under the same cursor for ever fails", async () => {
  const connector = defineConnector({
    id: "loop",
    async *sync() {
      for (;;) yield { records: [{ id: 1 }, { id: 2 }], cursor: "next" };
    },
  });
  await expect(engineOf({ batchSize: 2 }).sync(connector)).rejects.toMatchObject({ code: "PAGE_REPEATED" });
});

test("records that are alike are no loop", async () => {
  const connector = defineConnector({
    id: "alike",
    async *sync() {
      for (let i = 0; i < 1000; i++) yield { record: { id: i % 100 } };
    },
  });
  expect(await engineOf().sync(connector)).toMatchObject({ itemsSynced: 1000 });
});
