import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HttpPollingKeys } from "../../../test/support/http-polling.ts";
import {
  type HttpHandler,
  type SeenRequest,
  sendJson,
  startHttpServer,
} from "../../../test/support/http-server.ts";
import { inLongRun } from "../../../test/support/long-run.ts";
import { MemoryTable, memoryOutput } from "../../../testing/memory-output.ts";
import type { Pipeline } from "../../engine/ports.ts";
import { sync } from "../../engine/run/sync.ts";
import { parseTimestamp } from "../../model/timestamp.ts";
import { openMemoryState } from "../../state/storage/memory/memory.ts";
import { createHttpPolling } from "./input.ts";
import { httpPollingSchema } from "./schema.ts";

interface Row {
  readonly id: string;
  /** Microseconds after the first. */
  readonly at: number;
}

const timeOf = ({ at }: Row): string => `2020-01-01T00:00:00.${String(at).padStart(6, "0")}Z`;

type Paging = "page" | "offset" | "cursor" | "link";

interface Reading {
  readonly paging: Paging;
  readonly pageSize: number;
  /** How the source compares `since`, and what the pipeline declares of it. */
  readonly compares: "inclusive" | "exclusive";
  readonly declares: "inclusive" | "exclusive";
  readonly granularity: "1us" | "1ms" | undefined;
  /** Whether `after_id` goes along, with which the source pages by keyset. */
  readonly secondaryCursor: boolean;
  readonly ascending: boolean;
}

/** An API over rows that may be added to between runs. */
function api(rows: readonly Row[], reading: Reading): HttpHandler {
  const numeric = ({ id }: Row): bigint => BigInt(id);
  const asked = (request: SeenRequest): Row[] => {
    const since = request.url.searchParams.get("since");
    const after = request.url.searchParams.get("after_id");
    const bound = since === null ? null : microseconds(since);
    const found = rows.filter((row) => {
      if (bound === null || row.at > bound) return true;
      if (row.at < bound) return false;
      return after === null ? reading.compares === "inclusive" : numeric(row) > BigInt(after);
    });
    const sorted = found.toSorted((a, b) => a.at - b.at || Number(numeric(a) - numeric(b)));
    return reading.ascending ? sorted : sorted.toReversed();
  };
  return (request, response) => {
    const { searchParams } = request.url;
    const all = asked(request);
    const from = {
      page: (Number(searchParams.get("page") ?? 1) - 1) * reading.pageSize,
      other: Number(searchParams.get("from") ?? 0),
    };
    const start = reading.paging === "page" ? from.page : from.other;
    const end = start + reading.pageSize;
    const url = new URL(request.url);
    url.searchParams.set("from", String(end));
    const more = end < all.length;
    const list = all.slice(start, end).map((row) => `{"id":${row.id},"at":"${timeOf(row)}"}`);
    const next = more
      ? reading.paging === "cursor"
        ? `"${end}"`
        : `"${url.pathname}${url.search}"`
      : "null";
    sendJson(response, `{"list":[${list.join(",")}],"next":${next},"total":${all.length}}`);
  };
}

/** Where a bound lies among the rows; it may lie between two of them. */
function microseconds(text: string): number {
  const [whole = "", fraction = ""] = parseTimestamp(text, { kind: "iso8601", timezone: "UTC" })
    .slice(0, -1)
    .split(".");
  return (
    (Date.parse(`${whole}Z`) - Date.UTC(2020, 0, 1)) * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6))
  );
}

const paginations: Record<Paging, HttpPollingKeys["pagination"]> = {
  page: { type: "page", param: "page", totalField: "total" },
  offset: { type: "offset", param: "from", totalField: "total" },
  cursor: { type: "cursor", param: "from", nextCursorField: "next" },
  link: { type: "link", nextCursorField: "next" },
};

function pipelineOf(endpoint: string, reading: Reading, table: MemoryTable): Pipeline {
  const { declares: bound, granularity } = reading;
  const config = httpPollingSchema.parse({
    type: "httpPolling",
    endpoint,
    dataField: "list",
    key: "id",
    pagination: paginations[reading.paging],
    statePersistence: {
      timestamp: { field: "at", queryParam: "since", bound, granularity },
      ...(reading.secondaryCursor ? { id: { field: "id", queryParam: "after_id" } } : {}),
      order: reading.ascending ? "ascending" : "descending",
    },
  });
  return {
    name: "events",
    key: { connector: "acme", stream: "events" },
    onConcurrentRun: "skip",
    leaseSeconds: 60,
    input: createHttpPolling(config, { random: () => 0 }),
    filters: [],
    output: memoryOutput(table, { appends: true }),
  };
}

const readings: fc.Arbitrary<Reading> = fc
  .record({
    paging: fc.constantFrom<Paging>("page", "offset", "cursor", "link"),
    pageSize: fc.integer({ min: 1, max: 7 }),
    compares: fc.constantFrom("inclusive" as const, "exclusive" as const),
    cautious: fc.boolean(),
    granularity: fc.constantFrom("1us" as const, "1ms" as const, undefined),
    secondaryCursor: fc.boolean(),
    ascending: fc.boolean(),
  })
  // An inclusive source may be declared as either; a strict one must be declared as such.
  .map(({ cautious, ...reading }) => ({ ...reading, declares: cautious ? "exclusive" : reading.compares }));

describe("P6: equal timestamps lose and repeat nothing", () => {
  test("wherever pages and runs end among them, and whatever arrives between runs", async () => {
    await fc.assert(
      fc.asyncProperty(
        readings,
        // Each run finds more rows, at the newest time known or a little later.
        fc.array(fc.array(fc.constantFrom(0, 0, 1, 2, 700, 1500), { maxLength: 8 }), {
          minLength: 1,
          maxLength: 5,
        }),
        async (reading, arrivals) => {
          const rows: Row[] = [];
          const table = new MemoryTable();
          const state = openMemoryState();
          let newest = 5000;
          await using server = await startHttpServer(api(rows, reading));
          const pipeline = pipelineOf(server.origin, reading, table);
          for (const steps of [...arrivals, []]) {
            for (const step of steps) {
              newest += step;
              rows.push({ id: String(9_007_199_254_740_993n + BigInt(rows.length)), at: newest });
            }
            const result = await sync(pipeline, { state });
            expect(result).toMatchObject({ status: "completed" });
            expect(table.rows.map(({ id }) => String(id)).sort()).toEqual(rows.map(({ id }) => id).sort());
          }
        },
      ),
      { numRuns: inLongRun(60, 300) },
    );
  });

  test("a control: the same source declared inclusive though it compares strictly loses a late tie", async () => {
    const reading: Reading = {
      paging: "cursor",
      pageSize: 5,
      compares: "exclusive",
      declares: "inclusive",
      granularity: undefined,
      secondaryCursor: false,
      ascending: true,
    };
    const rows: Row[] = [{ id: "1", at: 5 }];
    const table = new MemoryTable();
    const state = openMemoryState();
    await using server = await startHttpServer(api(rows, reading));
    const pipeline = pipelineOf(server.origin, reading, table);
    await sync(pipeline, { state });
    rows.push({ id: "2", at: 5 });
    await sync(pipeline, { state });
    expect(table.rows).toHaveLength(1);
  });
});

test("P15: a run over a cut total fails, keeps what ascending pages delivered, and the next completes it", async () => {
  const rows = Array.from({ length: 6 }, (_, index) => ({ id: String(index + 1), at: index * 10 }));
  const reading: Reading = {
    paging: "offset",
    pageSize: 2,
    compares: "inclusive",
    declares: "inclusive",
    granularity: "1us",
    secondaryCursor: false,
    ascending: true,
  };
  const whole = api(rows, reading);
  let isCut = true;
  await using server = await startHttpServer((request, response) => {
    if (isCut && request.url.searchParams.get("from") === "4") sendJson(response, { list: [], total: 6 });
    else return whole(request, response);
  });
  const table = new MemoryTable();
  const state = openMemoryState();
  const pipeline = pipelineOf(server.origin, reading, table);
  await expect(sync(pipeline, { state })).rejects.toMatchObject({ code: "SOURCE_TRUNCATED" });
  expect(table.rows).toHaveLength(4);
  isCut = false;
  expect(await sync(pipeline, { state })).toMatchObject({ status: "completed", recordsWritten: 2 });
  expect(table.rows.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("an offset cursor goes on where the last run ended", async () => {
  const rows: { id: number }[] = [1, 2, 3, 4, 5].map((id) => ({ id }));
  await using server = await startHttpServer(({ url }, response) => {
    const from = Number(url.searchParams.get("offset"));
    sendJson(response, rows.slice(from, from + 2));
  });
  const table = new MemoryTable();
  const state = openMemoryState();
  const config = httpPollingSchema.parse({
    type: "httpPolling",
    endpoint: server.origin,
    statePersistence: { offset: { queryParam: "offset" } },
  });
  const pipeline: Pipeline = {
    name: "events",
    key: { connector: "acme", stream: "events" },
    onConcurrentRun: "skip",
    leaseSeconds: 60,
    input: createHttpPolling(config, { random: () => 0 }),
    filters: [],
    output: memoryOutput(table, { appends: true }),
  };
  await sync(pipeline, { state });
  rows.push({ id: 6 }, { id: 7 }, { id: 8 });
  await sync(pipeline, { state });
  expect(table.rows.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(server.seen.map(({ url }) => url.searchParams.get("offset"))).toEqual([
    "0",
    "2",
    "4",
    "5",
    "5",
    "7",
    "8",
  ]);
});
