import { describe, expect, test } from "vitest";
import { type HttpHandler, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { MemoryTable, memoryOutput } from "../../../testing/memory-output.ts";
import type { Pipeline } from "../../engine/ports.ts";
import { sync } from "../../engine/run/sync.ts";
import { openMemoryState } from "../../state/storage/memory/memory.ts";
import { createHttpPolling } from "./input.ts";
import { httpPollingSchema } from "./schema.ts";

const key = { connector: "acme", stream: "orders" };
const at = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, "0")}.000Z`;
const rowsUpTo = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: index + 1, at: at(index) }));

function pipelineOf(endpoint: string, table: MemoryTable): Pipeline {
  const config = httpPollingSchema.parse({
    type: "httpPolling",
    endpoint,
    dataField: "data.orders",
    key: "id",
    pagination: { type: "cursor", param: "after", nextCursorField: "next" },
    statePersistence: { timestamp: { field: "at", queryParam: "since" }, order: "ascending" },
  });
  return {
    name: "orders",
    key,
    onConcurrentRun: "skip",
    leaseSeconds: 60,
    input: createHttpPolling(config, { random: () => 0 }),
    filters: [],
    output: memoryOutput(table, { appends: true }),
  };
}

describe("P15: a run over half an answer", () => {
  const rows = rowsUpTo(9);

  test("fails before the half is delivered, and the next run reads what it lacked", async () => {
    let isHalf = true;
    const handler: HttpHandler = ({ url }, response) => {
      const since = url.searchParams.get("since") ?? "";
      const from = Number(url.searchParams.get("after") ?? 0);
      const all = rows.filter((row) => row.at >= since);
      const page = all.slice(from, from + 3);
      const next = from + 3 < all.length ? String(from + 3) : null;
      const broken = isHalf && from === 3;
      sendJson(response, {
        data: { orders: broken ? page.slice(0, 1) : page },
        next,
        ...(broken ? { errors: [{ message: "2 of 3 orders could not be resolved" }] } : {}),
      });
    };
    await using server = await startHttpServer(handler);
    const table = new MemoryTable();
    const state = openMemoryState();
    const pipeline = pipelineOf(server.origin, table);
    await expect(sync(pipeline, { state })).rejects.toMatchObject({
      code: "SOURCE_PARTIAL",
      message: expect.stringContaining("2 of 3 orders could not be resolved"),
    });
    expect(table.rows.map(({ id }) => id)).toEqual([1, 2, 3]);
    isHalf = false;
    expect(await sync(pipeline, { state })).toMatchObject({ status: "completed" });
    expect(table.rows.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe("a source that leaves its list out while there is nothing new", () => {
  test("is read run after run once it has given the list, and anew after a reset", async () => {
    let count = 0;
    await using server = await startHttpServer(({ url }, response) => {
      const since = url.searchParams.get("since");
      const orders = rowsUpTo(count).filter((row) => since === null || row.at > since);
      sendJson(
        response,
        orders.length === 0 ? { kind: "orders" } : { kind: "orders", data: { orders }, next: null },
      );
    });
    const table = new MemoryTable();
    const state = openMemoryState();
    const pipeline = pipelineOf(server.origin, table);
    await expect(sync(pipeline, { state })).rejects.toMatchObject({
      code: "SOURCE_INVALID",
      hint: expect.stringContaining("once it has given the list for the first time"),
    });
    count = 3;
    await sync(pipeline, { state });
    expect(await sync(pipeline, { state })).toMatchObject({ status: "completed", recordsWritten: 0 });
    expect(await sync(pipeline, { state })).toMatchObject({ status: "completed", recordsWritten: 0 });
    count = 5;
    expect(await sync(pipeline, { state })).toMatchObject({ status: "completed", recordsWritten: 2 });
    await state.reset(key, { to: null, actor: "test", reason: "start over" });
    count = 0;
    await expect(sync(pipeline, { state })).rejects.toMatchObject({ code: "SOURCE_INVALID" });
  });
});
