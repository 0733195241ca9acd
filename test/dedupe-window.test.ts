import fc from "fast-check";
import { expect, test } from "vitest";
import { attemptSync } from "../src/engine/run/sync.ts";
import { definePipeline, type Pipeline } from "../src/index.ts";
import { createHttpPolling } from "../src/inputs/http/input.ts";
import { httpPollingSchema } from "../src/inputs/http/schema.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { MemoryTable, memoryOutput } from "../testing/memory-output.ts";
import { testFolder } from "./support/command.ts";
import { idsInFile, idsInPostgres, idsInSqlite } from "./support/delivered.ts";
import { type HttpTestServer, sendJson, startHttpServer } from "./support/http-server.ts";
import { historiesOr } from "./support/long-run.ts";
import { createTestDatabase } from "./support/postgres.ts";

const histories = historiesOr(15);
const seed = process.env.TIDEMARK_SEED === undefined ? {} : { seed: Number(process.env.TIDEMARK_SEED) };

const begin = Date.UTC(2026, 0, 1);
const timeOf = (second: number): string => new Date(begin + second * 1000).toISOString().replace(".000", "");

interface Row {
  readonly id: number;
  /** Seconds after the first. */
  readonly at: number;
}

/** A source that is sorted by time and compares it inclusively. */
function serve(rows: readonly Row[]): Promise<HttpTestServer> {
  return startHttpServer(({ url }, response) => {
    const since = Date.parse(url.searchParams.get("since") ?? timeOf(0));
    const found = rows
      .filter(({ at }) => begin + at * 1000 >= since)
      .toSorted((a, b) => a.at - b.at || a.id - b.id);
    const first = Number(url.searchParams.get("from"));
    sendJson(
      response,
      found.slice(first, first + 3).map(({ id, at }) => ({ id, at: timeOf(at) })),
    );
  });
}

interface Reading {
  readonly order: "ascending" | "unordered";
  readonly bound: "inclusive" | "exclusive";
  /** In seconds; null reads no further back than the watermark, and keeps nothing. */
  readonly lookback: number | null;
}

function inputOf(origin: string, { order, bound, lookback }: Reading) {
  return {
    type: "httpPolling",
    endpoint: origin,
    key: "id",
    pagination: { type: "offset", param: "from" },
    statePersistence: {
      timestamp: { field: "at", queryParam: "since", bound, granularity: "1s" },
      order,
      ...(lookback === null ? {} : { lookback: `PT${lookback}S`, dedupe: "window" as const }),
    },
  } as const;
}

function intoMemory(origin: string, reading: Reading, table: MemoryTable): Pipeline {
  return {
    name: "events",
    key: { connector: "acme", stream: "events" },
    onConcurrentRun: "skip",
    leaseSeconds: 60,
    input: createHttpPolling(httpPollingSchema.parse(inputOf(origin, reading)), { random: () => 0 }),
    filters: [],
    output: memoryOutput(table, { appends: true }),
  };
}

interface Round {
  /** Seconds by which rows come after the newest before them, or, below zero, before it. */
  readonly steps: readonly number[];
  /** Which fault point of the run throws; null for none. */
  readonly fails: number | null;
}

const rounds = fc.array(
  fc.record({
    steps: fc.array(fc.integer({ min: -100, max: 60 }), { maxLength: 8 }),
    fails: fc.option(fc.integer({ min: 0, max: 12 }), { freq: 2 }),
  }),
  { minLength: 1, maxLength: 6 },
);

const shape = {
  order: fc.constantFrom("ascending" as const, "unordered" as const),
  bound: fc.constantFrom("inclusive" as const, "exclusive" as const),
};

/** Adds a round's rows, none of them later than `late` seconds behind the newest there was before it. */
function arrive(rows: Row[], { steps }: Round, late: number): void {
  const before = Math.max(0, ...rows.map(({ at }) => at));
  let newest = before;
  for (const step of steps) {
    const at = step < 0 ? Math.max(before - late, newest + step, 0) : newest + step;
    newest = Math.max(newest, at);
    rows.push({ id: rows.length + 1, at });
  }
}

function failing({ fails }: Round): () => Promise<void> {
  let left = fails;
  return async () => {
    if (left !== null && left-- === 0) throw new Error("the process is gone");
  };
}

/** Runs that break off behind their last commit, and leave the next run nothing to read. */
const brokenOff: [Omit<Reading, "lookback">, Round[]][] = [
  [
    { order: "ascending", bound: "inclusive" },
    [
      { steps: [0, 31], fails: null },
      { steps: [43], fails: null },
      { steps: [27], fails: 10 },
    ],
  ],
  [{ order: "ascending", bound: "inclusive" }, [{ steps: [0, 60, 60, 60], fails: 12 }]],
];

const idsOf = (table: MemoryTable): number[] => table.rows.map(({ id }) => Number(id)).sort((a, b) => a - b);

test("P2: rows that come late within the lookback are appended once, wherever runs fail", async () => {
  await fc.assert(
    fc.asyncProperty(fc.record(shape), rounds, async (form, history) => {
      const rows: Row[] = [];
      const table = new MemoryTable();
      const state = openMemoryState();
      const clock = new FakeClock("2026-02-01T00:00:00Z");
      await using server = await serve(rows);
      const pipeline = intoMemory(server.origin, { ...form, lookback: 100 }, table);
      for (const round of [...history, { steps: [], fails: null }]) {
        arrive(rows, round, 100);
        const result = await attemptSync(pipeline, { state, clock, faults: failing(round) });
        const ids = idsOf(table);
        expect(new Set(ids).size).toBe(ids.length);
        if (result.status !== "completed") continue;
        expect(ids).toEqual(rows.map(({ id }) => id));
        const newest = Math.max(...rows.map(({ at }) => at));
        const kept = table.delivered.get("acme/events\n")?.size ?? 0;
        expect(kept).toBe(rows.filter(({ at }) => at >= newest - 100).length);
      }
    }),
    { ...seed, numRuns: histories, examples: brokenOff },
  );
}, 3_600_000);

test("P2: nothing is appended twice where the lookback is turned on, off, or changed on the way", async () => {
  const lookback = fc.constantFrom(null, 40, 100, 300);
  await fc.assert(
    fc.asyncProperty(
      fc.record(shape),
      fc.array(fc.tuple(lookback, rounds), { minLength: 1, maxLength: 4 }),
      async (form, stages) => {
        const rows: Row[] = [];
        const table = new MemoryTable();
        const state = openMemoryState();
        const clock = new FakeClock("2026-02-01T00:00:00Z");
        await using server = await serve(rows);
        for (const [length, history] of stages) {
          const pipeline = intoMemory(server.origin, { ...form, lookback: length }, table);
          for (const round of [...history, { steps: [], fails: null }]) {
            // None is late, so that all must have come.
            arrive(rows, round, 0);
            const result = await attemptSync(pipeline, { state, clock, faults: failing(round) });
            const ids = idsOf(table);
            expect(new Set(ids).size).toBe(ids.length);
            if (result.status === "completed") expect(ids).toEqual(rows.map(({ id }) => id));
          }
        }
      },
    ),
    { ...seed, numRuns: Math.ceil((histories * 3) / 4) },
  );
}, 3_600_000);

const outputs = {
  SQLite: async (folder: string) => ({
    output: {
      type: "database",
      connectionString: `sqlite:${folder}/out.db`,
      table: "rows",
      mode: "append",
    } as const,
    delivered: idsInSqlite(`${folder}/out.db`, "rows"),
  }),
  PostgreSQL: async () => {
    const { url } = await createTestDatabase();
    return {
      output: { type: "database", connectionString: url, table: "rows", mode: "append" } as const,
      delivered: idsInPostgres(url, "rows"),
    };
  },
  "a file": async (folder: string) => ({
    output: { type: "file", path: `${folder}/out.jsonl` } as const,
    delivered: idsInFile(`${folder}/out.jsonl`),
  }),
};

test.each(Object.entries(outputs))("P2: the same in %s", async (_name, open) => {
  const rows: Row[] = [];
  await using server = await serve(rows);
  const { output, delivered } = await open(testFolder());
  const reading: Reading = { order: "unordered", bound: "inclusive", lookback: 100 };
  const pipeline = definePipeline({ name: "events", input: inputOf(server.origin, reading), output });
  const state = openMemoryState();
  const run = async (...added: number[]): Promise<number> => {
    for (const at of added) rows.push({ id: rows.length + 1, at });
    const result = await attemptSync(pipeline, { state });
    expect(result).toMatchObject({ status: "completed" });
    expect((await delivered()).sort((a, b) => a - b)).toEqual(rows.map(({ id }) => id));
    return result.recordsRead;
  };
  await run(1, 2, 3, 100, 150);
  // What came late, at times that were read before and at new ones.
  expect(await run(60, 100, 150, 151)).toBe(6);
  await run(151, 52);
  // The window moves on: what lies below it is not read again.
  await run(400);
  expect(await run(300, 301)).toBe(3);
});
