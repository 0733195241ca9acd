import { once } from "node:events";
import { createServer } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
// In a project of your own: from "tidemark", and from "tidemark/testing".
import {
  attemptSync,
  connectorInput,
  defineConnector,
  definePipeline,
  type FaultPoint,
  faultPoints,
  openState,
  sync,
} from "../src/index.ts";
import { FakeClock, MemoryTable, memoryOutput } from "../testing/index.ts";

const numbers = defineConnector({
  id: "numbers",
  cursorType: "numeric_id",
  async *sync({ cursor }) {
    for (let id = Number(cursor ?? 0) + 1; id <= 3; id++) yield { record: { id }, cursor: String(id) };
  },
});

describe("fault points: where a run can be broken off, to see what the next one makes of it", () => {
  test.each(faultPoints)(
    "a run that ends %s leaves nothing behind that is lost or repeated",
    async (point) => {
      const table = new MemoryTable();
      const pipeline = definePipeline({
        name: "numbers",
        onConcurrentRun: "takeover", // A run that is broken off early still holds its lease.
        input: connectorInput(numbers, { batchSize: 1 }),
        output: memoryOutput(table),
      });
      await using state = await openState("memory:");
      const faults = (at: FaultPoint): void => {
        if (at === point) throw new Error("the disk is gone");
      };
      expect((await attemptSync(pipeline, { state, faults })).error?.message).toBe("the disk is gone");
      expect((await attemptSync(pipeline, { state })).error).toBeNull();
      expect(table.rows).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
    },
  );
});

test("fake clock: a wait of two minutes takes no time", async () => {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    if (asked === 1) response.writeHead(429, { "retry-after": "120" }).end();
    else response.end('[{ "id": 1 }]');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === "object" ? address?.port : "";
  const table = new MemoryTable();
  const pipeline = definePipeline({
    name: "patient",
    input: { type: "httpPolling", endpoint: `http://127.0.0.1:${port}` },
    output: memoryOutput(table, { appends: false }),
  });
  const clock = new FakeClock("2026-01-31T08:00:00Z");
  await using state = await openState("memory:", { clock });
  const run = sync(pipeline, { state, clock });
  await clock.whenSleeping(2); // The run waits to ask again, and to renew its lease.
  expect(asked).toBe(1);
  await clock.advance(120_000);
  expect(await run).toMatchObject({ status: "completed", recordsWritten: 1 });
  expect(asked).toBe(2);
});
