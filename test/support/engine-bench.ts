import type { Clock } from "../../src/clock.ts";
import { systemClock } from "../../src/clock.ts";
import type { Incremental, Pipeline } from "../../src/engine/ports.ts";
import type { FaultPoint } from "../../src/engine/run/fault-points.ts";
import { attemptSync, sync } from "../../src/engine/run/sync.ts";
import type { SyncOptions } from "../../src/engine/run/sync-options.ts";
import type { SourceRecord } from "../../src/model/record.ts";
import type { StateStore } from "../../src/state/contract.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { MemoryTable, memoryOutput } from "../../testing/memory-output.ts";
import {
  type SimulatedReading,
  SimulatedSource,
  simulatedIncremental,
  simulatedInput,
} from "../../testing/simulated-source.ts";

export const key = { connector: "acme", stream: "events" };
const ascending: SimulatedReading = { pageSize: 3, paging: "keyset", order: "ascending", bound: "inclusive" };

interface Setup {
  reading?: Partial<SimulatedReading>;
  incremental?: Partial<Incremental>;
  appends?: boolean;
  pipeline?: Partial<Pipeline>;
}

/** A simulated source, a table in memory and the pipeline between them. */
export class Bench {
  readonly source = new SimulatedSource();
  readonly table = new MemoryTable();
  readonly state: StateStore = openMemoryState();
  readonly pipeline: Pipeline;

  constructor(setup: Setup = {}) {
    const reading = { ...ascending, ...setup.reading };
    const incremental = simulatedIncremental({ order: "ascending", ...setup.incremental });
    this.pipeline = {
      name: "events",
      key,
      onConcurrentRun: "skip",
      leaseSeconds: 60,
      input: simulatedInput(this.source, reading, incremental),
      filters: [],
      output: memoryOutput(this.table, { appends: setup.appends ?? true }),
      ...setup.pipeline,
    };
  }

  run(options: Partial<SyncOptions> = {}) {
    return sync(this.pipeline, { state: this.state, ...options });
  }

  attempt(options: Partial<SyncOptions> = {}) {
    return attemptSync(this.pipeline, { state: this.state, ...options });
  }

  ids(): unknown[] {
    return this.table.rows.map((row) => row.id);
  }

  async watermark(): Promise<string | null> {
    return (await this.state.get(key))?.position.watermark ?? null;
  }
}

export function at(second: number, fraction = ""): string {
  return `2026-01-01T00:00:${String(second).padStart(2, "0")}${fraction}Z`;
}

export function record(id: number, second: number): SourceRecord {
  return { id, updated_at: at(second) };
}

/** A state store that crashes with the run: what a dead process would have recorded of its failure is nothing. */
export function crashing(state: StateStore): StateStore {
  return new Proxy(state, {
    get(target, name) {
      if (name === "fail") return async () => {};
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A run whose process dies where told: nothing reaches the state from then on. */
export function dying(
  state: StateStore,
  diesAt: (point: FaultPoint) => boolean,
): { readonly state: StateStore; readonly faults: (point: FaultPoint) => void } {
  let dead = false;
  const guarded = new Proxy(state, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return async (...given: unknown[]) => {
        if (dead) throw new Error("the process is dead");
        return Reflect.apply(value, target, given);
      };
    },
  });
  const faults = (point: FaultPoint): void => {
    if (!dead && diesAt(point)) dead = true;
    if (dead) throw new Error("the process is dead");
  };
  return { state: guarded, faults };
}

/** A clock by which nothing takes any time, so that nothing is ever due to be committed inside a page. */
export const timeless: Clock = {
  ...systemClock,
  elapsed: () => 0,
  sleep: (milliseconds, signal, options) =>
    options?.background === true
      ? new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)))
      : systemClock.sleep(milliseconds, signal),
};
