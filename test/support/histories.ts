import fc from "fast-check";
import type { Clock } from "../../src/clock.ts";
import type { Pipeline, Slices, Start } from "../../src/engine/ports.ts";
import { attemptBackfill } from "../../src/engine/run/backfill.ts";
import { attemptSync } from "../../src/engine/run/sync.ts";
import type { Order } from "../../src/model/position.ts";
import { parsePrecision } from "../../src/model/precision.ts";
import type { SourceRecord } from "../../src/model/record.ts";
import { type Period, parseSliceStep } from "../../src/model/slices.ts";
import type { StateStore } from "../../src/state/contract.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { Interrupter, type Interruption } from "../../testing/interrupter.ts";
import { MemoryTable, memoryOutput } from "../../testing/memory-output.ts";
import {
  type SimulatedReading,
  SimulatedSource,
  simulatedIncremental,
  simulatedInput,
} from "../../testing/simulated-source.ts";

/**
 * Histories of a source and of the runs that follow it: records are added, often with a timestamp
 * that others have, changed and removed, between runs and while pages are read; runs and backfills
 * are interrupted at any call they make.
 */
export type Change =
  | { readonly kind: "add"; readonly ticks: number }
  | { readonly kind: "update"; readonly ticks: number; readonly which: number }
  | { readonly kind: "remove"; readonly which: number };

export interface RunStep {
  readonly kind: "run";
  readonly interruption: Interruption | null;
  readonly during: readonly Change[];
}

export interface BackfillStep {
  readonly kind: "backfill";
  readonly interruption: Interruption | null;
  /** Where the range begins and ends, in ticks since the history began. */
  readonly from: number;
  readonly length: number;
  readonly concurrency: number;
}

export type Step = Change | RunStep | BackfillStep | { readonly kind: "forget" };

export interface World {
  readonly order: Order;
  readonly resume: "token" | "page";
  readonly reading: SimulatedReading;
  readonly appends: boolean;
  readonly pagesPerCheckpoint: number;
  readonly slices: {
    readonly step: string;
    readonly concurrency: number;
    readonly clamp: Period | null;
  } | null;
  /** How many are read at once; null for a stream without partitions. */
  readonly partitions: number | null;
  readonly steps: readonly Step[];
}

const ticks = fc.constantFrom(0, 0, 0, 1, 3);
const adding = fc.record({ kind: fc.constant("add" as const), ticks });
const updating = fc.record({
  kind: fc.constant("update" as const),
  ticks: fc.constantFrom(0, 1, 2),
  which: fc.nat(50),
});
const removing = fc.record({ kind: fc.constant("remove" as const), which: fc.nat(50) });

const interruptions: fc.Arbitrary<Interruption> = fc.record({
  at: fc.integer({ min: 1, max: 40 }),
  when: fc.constantFrom("before" as const, "after" as const),
  kind: fc.constantFrom("crash" as const, "error" as const),
});

/** What a way of paging allows to happen while it is read without losing records by itself. */
function changesFor(
  { paging, order, bounded }: SimulatedReading,
  resume: Base["resume"],
): fc.Arbitrary<Change> {
  if (paging !== "offset") {
    return fc.oneof(
      { weight: 4, arbitrary: adding },
      { weight: 2, arbitrary: updating },
      { weight: 1, arbitrary: removing },
    );
  }
  // Pages by number shift towards the front when a record leaves its place for the end.
  // It also leaves a window that the source is sent the end of, which moves the page that `resume: page` goes on at.
  const mayUpdate = order === "descending" && !(bounded === true && resume === "page");
  return mayUpdate ? fc.oneof<fc.Arbitrary<Change>[]>(adding, updating) : adding;
}

function stepsFor(
  reading: SimulatedReading,
  resume: Base["resume"],
  backfills: boolean,
): fc.Arbitrary<readonly Step[]> {
  const change = changesFor(reading, resume);
  const run: fc.Arbitrary<RunStep> = fc.record({
    kind: fc.constant("run" as const),
    interruption: fc.option(interruptions, { nil: null }),
    // What is added before the page that is being read shifts the next one, which then looks like a loop.
    during: fc.array(change, {
      maxLength: reading.paging === "offset" && reading.order === "descending" ? 0 : 4,
    }),
  });
  const backfill: fc.Arbitrary<BackfillStep> = fc.record({
    kind: fc.constant("backfill" as const),
    interruption: fc.option(interruptions, { nil: null }),
    from: fc.nat(20),
    length: fc.nat(20),
    concurrency: fc.integer({ min: 1, max: 3 }),
  });
  const step = fc.oneof<fc.MaybeWeightedArbitrary<Step>[]>(
    { weight: 5, arbitrary: change },
    { weight: 1, arbitrary: fc.constant({ kind: "forget" as const }) },
    { weight: 2, arbitrary: run },
    { weight: backfills ? 1 : 0, arbitrary: backfill },
  );
  return fc.array(step, { minLength: 3, maxLength: 30 });
}

type Base = Pick<World, "order" | "reading" | "resume">;

/** Every order with every way of paging that can give it, and whether it resumes at page numbers. */
const bases: fc.Arbitrary<Base> = fc
  .record({
    order: fc.constantFrom<Order>("ascending", "descending", "unordered"),
    paging: fc.constantFrom("keyset" as const, "snapshot" as const, "offset" as const),
    pageSize: fc.integer({ min: 1, max: 7 }),
    bound: fc.constantFrom("inclusive" as const, "exclusive" as const),
    resume: fc.constantFrom("token" as const, "page" as const),
    lies: fc.boolean(),
    bounded: fc.boolean(),
    overshoot: fc.constantFrom("0ms", "1ms", "4ms"),
  })
  .map(({ order, paging, pageSize, bound, resume, lies, bounded, overshoot }) => {
    // An unordered source pages by snapshot; one that is declared ascending may not be (P9).
    const shuffled = order === "unordered" || (order === "ascending" && lies && paging === "snapshot");
    const served = shuffled ? "shuffled" : order === "descending" ? "descending" : "ascending";
    const reading = {
      pageSize,
      bound,
      bounded,
      overshoot: parsePrecision(overshoot),
      order: served,
      paging: shuffled ? "snapshot" : paging,
    } as const;
    return { order, resume, reading };
  });

export interface WorldKind {
  readonly slices?: boolean;
  readonly partitions?: boolean;
  readonly backfills?: boolean;
}

export function worlds(kind: WorldKind): fc.Arbitrary<World> {
  return bases.chain((base) => {
    const reading = kind.slices ? { ...base.reading, bounded: true } : base.reading;
    const slices = fc.record({
      step: fc.constantFrom("1ms", "2ms", "5ms", "P1M"),
      concurrency: fc.integer({ min: 1, max: 3 }),
      clamp: fc.constant(null),
    });
    return fc.record({
      order: fc.constant(base.order),
      resume: fc.constant(base.resume),
      reading: fc.constant(reading),
      appends: fc.boolean(),
      pagesPerCheckpoint: fc.integer({ min: 1, max: 3 }),
      slices: kind.slices ? slices : fc.constant(null),
      partitions: kind.partitions ? fc.integer({ min: 1, max: 3 }) : fc.constant(null),
      steps: stepsFor(reading, base.resume, kind.backfills ?? false),
    });
  });
}

export interface Played {
  readonly rows: readonly SourceRecord[];
  readonly source: SimulatedSource;
  /** The live watermark after every step, in order. */
  readonly watermarks: readonly (string | null)[];
}

/** Plays a history to its end, then runs twice more undisturbed. */
export async function play(world: World): Promise<Played> {
  const history = new History(world);
  for (const step of world.steps) await history.take(step);
  await history.run(null, []);
  history.clock.time += 10;
  await history.run(null, []);
  return { rows: history.table.rows, source: history.source, watermarks: history.watermarks };
}

const key = { connector: "acme", stream: "events" };
const begin = 1_767_225_600_000;

class History {
  readonly clock = new StillClock();
  readonly source = new SimulatedSource();
  readonly table = new MemoryTable();
  readonly watermarks: (string | null)[] = [];
  readonly #world: World;
  readonly #state: StateStore;
  readonly #pipeline: Pipeline;
  #next = 1;

  constructor(world: World) {
    this.#world = world;
    this.#state = openMemoryState({ clock: this.clock });
    const { order, resume, pagesPerCheckpoint, slices, partitions } = world;
    const start: Start = { at: "2025-12-31T23:59:59.99Z" };
    const cut: Slices | null = slices === null ? null : { ...slices, step: parseSliceStep(slices.step) };
    const incremental = simulatedIncremental({
      order,
      resume,
      pagesPerCheckpoint,
      ...(cut === null ? {} : { slices: cut, start }),
      ...(partitions === null ? {} : { partitions: { concurrency: partitions } }),
      bounded: world.reading.bounded ?? false,
    });
    this.#pipeline = {
      name: "events",
      key,
      onConcurrentRun: "takeover",
      leaseSeconds: 60,
      input: simulatedInput(this.source, world.reading, incremental),
      filters: [],
      output: memoryOutput(this.table, { appends: world.appends }),
    };
  }

  async take(step: Step): Promise<void> {
    if (step.kind === "run") await this.run(step.interruption, step.during);
    else if (step.kind === "backfill") await this.#backfill(step);
    else if (step.kind === "forget") this.source.forgetTokens();
    else this.#apply(step);
    this.watermarks.push((await this.#state.get(key))?.position.watermark ?? null);
  }

  async run(interruption: Interruption | null, during: readonly Change[]): Promise<void> {
    const pending = [...during];
    this.source.beforePage = () => {
      const made = pending.shift();
      if (made !== undefined) this.#apply(made);
    };
    // A source that lies about its order is caught when it shows. Before that an interruption can hide
    // records below a checkpoint for good, which is why order is declared and not guessed.
    const { order, reading } = this.#world;
    const disturbed = order === "ascending" && reading.order === "shuffled" ? null : interruption;
    const { pipeline, state } = this.#disturbed(disturbed);
    const result = await attemptSync(pipeline, { state, clock: this.clock });
    if (disturbed === null && result.error !== null) throw result.error;
    this.source.beforePage = () => {};
  }

  async #backfill(step: BackfillStep): Promise<void> {
    const stored = await this.#state.get(key);
    const { pipeline, state } = this.#disturbed(step.interruption);
    const at = (tick: number): string => new Date(begin + tick).toISOString();
    const { concurrency } = step;
    const sliced = this.#world.reading.bounded ? { step: "2ms", concurrency } : {};
    const to = at(step.from + step.length);
    const past = stored?.position.watermark ?? null;
    if (this.#world.appends && (past === null || to > past)) return;
    if (at(step.from) > new Date(this.clock.time).toISOString()) return;
    const [open] = stored === null ? [] : await this.#state.backfills(key);
    const unfinished = open !== undefined && open.status !== "completed" && open.range !== null;
    const range = unfinished ? { resume: open.backfill } : { from: at(step.from), to };
    const result = await attemptBackfill(pipeline, { state, clock: this.clock, ...sliced, ...range }).catch(
      (error: unknown) => ({ error }),
    );
    if (step.interruption === null && result.error !== null) throw result.error;
  }

  #disturbed(interruption: Interruption | null): { pipeline: Pipeline; state: StateStore } {
    const interrupter = new Interrupter(interruption);
    return { pipeline: interrupter.pipeline(this.#pipeline), state: interrupter.state(this.#state) };
  }

  #apply(made: Change): void {
    const { records } = this.source;
    const target = made.kind === "add" ? undefined : records[made.which % Math.max(records.length, 1)];
    if (made.kind === "remove") {
      if (target !== undefined) this.source.remove(target.id);
      return;
    }
    // An append tells versions apart by key and cursor, so a change there needs a timestamp of its own.
    this.clock.time += made.kind === "update" && this.#world.appends ? Math.max(1, made.ticks) : made.ticks;
    if (made.kind === "update" && target === undefined) return;
    const id = Number(target?.id ?? this.#next++);
    this.source.put({
      id,
      updated_at: this.clock.stamp(),
      version: this.#next++,
      partition: `part ${id % 3}`,
    });
  }
}

/** A clock that moves when the history says so, shared by the source and the engine. */
class StillClock implements Clock {
  time = begin;

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
