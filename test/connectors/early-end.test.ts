import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, expect, test } from "vitest";
import { defineConnector } from "../../src/index.ts";
import { lostAndRepeated } from "../support/delivered.ts";
import { numbersConnector } from "../support/numbers-connector.ts";
import { engineOf, freshBench, ids } from "../support/sync-engine.ts";

beforeEach(freshBench);

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

test("of two engines at once one syncs and the other skips; configured so, it waits or takes over", async () => {
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
