import fc from "fast-check";
import { expect, test } from "vitest";
import type { Clock } from "../clock.ts";
import type { Order } from "../model/position.ts";
import type { SourceRecord } from "../model/record.ts";
import { openMemoryState } from "../state/memory/memory.ts";
import { MemoryTable, memoryOutput } from "../testing/memory-output.ts";
import {
  type SimulatedReading,
  SimulatedSource,
  simulatedIncremental,
  simulatedInput,
} from "../testing/simulated-source.ts";
import { type FaultPoint, faultPoints } from "./fault-points.ts";
import type { Pipeline } from "./ports.ts";
import { attemptSync } from "./sync.ts";

/**
 * Histories of a source and of the runs that follow it: records are added, often with a timestamp
 * that others have, changed and removed, between runs and while pages are read; runs crash anywhere.
 */
type Change =
  | { readonly kind: "add"; readonly ticks: number }
  | { readonly kind: "update"; readonly ticks: number; readonly which: number }
  | { readonly kind: "remove"; readonly which: number };

type Step =
  | Change
  | { readonly kind: "forget" }
  | { readonly kind: "run"; readonly crash: Crash | null; readonly during: readonly Change[] };

interface Crash {
  readonly point: FaultPoint;
  readonly nth: number;
}

interface World {
  readonly order: Order;
  readonly reading: SimulatedReading;
  readonly appends: boolean;
  readonly pagesPerCheckpoint: number;
  readonly steps: readonly Step[];
}

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("add" as const), ticks: fc.constantFrom(0, 0, 0, 1, 3) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("update" as const),
      ticks: fc.constantFrom(0, 1, 2),
      which: fc.nat(50),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), which: fc.nat(50) }) },
);

const crash: fc.Arbitrary<Crash> = fc.record({
  point: fc.constantFrom(...faultPoints),
  nth: fc.integer({ min: 1, max: 4 }),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: change },
  { weight: 1, arbitrary: fc.constant({ kind: "forget" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("run" as const),
      crash: fc.option(crash),
      during: fc.array(change, { maxLength: 4 }),
    }),
  },
);

const readings: fc.Arbitrary<Pick<World, "order" | "reading">> = fc
  .record({
    order: fc.constantFrom<Order>("ascending", "descending", "unordered"),
    paging: fc.constantFrom("keyset" as const, "snapshot" as const),
    pageSize: fc.integer({ min: 1, max: 7 }),
    bound: fc.constantFrom("inclusive" as const, "exclusive" as const),
    lies: fc.boolean(),
  })
  .map(({ order, paging, pageSize, bound, lies }) => {
    // An unordered source pages by snapshot; one that is declared ascending may not be (P9).
    const shuffled = order === "unordered" || (order === "ascending" && lies && paging === "snapshot");
    const served = shuffled ? "shuffled" : order === "descending" ? "descending" : "ascending";
    return { order, reading: { pageSize, bound, order: served, paging: shuffled ? "snapshot" : paging } };
  });

const worlds: fc.Arbitrary<World> = fc
  .record({
    base: readings,
    appends: fc.boolean(),
    pagesPerCheckpoint: fc.integer({ min: 1, max: 3 }),
    steps: fc.array(step, { minLength: 3, maxLength: 30 }),
  })
  .map(({ base, ...rest }) => ({ ...base, ...rest }));

test("P1 P2 P6 P9: over all orders, crashes and changes no record is lost and none is repeated", async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const table = await play(world);
      const { rows, source } = table;
      const versions = rows.map((row) => `${row.id} ${row.updated_at} ${row.version}`);
      if (world.appends) expect(versions).toEqual([...new Set(versions)]);
      const newest = new Map(rows.map((row) => [row.id, row]));
      for (const record of source.records) {
        if (world.appends) expect(versions).toContain(`${record.id} ${record.updated_at} ${record.version}`);
        else expect(newest.get(record.id)).toEqual(record);
      }
    }),
    { numRuns: Number(process.env.TIDEMARK_HISTORIES ?? 2000) },
  );
}, 300_000);

/** Runs a history to its end, then twice more undisturbed. */
async function play(world: World): Promise<{ rows: readonly SourceRecord[]; source: SimulatedSource }> {
  const clock = new StillClock();
  const source = new SimulatedSource();
  const table = new MemoryTable();
  const state = openMemoryState({ clock });
  const { order, pagesPerCheckpoint } = world;
  const pipeline: Pipeline = {
    name: "events",
    key: { connector: "acme", stream: "events" },
    onConcurrentRun: "takeover",
    leaseSeconds: 60,
    input: simulatedInput(source, world.reading, simulatedIncremental({ order, pagesPerCheckpoint })),
    filters: [],
    output: memoryOutput(table, { appends: world.appends }),
  };
  // A source that lies about its order is caught when it shows. Before that a crash can hide records
  // below a checkpoint for good, which is why order is declared and not guessed.
  const crashes = !(world.order === "ascending" && world.reading.order === "shuffled");
  let next = 1;
  const apply = (made: Change): void => {
    const { records } = source;
    const target = made.kind === "add" ? undefined : records[made.which % Math.max(records.length, 1)];
    if (made.kind === "remove") return void (target !== undefined && source.remove(target.id));
    // An append tells versions apart by key and cursor, so a change there needs a timestamp of its own.
    clock.time += made.kind === "update" && world.appends ? Math.max(1, made.ticks) : made.ticks;
    if (made.kind === "update" && target === undefined) return;
    source.put({ id: target?.id ?? next++, updated_at: clock.stamp(), version: next++ });
  };
  const run = async (crashAt: Crash | null, during: readonly Change[]): Promise<void> => {
    const pending = [...during];
    source.beforePage = () => {
      const made = pending.shift();
      if (made !== undefined) apply(made);
    };
    let reached = 0;
    const faults = (point: FaultPoint): void => {
      if (crashAt !== null && point === crashAt.point && ++reached === crashAt.nth) throw new Error("crash");
    };
    const result = await attemptSync(pipeline, { state, clock, ...(crashes ? { faults } : {}) });
    if (crashAt === null || !crashes) expect(result.error).toBeNull();
  };
  for (const made of world.steps) {
    if (made.kind === "run") await run(made.crash, made.during);
    else if (made.kind === "forget") source.forgetTokens();
    else apply(made);
  }
  await run(null, []);
  clock.time += 10;
  await run(null, []);
  return { rows: table.rows, source };
}

/** A clock that moves when the history says so, shared by the source and the engine. */
class StillClock implements Clock {
  time = 1_767_225_600_000;

  now(): number {
    return this.time;
  }

  elapsed(): number {
    return this.time;
  }

  sleep(_: number, signal?: AbortSignal): Promise<void> {
    return new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  /** The present as the source writes it, with microseconds. */
  stamp(): string {
    return new Date(this.time).toISOString().replace("Z", "250Z");
  }
}
