import fc from "fast-check";
import { expect, test } from "vitest";
import { sync } from "../src/engine/run/sync.ts";
import { createHttpPolling } from "../src/inputs/http/input.ts";
import { httpPollingSchema } from "../src/inputs/http/schema.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { MemoryTable, memoryOutput } from "../testing/memory-output.ts";
import { sendJson, startHttpServer } from "./support/http-server.ts";

/** When clocks are changed, and the offsets before and after, in hours. */
const changes = [
  { at: "2025-10-26T01:00:00Z", before: 2, after: 1 },
  { at: "2025-03-30T01:00:00Z", before: 1, after: 2 },
  { at: "2024-11-03T06:00:00Z", before: -4, after: -5 },
  { at: "2025-03-09T07:00:00Z", before: -5, after: -4 },
] as const;

const paginations = {
  none: undefined,
  page: { type: "page", param: "page", limitParam: "limit", limit: 3 },
  seek: { type: "seek", limitParam: "limit", limit: 3, offsetParam: "skip" },
} as const;

const histories = fc.record({
  change: fc.constantFrom(...changes),
  pagination: fc.constantFrom(...(["none", "page", "seek"] as const)),
  bound: fc.constantFrom("inclusive" as const, "exclusive" as const),
  /** From how many minutes after the change on records come; and by run, how many minutes pass before each of them. */
  from: fc.integer({ min: -150, max: 60 }),
  runs: fc.array(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 6 }), { minLength: 2, maxLength: 6 }),
});

/** A moment as clocks there show it, with the offset that they have then. */
function written(moment: number, { at, before, after }: (typeof changes)[number]): string {
  const hours = moment < Date.parse(at) ? before : after;
  const wall = new Date(moment + hours * 3_600_000).toISOString().slice(0, 19);
  return `${wall}${hours < 0 ? "-" : "+"}${String(Math.abs(hours)).padStart(2, "0")}:00`;
}

test("P6: a source that compares texts loses and repeats nothing while its clocks are changed, however it pages", async () => {
  await fc.assert(
    fc.asyncProperty(histories, async ({ change, pagination, bound, from, runs }) => {
      const rows: { id: number; at: string }[] = [];
      await using server = await startHttpServer(({ url }, response) => {
        const { searchParams } = url;
        // In one second, ids decide.
        const found = rows
          .filter(({ at }) => at >= (searchParams.get("since") ?? ""))
          .toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.id - b.id));
        const limit = Number(searchParams.get("limit") ?? found.length);
        const skip = Number(searchParams.get("skip") ?? (Number(searchParams.get("page") ?? 1) - 1) * limit);
        sendJson(response, { list: found.slice(skip, skip + limit) });
      });
      const timestamp = { field: "at", queryParam: "since", bound, granularity: "1s" };
      const order = pagination === "seek" ? "ascending" : "unordered";
      const input = createHttpPolling(
        httpPollingSchema.parse({
          type: "httpPolling",
          endpoint: `${server.origin}/jobs`,
          dataField: "list",
          key: "id",
          pagination: paginations[pagination],
          statePersistence: { timestamp, order },
        }),
        { random: () => 0 },
      );
      const [table, state] = [new MemoryTable(), openMemoryState()];
      const pipeline = {
        name: "night",
        key: { connector: "acme", stream: "night" },
        onConcurrentRun: "skip",
        leaseSeconds: 60,
        input,
        filters: [],
        output: memoryOutput(table, { appends: true }),
      } as const;
      let moment = Date.parse(change.at) + from * 60_000;
      for (const waits of runs) {
        for (const minutes of waits) {
          moment += minutes * 60_000;
          rows.push({ id: rows.length + 1, at: written(moment, change) });
        }
        const { status } = await sync(pipeline, { state });
        expect(status).toBe("completed");
        const read = table.rows.map(({ id }) => Number(id)).toSorted((a, b) => a - b);
        expect(read).toEqual(rows.map(({ id }) => id));
      }
    }),
    { numRuns: 40 },
  );
});
