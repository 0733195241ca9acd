import { describe, expect, it } from "vitest";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { SourceRecord } from "../model/record.ts";
import type { StateStore } from "../state/contract.ts";
import { openMemoryState } from "../state/memory/memory.ts";
import { MemoryTable, memoryOutput } from "../testing/memory-output.ts";
import {
  type SimulatedReading,
  SimulatedSource,
  simulatedIncremental,
  simulatedInput,
} from "../testing/simulated-source.ts";
import type { Incremental, Input, Output, Pipeline } from "./ports.ts";
import { preview } from "./preview.ts";
import { attemptSync, type SyncOptions, sync } from "./sync.ts";

const key = { connector: "acme", stream: "events" };
const ascending: SimulatedReading = { pageSize: 3, paging: "keyset", order: "ascending", bound: "inclusive" };

interface Setup {
  reading?: Partial<SimulatedReading>;
  incremental?: Partial<Incremental>;
  appends?: boolean;
  pipeline?: Partial<Pipeline>;
}

class Bench {
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

function at(second: number, fraction = ""): string {
  return `2026-01-01T00:00:${String(second).padStart(2, "0")}${fraction}Z`;
}

function record(id: number, second: number): SourceRecord {
  return { id, updated_at: at(second) };
}

describe("sync", () => {
  it("delivers everything once and then only what changed", async () => {
    const bench = new Bench();
    bench.source.records = [1, 2, 3, 4, 5, 6, 7].map((id) => record(id, id));
    const first = await bench.run();
    expect(first).toMatchObject({
      status: "completed",
      recordsRead: 7,
      recordsWritten: 7,
      pages: 3,
      newCursor: at(7),
    });
    bench.source.put({ id: 2, updated_at: at(9), changed: true });
    const second = await bench.run();
    expect(second).toMatchObject({ recordsWritten: 1, lowerBound: at(7), newCursor: at(9) });
    expect(bench.ids()).toEqual([1, 2, 3, 4, 5, 6, 7, 2]);
  });

  it("writes nothing and moves nothing when nothing is new", async () => {
    const bench = new Bench();
    bench.source.records = [record(1, 1), record(2, 2)];
    await bench.run();
    const mark = bench.table.mark;
    const idle = await bench.run();
    expect(idle).toMatchObject({ recordsWritten: 0, checkpoints: 0, newCursor: at(2) });
    expect(bench.table.mark).toBe(mark);
  });

  it("P6: a record with the watermark's timestamp that arrives later is delivered once", async () => {
    for (const bound of ["inclusive", "exclusive"] as const) {
      const bench = new Bench({ reading: { bound } });
      bench.source.records = [record(1, 1), record(2, 2)];
      await bench.run();
      bench.source.put(record(3, 2));
      await bench.run();
      await bench.run();
      expect(bench.ids()).toEqual([1, 2, 3]);
    }
  });

  it("P6: a record changed within the granule of its timestamp reaches an upsert", async () => {
    const bench = new Bench({ appends: false });
    bench.source.records = [{ id: 1, updated_at: at(1), price: 1 }];
    await bench.run();
    bench.source.put({ id: 1, updated_at: at(1), price: 2 });
    await bench.run();
    expect(bench.table.latest().get(1)).toMatchObject({ price: 2 });
    expect((await bench.run()).recordsWritten).toBe(0);
  });

  it("P6: records without a key that are alike are delivered as often as the source has them", async () => {
    const bench = new Bench({ incremental: { key: null }, reading: { paging: "offset" } });
    const twin = { updated_at: at(1), value: 1 };
    bench.source.records = [twin, { ...twin }];
    await bench.run();
    bench.source.records.push({ ...twin });
    await bench.run();
    await bench.run();
    expect(bench.table.rows).toEqual([twin, twin, twin]);
  });

  it("P1 P2: a run that fails after a page goes on from there, without loss or repetition", async () => {
    const bench = new Bench();
    bench.source.records = [1, 2, 3, 4, 5, 6, 7].map((id) => record(id, id));
    bench.source.beforePage = (page) => {
      if (page === 3) throw new TidemarkError("SOURCE_UNAVAILABLE", "down");
    };
    const failed = await bench.attempt();
    expect(failed).toMatchObject({
      status: "failed",
      recordsWritten: 6,
      error: { code: "SOURCE_UNAVAILABLE" },
    });
    expect(await bench.watermark()).toBe(at(6));
    bench.source.beforePage = () => {};
    await bench.run();
    expect(bench.ids()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("P1 P2: a crash at any fault point neither loses nor repeats a row, in any order of the source", async () => {
    const { faultPoints } = await import("./fault-points.ts");
    for (const order of ["ascending", "descending", "shuffled"] as const) {
      for (const point of faultPoints) {
        for (let nth = 1; nth <= 4; nth++) {
          const declared = order === "shuffled" ? "unordered" : order;
          const bench = new Bench({
            reading: { order, paging: order === "shuffled" ? "snapshot" : "keyset" },
            incremental: { order: declared },
          });
          bench.source.records = [4, 2, 7, 1, 5, 3, 6, 8].map((id) => record(id, Math.ceil(id / 2)));
          let seen = 0;
          const faults = (reached: string): void => {
            if (reached === point && ++seen === nth) throw new Error("crash");
          };
          await attemptSync(bench.pipeline, { state: crashing(bench.state), faults });
          const after = { ...bench.pipeline, onConcurrentRun: "takeover" as const };
          await sync(after, { state: bench.state });
          bench.source.put(record(9, 4));
          await sync(after, { state: bench.state });
          expect(bench.ids().sort(), `${order} ${point} ${nth}`).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
        }
      }
    }
  });

  it("P9: an ascending source that is not falls back to the run's lower bound and says so", async () => {
    const bench = new Bench({ reading: { order: "stored", paging: "snapshot" } });
    bench.source.records = [1, 2, 3].map((id) => record(id, id));
    await bench.run();
    bench.source.records.push(...[10, 11, 12, 5, 13, 14, 15].map((id) => record(id, id)));
    bench.source.beforePage = async (page) => {
      if (page === 3) {
        expect(await bench.watermark()).toBe(at(3));
        throw new TidemarkError("SOURCE_UNAVAILABLE", "down");
      }
    };
    const failed = await bench.attempt();
    expect(failed.warnings.map(({ code }) => code)).toContain("ORDER_BROKEN");
    const audit = await bench.state.audit({ key });
    expect(audit.items.at(-1)).toMatchObject({ action: "correction", newCursor: at(3) });
    bench.source.beforePage = () => {};
    const done = await bench.run();
    expect(done.newCursor).toBe(at(15));
    expect(bench.ids().sort((a, b) => Number(a) - Number(b))).toEqual([1, 2, 3, 5, 10, 11, 12, 13, 14, 15]);
  });

  it("a record dated in the future is delivered once and does not drag the watermark ahead", async () => {
    const bench = new Bench();
    bench.source.records = [record(1, 1), { id: 99, updated_at: "2999-01-01T00:00:00Z" }];
    await bench.run();
    expect(await bench.watermark()).toBe(at(1));
    bench.source.put(record(2, 2));
    await bench.run();
    await bench.run();
    expect(bench.ids()).toEqual([1, 99, 2]);
  });

  it("null cursors fail, are skipped or are delivered once, as declared", async () => {
    const rows = [record(1, 1), { id: 2, updated_at: null }, record(3, 3)];
    const failing = new Bench();
    failing.source.records = rows;
    const failed = await failing.attempt();
    expect(failed.error?.code).toBe("CURSOR_NULL");
    expect(failed.error?.message).toContain('"id":2');
    for (const [onNullCursor, ids] of [
      ["skip", [1, 3]],
      ["deliver", [2, 1, 3]],
    ] as const) {
      const bench = new Bench({ incremental: { onNullCursor } });
      bench.source.records = rows;
      await bench.run();
      await bench.run();
      expect(bench.ids()).toEqual(ids);
    }
  });

  it("P15: a source that gives the same page for ever fails the run", async () => {
    const bench = new Bench();
    const page = { records: [record(1, 1), record(2, 1)], next: null };
    const { incremental } = bench.pipeline.input;
    const input = {
      kind: "stuck",
      incremental,
      open: async () => ({
        async *read() {
          for (;;) yield page;
        },
        close: async () => {},
      }),
    };
    const result = await attemptSync({ ...bench.pipeline, input }, { state: bench.state });
    expect(result).toMatchObject({ status: "failed", error: { code: "PAGE_REPEATED" } });
  });

  it("P5: the state takes a checkpoint only after the output has taken every record before it", async () => {
    const bench = new Bench();
    bench.source.records = [1, 2, 3, 4, 5, 6].map((id) => record(id, id));
    const seen: string[] = [];
    const faults = async (point: string): Promise<void> => {
      if (point !== "afterCommit" && point !== "afterCheckpoint") return;
      seen.push(
        `${point}: ${bench.table.rows.length} rows, watermark ${(await bench.watermark())?.slice(17, 19)}`,
      );
    };
    await bench.run({ faults });
    expect(seen).toEqual([
      "afterCommit: 3 rows, watermark undefined",
      "afterCheckpoint: 3 rows, watermark 03",
      "afterCommit: 6 rows, watermark 03",
      "afterCheckpoint: 6 rows, watermark 06",
    ]);
  });

  it("P5: where the output refuses a batch the state stays where it was", async () => {
    const bench = new Bench();
    bench.source.records = [1, 2, 3, 4].map((id) => record(id, id));
    const { output } = bench.pipeline;
    const refusing: Output = {
      ...output,
      open: async (context) => {
        const session = await output.open(context);
        session.commit = async () => {
          throw new TidemarkError("OUTPUT_FAILED", "the disk is full");
        };
        return session;
      },
    };
    const result = await attemptSync({ ...bench.pipeline, output: refusing }, { state: bench.state });
    expect(result).toMatchObject({ status: "failed", error: { code: "OUTPUT_FAILED" } });
    expect(await bench.state.get(key)).toMatchObject({
      status: "failed",
      cursor: null,
      lastError: "OUTPUT_FAILED: the disk is full",
    });
  });

  it("P13: at most two pages are held, the one being written and the one being read, however many there are", async () => {
    const bench = new Bench();
    let read = 0;
    let written = 0;
    let most = 0;
    const { incremental } = bench.pipeline.input;
    const input: Input = {
      kind: "endless",
      incremental,
      open: async () => ({
        async *read() {
          for (let page = 0; page < 500; page++) {
            read += 1;
            most = Math.max(most, read - written);
            const updated_at = `2026-01-01T00:00:00.${String(page).padStart(6, "0")}Z`;
            yield {
              records: [
                { id: page * 2, updated_at },
                { id: page * 2 + 1, updated_at },
              ],
              next: null,
            };
          }
        },
        close: async () => {},
      }),
    };
    const result = await attemptSync(
      { ...bench.pipeline, input },
      {
        state: bench.state,
        faults: (point) => {
          if (point === "afterCheckpoint") written += 1;
        },
      },
    );
    expect(result).toMatchObject({ status: "completed", recordsWritten: 1000 });
    expect(most).toBe(2);
    expect(bench.table.mark?.position.boundary).toHaveLength(2);
  });

  it("P4: a run that was taken over writes nothing more and ends as superseded", async () => {
    const bench = new Bench();
    bench.source.records = [1, 2, 3, 4, 5, 6].map((id) => record(id, id));
    const takeover = { ...bench.pipeline, onConcurrentRun: "takeover" as const };
    let successor: Promise<unknown> | undefined;
    const result = await attemptSync(bench.pipeline, {
      state: bench.state,
      faults: async (point) => {
        if (point !== "afterWrite" || successor !== undefined) return;
        successor = sync(takeover, { state: bench.state });
        await successor;
      },
    });
    expect(result).toMatchObject({ status: "superseded", error: { code: "RUN_SUPERSEDED" } });
    expect(bench.ids()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("skips while another run holds the stream", async () => {
    const bench = new Bench();
    await bench.state.begin(key, { cursorType: "timestamp_utc" });
    expect(await bench.run()).toMatchObject({ status: "skipped", runId: null, recordsRead: 0 });
  });

  it("a cancelled run finishes its batch, commits it, and the next goes on", async () => {
    const bench = new Bench({ incremental: { pagesPerCheckpoint: 10 } });
    bench.source.records = [1, 2, 3, 4, 5, 6].map((id) => record(id, id));
    const controller = new AbortController();
    const result = await bench.attempt({
      signal: controller.signal,
      onProgress: ({ pages }) => {
        if (pages === 1) controller.abort();
      },
    });
    expect(result).toMatchObject({ status: "failed", error: { code: "RUN_CANCELLED" }, recordsWritten: 3 });
    expect(bench.ids()).toEqual([1, 2, 3]);
    await bench.run();
    expect(bench.ids()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("a lost state database is found again in the output", async () => {
    const bench = new Bench();
    bench.source.records = [record(1, 1), record(2, 2)];
    await bench.run();
    await bench.run();
    const state = openMemoryState();
    bench.source.put(record(3, 3));
    const result = await sync(bench.pipeline, { state });
    expect(result).toMatchObject({ recordsWritten: 1, lowerBound: at(2) });
    expect(bench.ids()).toEqual([1, 2, 3]);
    expect((await state.get(key))?.epoch).toBeGreaterThan(2);
  });

  it("P10: an output that lost what the state counts as delivered is an error", async () => {
    const bench = new Bench();
    bench.source.records = [record(1, 1)];
    await bench.run();
    const emptied = { ...bench.pipeline, output: memoryOutput(new MemoryTable(), { appends: true }) };
    await expect(sync(emptied, { state: bench.state })).rejects.toSatisfy((error) =>
      isTidemarkError(error, "OUTPUT_LOST"),
    );
    const refreshed = await sync(emptied, { state: bench.state, fullRefresh: true });
    expect(refreshed).toMatchObject({ recordsWritten: 1, lowerBound: null });
  });

  it("P11: a preview moves nothing and writes nothing", async () => {
    const bench = new Bench();
    bench.source.records = [record(1, 1), record(2, 2)];
    const shown: SourceRecord[] = [];
    const result = await preview(bench.pipeline, {
      state: bench.state,
      onRecords: (rows) => shown.push(...rows),
    });
    expect(result).toMatchObject({
      status: "completed",
      recordsWritten: 2,
      newCursor: at(2),
      checkpoints: 0,
    });
    expect(shown).toHaveLength(2);
    expect(await bench.state.get(key)).toBeNull();
    expect(bench.table.rows).toEqual([]);
  });
});

/** A state store that crashes with the run: what a dead process would have recorded of its failure is nothing. */
function crashing(state: StateStore): StateStore {
  return new Proxy(state, {
    get(target, name) {
      if (name === "fail") return async () => {};
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
