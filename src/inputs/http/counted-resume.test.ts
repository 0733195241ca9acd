import { expect, test } from "vitest";
import { type HttpPollingKeys, readOnce } from "../../../test/support/http-polling.ts";
import { type HttpHandler, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { MemoryTable, memoryOutput } from "../../../testing/memory-output.ts";
import type { RunResult } from "../../engine/run/result.ts";
import { attemptSync } from "../../engine/run/sync.ts";
import { openMemoryState } from "../../state/storage/memory/memory.ts";
import { createHttpPolling } from "./input.ts";
import { httpPollingSchema } from "./schema.ts";

const rows = Array.from({ length: 100 }, (_, index) => ({ id: index + 1 }));

/** A hundred records, ten a page whatever is asked for, and a total that is right. */
const granting: HttpHandler = ({ url }, response) => {
  const page = Number(url.searchParams.get("page") ?? 1);
  const token = Number(url.searchParams.get("token") ?? 0);
  const from = url.searchParams.has("page") ? (page - 1) * 10 : token;
  const next = from + 10 < rows.length ? String(from + 10) : null;
  sendJson(response, { list: rows.slice(from, from + 10), total: rows.length, next });
};

const shared = { limitParam: "limit", limit: 50, totalField: "total" } as const;
const byPage = { type: "page", param: "page", ...shared } as const;

test("P15: a read that goes on at a page counts what came before it, and not what was asked for", async () => {
  await using server = await startHttpServer(granting);
  const keys = { endpoint: server.origin, dataField: "list", key: "id", pagination: byPage } as const;
  const whole = await readOnce(keys);
  expect(whole.pages[2]?.next).toMatchObject({ kind: "page", token: "4", read: 30 });

  const resumed = await readOnce(keys, { resume: whole.pages[2]?.next ?? null });
  expect([resumed.records.length, resumed.error, resumed.warnings]).toEqual([70, null, []]);
});

test("P15: a place that was kept without a count is not judged by a guess", async () => {
  await using server = await startHttpServer(granting);
  const keys = { endpoint: server.origin, dataField: "list", key: "id", pagination: byPage } as const;
  const { records, error } = await readOnce(keys, { resume: { kind: "page", token: "4" } });
  expect([records.length, error]).toEqual([70, null]);
});

test("P15: a token walk that is resumed still misses what its total tells of", async () => {
  await using server = await startHttpServer(({ url }, response) => {
    const isFirst = url.search === "";
    sendJson(response, { list: rows.slice(0, 10), total: 30, next: isFirst ? "a" : null });
  });
  const pagination = {
    type: "cursor",
    param: "token",
    nextCursorField: "next",
    totalField: "total",
  } as const;
  const keys = { endpoint: server.origin, dataField: "list", pagination };
  const first = await readOnce({ ...keys, pagination: { ...pagination, maxPages: 2 } });
  expect(first.pages[0]?.next).toMatchObject({ kind: "token", read: 10 });
  const { error } = await readOnce(keys, { resume: first.pages[0]?.next ?? null });
  expect(error).toMatchObject({
    code: "SOURCE_TRUNCATED",
    message: expect.stringContaining("after 20 records"),
  });
});

/** Runs of one stream, one after another, into one table. */
function runsOf(keys: HttpPollingKeys): { readonly table: MemoryTable; run(): Promise<RunResult> } {
  const state = openMemoryState();
  const table = new MemoryTable();
  const input = createHttpPolling(httpPollingSchema.parse({ type: "httpPolling", ...keys }), {
    random: () => 0,
  });
  const pipeline = {
    name: "events",
    key: { connector: "acme", stream: "events" },
    onConcurrentRun: "takeover",
    leaseSeconds: 60,
    input,
    filters: [],
    output: memoryOutput(table, { appends: true }),
  } as const;
  return { table, run: () => attemptSync(pipeline, { state }) };
}

test("P15: a run that goes on at the page where the last one failed ends with all records", async () => {
  let isBroken = true;
  await using server = await startHttpServer((request, response) => {
    if (request.url.searchParams.get("page") === "4" && isBroken) {
      response.statusCode = 500;
      response.end();
    } else granting(request, response);
  });
  const stream = runsOf({
    endpoint: server.origin,
    dataField: "list",
    key: "id",
    retry: { attempts: 1 },
    pagination: byPage,
    statePersistence: { id: { field: "id", queryParam: "after" }, resume: "page" },
  });
  expect(await stream.run()).toMatchObject({ status: "failed", recordsWritten: 30 });
  isBroken = false;
  expect(await stream.run()).toMatchObject({ status: "completed", recordsWritten: 70, warnings: [] });
  expect(stream.table.rows.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
});

test("a next place that a run has seen is no warning where later runs do not", async () => {
  let isLong = true;
  await using server = await startHttpServer(({ url }, response) => {
    const isFirst = url.search === "";
    sendJson(response, {
      list: isFirst ? rows.slice(0, 3) : rows.slice(3, 6),
      ...(isLong && isFirst ? { next: "2" } : {}),
    });
  });
  const pagination = { type: "cursor", param: "token", nextCursorField: "next", limit: 3 } as const;
  const stream = runsOf({ endpoint: server.origin, dataField: "list", key: "id", pagination });
  expect(await stream.run()).toMatchObject({ status: "completed" });
  isLong = false;
  const later = await stream.run();
  expect([later.status, later.error]).toEqual(["completed", null]);
});
