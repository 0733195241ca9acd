import fc from "fast-check";
import { expect, test } from "vitest";
import type { FaultPoint } from "../src/engine/run/fault-points.ts";
import { attemptSync } from "../src/engine/run/sync.ts";
import { createHttpPolling } from "../src/inputs/http/input.ts";
import { httpPollingSchema } from "../src/inputs/http/schema.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { MemoryTable, memoryOutput } from "../testing/memory-output.ts";
import { sendJson, startHttpServer } from "./support/http-server.ts";
import { inLongRun } from "./support/long-run.ts";

const hour = 3_600_000;
const begin = Date.parse("2026-06-01T00:00:00Z");

/** A run: how long after the one before, which rows come by then (in hours from its present), and how it goes. */
const runs = fc.record({
  after: fc.integer({ min: 1, max: 40 }),
  rows: fc.array(fc.integer({ min: -60, max: 60 }), { maxLength: 6 }),
  isSliced: fc.boolean(),
  order: fc.constantFrom("unordered", "ascending"),
  crash: fc.option(
    fc.constantFrom<FaultPoint>("beforeCommit", "afterCommit", "beforeComplete", "afterCheckpoint"),
    { freq: 2 },
  ),
});

const histories = fc.record({
  /** What the source does with its bound: compares days or whole times, or ignores it. */
  compares: fc.constantFrom("days", "times", "nothing"),
  queryFormat: fc.option(fc.constant("yyyy-MM-dd")),
  /** More rows than a small stream has, of which not all can be remembered. */
  isLarge: fc.boolean(),
  maxTieSetSize: fc.constantFrom(10_000, 1200),
  runs: fc.array(runs, { minLength: 2, maxLength: 7 }),
});

type Drawn<A> = A extends fc.Arbitrary<infer T> ? T : never;

const plain: Drawn<typeof runs> = { after: 1, rows: [], isSliced: false, order: "unordered", crash: null };

/** A window that is left and gone on with twice, days after what was delivered before it. */
const leftTwice: Drawn<typeof histories> = {
  compares: "days",
  queryFormat: "yyyy-MM-dd",
  isLarge: true,
  maxTieSetSize: 10_000,
  runs: [
    plain,
    { ...plain, rows: Array.from({ length: 200 }, (_, at) => at / 100 - 20), crash: "afterCheckpoint" },
    { ...plain, crash: "afterCheckpoint" },
    plain,
    plain,
  ],
};

interface Row {
  readonly id: number;
  readonly at: string;
}

/** Pages of what lies within the bounds, as the source understands them. */
function answerTo(url: URL, rows: readonly Row[], compares: "days" | "times" | "nothing", size: number) {
  const [since, until] = [url.searchParams.get("since"), url.searchParams.get("until")];
  const digits = compares === "days" ? 10 : 30;
  const given = rows
    .filter(
      ({ at }) => since === null || compares === "nothing" || at.slice(0, digits) >= since.slice(0, digits),
    )
    .filter(({ at }) => until === null || at.slice(0, 10) <= until.slice(0, 10))
    .toSorted((a, b) => (a.at === b.at ? a.id - b.id : a.at < b.at ? -1 : 1));
  const from = Number(url.searchParams.get("token") ?? 0);
  return { data: given.slice(from, from + size), next: from + size < given.length ? from + size : null };
}

test("P2, P6: what comes late, early or again is appended once, however runs are cut, ordered and crashed", async () => {
  await fc.assert(
    fc.asyncProperty(histories, async ({ compares, queryFormat, isLarge, maxTieSetSize, runs }) => {
      const rows: Row[] = [];
      const add = (at: number) => rows.push({ id: rows.length, at: new Date(at).toISOString() });
      for (let minute = 0; isLarge && minute < 1300; minute++) add(begin + minute * 60_000);
      await using server = await startHttpServer(({ url }, response) =>
        sendJson(response, answerTo(url, rows, compares, isLarge ? 700 : 3)),
      );
      const table = new MemoryTable();
      const state = openMemoryState();
      let now = begin + 100 * hour;
      for (const { after, rows: come, isSliced, order, crash } of runs) {
        now += after * hour;
        for (const hours of come) add(now + hours * hour);
        const input = httpPollingSchema.parse({
          type: "httpPolling",
          endpoint: server.origin,
          dataField: "data",
          key: "id",
          pagination: { type: "cursor", param: "token", nextCursorField: "next" },
          statePersistence: {
            timestamp: { field: "at", queryParam: "since", ...(queryFormat === null ? {} : { queryFormat }) },
            order,
            maxTieSetSize,
            ...(isSliced ? { slices: { step: "P1D" }, until: { queryParam: "until" } } : {}),
          },
        });
        let faults = (point: FaultPoint): void => {
          if (point !== crash) return;
          faults = () => {};
          throw new Error("crash");
        };
        await attemptSync(
          {
            name: "events",
            key: { connector: "acme", stream: "events" },
            onConcurrentRun: "takeover",
            leaseSeconds: 60,
            input: createHttpPolling(input, { random: () => 0 }),
            filters: [],
            output: memoryOutput(table, { appends: true }),
          },
          { state, clock: new FakeClock(new Date(now).toISOString()), faults: (point) => faults(point) },
        );
        const ids = table.rows.map(({ id }) => id);
        expect(ids).toEqual([...new Set(ids)]);
      }
    }),
    { numRuns: inLongRun(20, 40), examples: [[leftTwice]] },
  );
});
