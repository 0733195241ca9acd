import { describe, expect, it } from "vitest";
import { at, Bench, key, record } from "../../../test/support/engine-bench.ts";
import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { Input } from "../ports.ts";
import { preview } from "./preview.ts";
import { attemptSync, sync } from "./sync.ts";

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
    const mark = bench.table.commitPosition;
    const idle = await bench.run();
    expect(idle).toMatchObject({ recordsWritten: 0, checkpoints: 0, newCursor: at(2) });
    expect(bench.table.commitPosition).toBe(mark);
  });

  it.each([
    ["stays completed", () => {}, "completed", undefined],
    [
      "fails with its own error",
      () => {
        throw new TidemarkError("SOURCE_REFUSED", "403");
      },
      "failed",
      "SOURCE_REFUSED",
    ],
  ])("a run whose input cannot be closed %s, and warns", async (_, beforePage, status, code) => {
    const bench = new Bench();
    bench.source.records = [record(1, 1)];
    bench.source.beforePage = beforePage;
    const { input } = bench.pipeline;
    const unclosable: Input = {
      ...input,
      open: async (context) =>
        Object.assign(await input.open(context), { close: () => Promise.reject(new Error("gone")) }),
    };
    const result = await attemptSync({ ...bench.pipeline, input: unclosable }, { state: bench.state });
    expect([result.status, result.error?.code]).toEqual([status, code]);
    expect(result.warnings).toEqual([{ code: "INPUT_CLOSE_FAILED", message: "gone", count: 1 }]);
    expect((await bench.state.get(key))?.status).toBe(status);
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

  it("P6: a record changed within the precision of its timestamp reaches an upsert", async () => {
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

  it("of more records of the future than can be kept, every run delivers the rest again, and warns", async () => {
    const bench = new Bench({ appends: false, incremental: { maxTieSetSize: 2 } });
    bench.source.records = [1, 2, 3, 4].map((id) => ({ id, updated_at: `299${id}-01-01T00:00:00Z` }));
    const warnings = [
      {
        code: "TIE_SET_FULL",
        message: expect.stringMatching(/^more than 2 records lie in the future;/),
        count: 2,
      },
    ];
    expect(await bench.run()).toMatchObject({ recordsWritten: 4, warnings });
    expect(await bench.run()).toMatchObject({ recordsWritten: 2, warnings });
    expect(bench.ids()).toEqual([1, 2, 3, 4, 3, 4]);
  });

  it("without a cursor every run delivers everything, also behind runs that kept one", async () => {
    const bench = new Bench({ appends: false, incremental: { cursors: [] } });
    bench.source.records = [record(1, 1), record(2, 2), record(3, 2)];
    for (let times = 1; times <= 2; times++) {
      expect(await bench.run()).toMatchObject({ status: "completed", recordsWritten: 3, newCursor: null });
    }
    const keeping = new Bench({ appends: false });
    keeping.source.records = bench.source.records;
    await keeping.run();
    const { output } = keeping.pipeline;
    const forgetful = { ...bench.pipeline, output };
    for (let times = 1; times <= 2; times++) {
      expect(await sync(forgetful, { state: keeping.state })).toMatchObject({ recordsWritten: 3 });
    }
    expect(await keeping.run()).toMatchObject({ recordsWritten: 0, newCursor: at(2) });
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

  it("records that are left out for want of a cursor are counted by a warning of each run", async () => {
    const bench = new Bench({ incremental: { onNullCursor: "skip" } });
    bench.source.records = [
      record(1, 1),
      { id: 2, updated_at: null },
      { id: 3, updated_at: null },
      record(4, 3),
    ];
    expect((await bench.run()).warnings).toEqual([
      {
        code: "NULL_CURSORS_SKIPPED",
        message: expect.stringContaining("no value in their cursor field updated_at and were left out"),
        count: 2,
      },
    ]);
    bench.source.records = [record(5, 4)];
    expect((await bench.run()).warnings).toEqual([]);
  });

  it("of more records without a cursor than can be kept, delivers only the rest again, and says so", async () => {
    const bench = new Bench({
      appends: false,
      incremental: { onNullCursor: "deliver", maxTieSetSize: 4 },
      reading: { paging: "offset", order: "stored", pageSize: 5 },
    });
    bench.source.records = [
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((id) => ({ id, updated_at: null })),
      ...[11, 12, 13].map((id) => record(id, 1)),
    ];
    const warning = {
      code: "NULL_CURSORS_FULL",
      message: expect.stringMatching(/^more than 4 records have no cursor; 4 of them .* `maxTieSetSize`$/),
    };
    const first = await bench.run();
    expect(first).toMatchObject({ recordsWritten: 13, warnings: [warning] });
    // The six that are not known come again. Those at the watermark stay known: they are counted by themselves.
    for (const run of [await bench.run(), await bench.run()]) {
      expect(run).toMatchObject({ recordsWritten: 6, newCursor: at(1) });
      expect(run.warnings).toMatchObject([warning]);
    }
    expect(bench.ids().slice(13)).toEqual([5, 6, 7, 8, 9, 10, 5, 6, 7, 8, 9, 10]);
    expect((await bench.state.get(key))?.position.tieSet).toHaveLength(7);
  });

  it("a mistyped cursor field is reported where nulls are skipped or delivered", async () => {
    for (const onNullCursor of ["skip", "deliver"] as const) {
      const bench = new Bench({ incremental: { onNullCursor } });
      bench.source.records = [
        { id: 1, updatedAt: at(1) },
        { id: 2, updatedAt: at(2) },
      ];
      // Those that are left out are counted besides.
      const besides = async () =>
        (await bench.run()).warnings.filter(({ code }) => code !== "NULL_CURSORS_SKIPPED");
      expect(await besides()).toMatchObject([
        {
          code: "FIELD_UNKNOWN",
          message: expect.stringMatching(/`updated_at`.*id, updatedAt.*`updatedAt`/s),
        },
      ]);
      bench.source.records = [{ id: 3 }, record(4, 4)];
      expect(await besides()).toEqual([]);
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

  it("P15: a run that fails leaves its warnings and counts in the history", async () => {
    const bench = new Bench();
    const input: Input = {
      kind: "shrinking",
      incremental: bench.pipeline.input.incremental,
      open: async ({ warn }) => ({
        async *read() {
          yield { records: [record(1, 1)], next: null };
          warn("TOTAL_CHANGED", "7, then 6");
          throw new TidemarkError("SOURCE_TRUNCATED", "the source ended early");
        },
        close: async () => {},
      }),
    };
    const pipeline = { ...bench.pipeline, input };
    const result = await attemptSync(pipeline, { state: bench.state });
    expect(result).toMatchObject({ status: "failed", error: { code: "SOURCE_TRUNCATED" } });
    const { items } = await bench.state.runs(pipeline.key);
    expect(items).toMatchObject([
      {
        outcome: "failed",
        metadata: {
          records_read: 1,
          pages: 1,
          warnings: [{ code: "TOTAL_CHANGED", message: "7, then 6", count: 1 }],
        },
      },
    ]);
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
    expect(bench.table.commitPosition?.position.tieSet).toHaveLength(2);
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
