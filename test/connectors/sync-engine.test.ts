import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeEach, expect, test } from "vitest";
import { type Connector, defineConnector } from "../../src/index.ts";
import { lostAndRepeated } from "../support/delivered.ts";
import { numbersConnector } from "../support/numbers-connector.ts";
import { engineOf, folder, freshBench, ids, state, table } from "../support/sync-engine.ts";

beforeEach(freshBench);

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

test.each([
  ["falls", ["5", "9", "7", "12"], "CURSOR_REGRESSION", "7 after 9"],
  ["cannot be read", ["5", "9", "x", "12"], "CURSOR_INVALID", "x"],
])(
  "P3: a cursor that %s in the middle of a batch ends the run at the cursor before it",
  async (_, cursors, code, message) => {
    const asked: (string | null)[] = [];
    const connector = defineConnector({
      id: "ordered",
      cursorType: "numeric_id",
      async *sync({ cursor }) {
        asked.push(cursor);
        for (const [index, next] of cursors.entries()) yield { record: { id: index + 1 }, cursor: next };
      },
    });
    const engine = engineOf();
    await expect(engine.sync(connector)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    expect(await ids()).toEqual([1, 2]);
    expect(await engine.getCheckpoint("ordered")).toMatchObject({ cursor: "9", itemsSynced: 2 });
    // Also in the next run, where the first cursor lies below the stored one.
    await expect(engine.sync(connector)).rejects.toMatchObject({ code: "CURSOR_REGRESSION" });
    expect(asked).toEqual([null, "9"]);
    expect(await ids()).toEqual([1, 2]);
  },
);

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
