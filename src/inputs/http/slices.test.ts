import fc from "fast-check";
import { expect, test } from "vitest";
import type { HttpPollingKeys } from "../../../test/support/http-polling.ts";
import { type HttpHandler, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { inLongRun } from "../../../test/support/long-run.ts";
import { FakeClock } from "../../../testing/fake-clock.ts";
import { MemoryTable, memoryOutput } from "../../../testing/memory-output.ts";
import type { Pipeline } from "../../engine/ports.ts";
import { attemptSync } from "../../engine/run/sync.ts";
import { millisecondsToTimestamp, parseCursorFormat, parseTimestamp } from "../../model/timestamp.ts";
import { openMemoryState } from "../../state/storage/memory/memory.ts";
import { createHttpPolling } from "./input.ts";
import { httpPollingSchema } from "./schema.ts";

const begin = Date.UTC(2026, 0, 1);

interface Row {
  readonly id: number;
  /** Milliseconds since the beginning. */
  readonly at: number;
}

type Comparing = "inclusive" | "exclusive";
type Format = "iso8601" | "epoch_ms" | "epoch_s" | "yyyy-MM-dd HH:mm:ss";

interface Reading {
  readonly paging: "page" | "offset" | "cursor" | "seek" | "secondaryCursor";
  readonly pageSize: number;
  /** How the source compares its bounds; the pipeline declares either the same or `exclusive`. */
  readonly since: Comparing;
  readonly until: Comparing;
  readonly cautious: boolean;
  readonly format: Format;
  readonly concurrency: number;
  readonly step: string;
  readonly clamp: "day" | undefined;
}

/** An API over rows with a strict or an inclusive `since` and `until`; it refuses every so many requests. */
function api(rows: readonly Row[], reading: Reading, refuses: () => boolean): HttpHandler {
  const format = parseCursorFormat(reading.format, "UTC");
  const millisOf = (text: string | null): number | null =>
    text === null ? null : Date.parse(parseTimestamp(text, format)) - begin;
  return ({ url }, response) => {
    if (refuses()) return void response.writeHead(400).end("{}");
    const query = url.searchParams;
    const [since, until] = [millisOf(query.get("since")), millisOf(query.get("until"))];
    const found = rows
      .filter(({ at }) => since === null || (reading.since === "inclusive" ? at >= since : at > since))
      .filter(({ at }) => until === null || (reading.until === "inclusive" ? at <= until : at < until))
      .toSorted((a, b) => a.at - b.at || a.id - b.id);
    const first = Number(query.get("from") ?? 0) + (Number(query.get("page") ?? 1) - 1) * reading.pageSize;
    const end = first + reading.pageSize;
    const list = found
      .slice(first, end)
      .map(({ id, at }) => ({ id, at: millisecondsToTimestamp(begin + at) }));
    sendJson(response, { list, next: end < found.length ? end : null });
  };
}

const paginations: Readonly<Record<Reading["paging"], (limit: number) => HttpPollingKeys["pagination"]>> = {
  page: () => ({ type: "page", param: "page" }),
  offset: () => ({ type: "offset", param: "from" }),
  cursor: () => ({ type: "cursor", param: "from", nextCursorField: "next" }),
  seek: (limit) => ({ type: "seek", limit, offsetParam: "from" }),
  secondaryCursor: () => undefined,
};

function pipelineOf(endpoint: string, reading: Reading, table: MemoryTable): Pipeline {
  const declared = (bound: Comparing): Comparing => (reading.cautious ? "exclusive" : bound);
  const config = httpPollingSchema.parse({
    type: "httpPolling",
    endpoint,
    dataField: "list",
    key: "id",
    pagination: paginations[reading.paging](reading.pageSize),
    statePersistence: {
      timestamp: {
        field: "at",
        queryParam: "since",
        queryFormat: reading.format,
        bound: declared(reading.since),
      },
      ...(reading.paging === "secondaryCursor" ? { offset: { queryParam: "from" } } : {}),
      order: reading.paging === "seek" ? "ascending" : "unordered",
      start: "2026-01-01",
      until: { queryParam: "until", bound: declared(reading.until) },
      slices: { step: reading.step, concurrency: reading.concurrency, clamp: reading.clamp },
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

const comparing = fc.constantFrom<Comparing>("inclusive", "exclusive");

const readings: fc.Arbitrary<Reading> = fc.record({
  paging: fc.constantFrom("page", "offset", "cursor", "seek", "secondaryCursor"),
  pageSize: fc.integer({ min: 1, max: 6 }),
  since: comparing,
  until: comparing,
  cautious: fc.boolean(),
  format: fc.constantFrom<Format>("iso8601", "epoch_ms", "epoch_s", "yyyy-MM-dd HH:mm:ss"),
  concurrency: fc.integer({ min: 1, max: 4 }),
  step: fc.constantFrom("PT7H", "P1D", "P2D"),
  clamp: fc.constantFrom("day" as const, undefined),
});

const hour = 3_600_000;
const steps = fc.constantFrom(0, 1, 400, 999, 1000, hour, 7 * hour - 1, 24 * hour - 1, 24 * hour, 30 * hour);

test("P6: slices of an API lose and repeat nothing, however it compares, pages and writes bounds, and whatever fails", async () => {
  await fc.assert(
    fc.asyncProperty(
      readings,
      fc.array(
        fc.record({ steps: fc.array(steps, { maxLength: 10 }), refused: fc.integer({ min: 0, max: 12 }) }),
        { minLength: 1, maxLength: 4 },
      ),
      async (reading, rounds) => {
        const rows: Row[] = [];
        const table = new MemoryTable();
        const state = openMemoryState();
        const clock = new FakeClock("2026-01-02T00:00:00Z");
        let newest = 0;
        let left = 0;
        await using server = await startHttpServer(api(rows, reading, () => left > 0 && --left === 0));
        const pipeline = pipelineOf(server.origin, reading, table);
        const expectNothingTwice = (): void => {
          const ids = table.rows.map(({ id }) => Number(id));
          expect(new Set(ids).size).toBe(ids.length);
        };
        for (const { steps: arriving, refused } of rounds) {
          for (const step of arriving) {
            newest += step;
            rows.push({ id: rows.length + 1, at: newest });
          }
          await clock.advance(Math.max(0, begin + newest + 1 - clock.now()));
          left = refused;
          await attemptSync(pipeline, { state, clock });
          expectNothingTwice();
        }
        left = 0;
        // The day that the last record lies in is over.
        await clock.advance(48 * hour);
        // A tie of the newest record, which came while a slice below it was missing, waits for the watermark.
        for (let run = 0; run < 2; run++) {
          expect(await attemptSync(pipeline, { state, clock })).toMatchObject({ status: "completed" });
        }
        expectNothingTwice();
        expect(table.rows.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual(
          rows.map(({ id }) => id),
        );
      },
    ),
    { numRuns: inLongRun(25, 100) },
  );
});
