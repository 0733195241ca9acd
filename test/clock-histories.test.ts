import fc from "fast-check";
import { expect, test } from "vitest";
import type { Clock } from "../src/clock.ts";
import { attemptSync } from "../src/engine/run/sync.ts";
import { createHttpPolling } from "../src/inputs/http/input.ts";
import { httpPollingSchema } from "../src/inputs/http/schema.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { MemoryTable, memoryOutput } from "../testing/memory-output.ts";
import { type HttpTestServer, type SeenRequest, sendJson, startHttpServer } from "./support/http-server.ts";
import { historiesOr } from "./support/long-run.ts";

const histories = historiesOr(12);
const seed = process.env.TIDEMARK_SEED === undefined ? {} : { seed: Number(process.env.TIDEMARK_SEED) };

interface Reading {
  readonly paging: "token" | "page";
  readonly parts: "whole" | "slices" | "partitions";
  readonly settle: string | null;
  readonly commitsEvery: number;
}

/** What happens at one request: how long it takes, who changes meanwhile, and whether it fails. */
interface Turn {
  readonly takes: number;
  readonly changes: readonly number[];
  readonly fails: boolean;
}

interface Round {
  /** Milliseconds before the run, and how far the worker's clock is ahead of the source's in it. */
  readonly waits: number;
  readonly ahead: number;
  readonly changes: readonly number[];
  readonly turns: readonly Turn[];
}

interface History extends Reading {
  /** How old each record is at first, in milliseconds. */
  readonly ages: readonly number[];
  readonly rounds: readonly Round[];
}

const someIds = fc.array(fc.integer({ min: 1, max: 14 }), { maxLength: 4 });
const turn: fc.Arbitrary<Turn> = fc.record({
  takes: fc.constantFrom(0, 0, 1, 120, 480, 900, 1500),
  changes: someIds,
  fails: fc.constantFrom(false, false, false, true),
});
const round: fc.Arbitrary<Round> = fc.record({
  waits: fc.constantFrom(0, 1, 40, 300, 2000, 45_000),
  ahead: fc.constantFrom(0, 0, 0, 250, -250, 4000, 90_000, -90_000, 280_000, 86_400_000, -3_600_000),
  changes: someIds,
  turns: fc.array(turn, { maxLength: 9 }),
});
const readings = fc.constantFrom<Pick<Reading, "paging" | "parts">>(
  { paging: "token", parts: "whole" },
  { paging: "token", parts: "partitions" },
  { paging: "token", parts: "slices" },
  // What changes leaves a slice of counted pages, and the next record takes its place: only tokens bear that.
  { paging: "page", parts: "whole" },
  { paging: "page", parts: "partitions" },
);
const anyHistory: fc.Arbitrary<History> = fc
  .tuple(
    readings,
    fc.record({
      settle: fc.constantFrom(null, "PT0.2S", "PT5S"),
      commitsEvery: fc.constantFrom(1, 1, 2, 3),
      ages: fc.array(fc.integer({ min: 0, max: 90_000 }), { minLength: 1, maxLength: 12 }),
      rounds: fc.array(round, { minLength: 1, maxLength: 5 }),
    }),
  )
  .map(([reading, rest]) => ({ ...reading, ...rest }));

const began = "2026-06-01T12:00:00Z";
const pageSize = 2;

/** A source that sorts by id, whose records change while it is read; each change is at a millisecond of its own. */
class ChangingSource {
  readonly clock = new FakeClock(began);
  readonly rows = new Map<number, number>();
  turns: Turn[] = [];
  #newest = 0;

  constructor({ ages }: History) {
    for (const [at, age] of ages.entries()) this.rows.set(at + 1, this.clock.now() - age);
    this.#newest = Math.max(...this.rows.values());
  }

  change(id: number): void {
    this.#newest = Math.max(this.clock.now(), this.#newest + 1);
    this.rows.set(id, this.#newest);
  }

  async answer({ url }: SeenRequest): Promise<{ body: unknown; headers: Record<string, string> } | null> {
    const { takes, changes, fails } = this.turns.shift() ?? calm;
    await this.clock.advance(takes);
    for (const id of changes) this.change(id);
    if (fails) return null;
    const query = url.searchParams;
    const since = Date.parse(query.get("since") ?? "1970-01-01T00:00:00Z");
    const until = Date.parse(query.get("until") ?? "2100-01-01T00:00:00Z");
    const part = /\/p(\d)$/.exec(url.pathname)?.[1];
    const found = [...this.rows]
      .filter(([id, at]) => at >= since && at <= until && (part === undefined || id % 2 === Number(part)))
      .sort(([a], [b]) => a - b);
    const page = query.get("page");
    const token = Number(query.get("token") ?? "0");
    const begins = page === null ? found.findIndex(([id]) => id > token) : (Number(page) - 1) * pageSize;
    const items = begins < 0 ? [] : found.slice(begins, begins + pageSize);
    const last = items.at(-1)?.[0];
    const next = last !== undefined && found.some(([id]) => id > last) ? String(last) : null;
    const date = new Date(Math.floor(this.clock.now() / 1000) * 1000).toUTCString();
    const body = { items: items.map(([id, at]) => ({ id, at: new Date(at).toISOString() })), next };
    return { body, headers: { date } };
  }
}

const calm: Turn = { takes: 0, changes: [], fails: false };

/** The worker's clock: off the source's by so much. */
class OffClock implements Clock {
  readonly #base: FakeClock;
  ahead = 0;

  constructor(base: FakeClock) {
    this.#base = base;
  }

  now(): number {
    return this.#base.now() + this.ahead;
  }

  elapsed(): number {
    return this.#base.elapsed();
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return this.#base.sleep(milliseconds, signal);
  }
}

function inputOf(server: HttpTestServer, { paging, parts, settle, commitsEvery }: Reading) {
  const sliced = {
    start: "2026-06-01T11:50:00Z",
    until: { queryParam: "until" },
    slices: { step: "PT40S", concurrency: 2 },
  };
  return httpPollingSchema.parse({
    type: "httpPolling",
    endpoint: `${server.origin}/items${parts === "partitions" ? "/{{ partition }}" : ""}`,
    dataField: "items",
    key: "id",
    retry: { attempts: 1 },
    pagination:
      paging === "token"
        ? { type: "cursor", param: "token", nextCursorField: "next" }
        : { type: "page", param: "page" },
    ...(parts === "partitions" ? { partitions: { values: ["p0", "p1"], concurrency: 2 } } : {}),
    statePersistence: {
      timestamp: { field: "at", queryParam: "since", granularity: "1ms" },
      pagesPerCheckpoint: commitsEvery,
      ...(settle === null ? {} : { settle }),
      ...(parts === "slices" ? sliced : {}),
    },
  });
}

test("P1, P6: whatever the clocks of worker and source say, no change of a record is lost or delivered twice", async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, async (history) => {
      const source = new ChangingSource(history);
      await using server = await startHttpServer(async (request, response) => {
        const answer = await source.answer(request);
        if (answer === null) response.writeHead(500).end();
        else sendJson(response, answer.body, answer.headers);
      });
      const clock = new OffClock(source.clock);
      const table = new MemoryTable();
      const state = openMemoryState();
      const pipeline = {
        name: "events",
        key: { connector: "acme", stream: "events" },
        onConcurrentRun: "skip" as const,
        leaseSeconds: 60,
        input: createHttpPolling(inputOf(server, history), { random: () => 0 }),
        filters: [],
        output: memoryOutput(table, { appends: true }),
      };
      const run = async ({ waits, ahead, changes, turns }: Round): Promise<string> => {
        await source.clock.advance(waits);
        for (const id of changes) source.change(id);
        clock.ahead = ahead;
        source.turns = [...turns];
        const { status } = await attemptSync(pipeline, { state, clock });
        source.turns = [];
        return status;
      };
      for (const round of history.rounds) await run(round);
      // A window whose end is sent to the source cannot end later than the worker's clock says.
      const quiet = { waits: 600_000, ahead: 0, changes: [], turns: [] };
      expect(await run(quiet)).toBe("completed");
      expect(await run(quiet)).toBe("completed");
      const delivered = table.rows.map(({ id, at }) => `${id} ${at}`);
      expect(delivered).toEqual([...new Set(delivered)]);
      const current = [...source.rows].map(([id, at]) => `${id} ${new Date(at).toISOString()}`);
      expect(current.filter((version) => !delivered.includes(version))).toEqual([]);
    }),
    { ...seed, numRuns: histories },
  );
}, 3_600_000);
