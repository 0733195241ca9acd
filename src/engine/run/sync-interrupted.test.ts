import { describe, expect, it } from "vitest";
import { at, Bench, crashing, key, record } from "../../../test/support/engine-bench.ts";
import { MemoryTable, memoryOutput } from "../../../testing/memory-output.ts";
import { isTidemarkError, TidemarkError } from "../../errors.ts";
import { openMemoryState } from "../../state/storage/memory/memory.ts";
import type { Filter, Output } from "../ports.ts";
import { attemptSync, sync } from "./sync.ts";

describe("sync, interrupted", () => {
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
      // The window is finished: the output lets go of what it kept of it.
      "afterCommit: 6 rows, watermark 06",
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

  it("P1: a run that is cancelled while the output refuses a record commits nothing of that page", async () => {
    const bench = new Bench();
    bench.source.records = [1, 2, 3, 4, 5, 6].map((id) => record(id, id));
    const stop = new AbortController();
    const { output } = bench.pipeline;
    const refusing: Output = {
      ...output,
      open: async (context) => {
        const session = await output.open(context);
        const write = session.write.bind(session);
        session.write = async (batch) => {
          if (batch.records.some(({ id }) => id === 5)) {
            stop.abort();
            throw new TidemarkError("RECORD_INVALID", "record 5 does not fit");
          }
          return write(batch);
        };
        return session;
      },
    };
    const { state } = bench;
    const stopped = await attemptSync(
      { ...bench.pipeline, output: refusing },
      { state, signal: stop.signal },
    );
    expect(stopped.error?.code).toBe("RUN_CANCELLED");
    expect(await bench.watermark()).toBe(at(3));
    await bench.run();
    expect(bench.ids()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("P2: a run that is cancelled while a filter fails repeats none of the pages before", async () => {
    const bench = new Bench({ incremental: { pagesPerCheckpoint: 3, key: null } });
    bench.source.records = [1, 2, 3, 4, 5, 6].map((id) => record(id, id));
    const stop = new AbortController();
    const failing: Filter = {
      kind: "test",
      apply(records) {
        if (records.every(({ id }) => id !== 5)) return records;
        stop.abort();
        throw new TidemarkError("FILTER_FAILED", "record 5 does not fit");
      },
    };
    const { state } = bench;
    await attemptSync({ ...bench.pipeline, filters: [failing] }, { state, signal: stop.signal });
    await bench.run();
    expect(bench.ids()).toEqual([1, 2, 3, 4, 5, 6]);
  });
});
