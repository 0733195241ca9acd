import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { attemptSync, loadPipelines, openState, type Pipeline, sync } from "../../src/index.ts";
import { testFolder } from "../../test/support/command.ts";
import { sendJson, startHttpServer } from "../../test/support/http-server.ts";
import { recordSource, replaySource } from "../index.ts";

const orders = Array.from({ length: 57 }, (_, index) => ({
  id: index + 1,
  updated_at: `2026-01-01T00:00:${String(Math.floor(index / 2)).padStart(2, "0")}Z`,
}));

/** The API that is recorded: five orders a page, and a key of its own. */
const api = () =>
  startHttpServer(({ url: { searchParams }, headers }, response) => {
    if (headers.authorization !== "Bearer the-real-token") return void response.writeHead(401).end();
    const since = searchParams.get("updated_after") ?? "";
    const start = Number((searchParams.get("page_token") ?? "offset-0").slice("offset-".length));
    const found = orders.filter(({ updated_at }) => updated_at >= since);
    const next = start + 5 < found.length ? `offset-${start + 5}` : null;
    sendJson(response, { data: found.slice(start, start + 5), next });
  });

const yaml = `name: orders
input:
  type: httpPolling
  endpoint: \${ORDERS_API}/orders
  dataField: data
  key: id
  headers: { authorization: "Bearer \${ORDERS_TOKEN}" }
  retry: { initialDelayMs: 1 }
  pagination: { type: cursor, param: page_token, nextCursorField: next }
  statePersistence:
    timestamp: { field: updated_at, queryParam: updated_after }
    order: ascending
output: { type: database, connectionString: "sqlite:\${DATABASE}", table: orders, mode: append }
`;

async function load(folder: string, env: Record<string, string>): Promise<Pipeline> {
  const file = join(folder, "orders.yaml");
  writeFileSync(file, yaml);
  const [pipeline] = await loadPipelines([file], { env });
  if (pipeline === undefined) throw new Error("the file holds no pipeline");
  return pipeline;
}

test("the page's example: record once, play with faults, and find every order once", async () => {
  const folder = testFolder();
  const recording = join(folder, "recording");

  {
    await using upstream = await api();
    await using source = await recordSource({ upstream: upstream.origin, folder: recording });
    await using state = await openState("memory:");
    const DATABASE = join(folder, "recorded.db");
    await sync(await load(folder, { ORDERS_API: source.origin, ORDERS_TOKEN: "the-real-token", DATABASE }), {
      state,
    });
  }

  await using source = await replaySource({
    folder: recording,
    seed: 7,
    bounds: ["updated_after"],
    faults: [
      { kind: "too-many-requests", retryAfterSeconds: 0.01, rate: 0.1 },
      { kind: "server-error", status: 502, rate: 0.1 },
      { kind: "truncated", at: [3] },
      { kind: "expired-page", at: [5] },
    ],
  });
  const DATABASE = join(folder, "played.db");
  const pipeline = await load(folder, { ORDERS_API: source.origin, ORDERS_TOKEN: "any", DATABASE });
  await using state = await openState("memory:");
  let status = "";
  let runs = 0;
  while (status !== "completed" && runs++ < 50) status = (await attemptSync(pipeline, { state })).status;

  expect(status).toBe("completed");
  expect(runs).toBeGreaterThan(1);
  const struck = new Set(source.log.map(({ fault }) => fault));
  expect([...struck].sort()).toEqual([
    "expired-page",
    null,
    "server-error",
    "too-many-requests",
    "truncated",
  ]);
  const database = new DatabaseSync(DATABASE, { readOnly: true });
  const rows = database.prepare("SELECT id FROM orders ORDER BY id").all();
  database.close();
  expect(rows.map(({ id }) => id)).toEqual(orders.map(({ id }) => id));
});
