import { describe, expect, it } from "vitest";
import { Bench, key } from "../../../test/support/engine-bench.ts";
import { FakeClock } from "../../../testing/fake-clock.ts";
import type { SimulatedReading } from "../../../testing/simulated-source.ts";
import { TidemarkError } from "../../errors.ts";
import { parsePrecision } from "../../model/precision.ts";
import { parseSliceStep } from "../../model/slices.ts";
import type { Filter, Incremental } from "../ports.ts";
import { attemptSync } from "./sync.ts";

const day = 86_400_000;
const begin = Date.parse("2025-01-01T00:00:00Z");

function onDay(number: number, hour = 12): string {
  return new Date(begin + number * day + hour * 3_600_000).toISOString();
}

/** A year of a source that is read by days, `concurrency` at a time, on the last of them. */
function yearOf(
  concurrency: number,
  incremental: Partial<Incremental> = {},
  appends = true,
  reading: Partial<SimulatedReading> = {},
) {
  const clock = new FakeClock(new Date(begin + 365 * day).toISOString());
  const bench = new Bench({
    appends,
    reading: { bounded: true, pageSize: 2, ...reading },
    incremental: {
      order: "unordered",
      start: { at: "2025-01-01T00:00:00Z" },
      slices: { step: parseSliceStep("P1D"), clamp: null, concurrency },
      ...incremental,
    },
  });
  for (let at = 0; at < 365; at++) bench.source.put({ id: at, updated_at: onDay(at) });
  return { bench, clock };
}

describe("slices", () => {
  it("P8: of 365 daily slices, eight at a time, one that fails leaves the other 364, and the next run reads just that one", async () => {
    const { bench, clock } = yearOf(8);
    let reading = 0;
    let most = 0;
    bench.source.beforePage = async (_page, { since }) => {
      most = Math.max(most, ++reading);
      await new Promise((resolve) => setImmediate(resolve));
      reading -= 1;
      if (since?.startsWith("2025-04-10")) throw new TidemarkError("SOURCE_UNAVAILABLE", "it answers 500");
    };
    const failed = await bench.attempt({ clock });
    expect(failed.error?.code).toBe("SOURCE_UNAVAILABLE");
    expect(failed.error?.message).toContain("1 of 365 could not be read whole");
    expect(failed.error?.message).toContain("(2025-04-10T00:00:00Z, 2025-04-11T00:00:00Z]");
    expect(most).toBe(8);
    expect(bench.ids()).toHaveLength(364);
    expect(await bench.watermark()).toBe("2025-04-10T00:00:00Z");
    const { position } = (await bench.state.get(key)) ?? {};
    expect(position?.coverage).toEqual([
      { lower: "2024-12-31T23:59:59.999999Z", upper: "2025-04-10T00:00:00Z" },
      { lower: "2025-04-11T00:00:00Z", upper: "2025-12-31T12:00:00Z" },
    ]);

    const before = bench.source.requests.length;
    bench.source.beforePage = () => {};
    await bench.run({ clock });
    const asked = bench.source.requests.slice(before).map(({ since }) => since);
    expect(asked).toEqual(["2025-04-10T00:00:00Z", "2025-12-31T12:00:00Z"]);
    expect(new Set(bench.ids()).size).toBe(365);
    expect(bench.ids()).toHaveLength(365);
    expect(await bench.watermark()).toBe("2025-12-31T12:00:00Z");
  });

  it("P8: the slices that end after one of them has failed in a filter count too", async () => {
    const { bench, clock } = yearOf(2, { pagesPerCheckpoint: 1000 });
    const failing: Filter = {
      kind: "test",
      apply(records) {
        if (records.some(({ id }) => id === 99)) throw new TidemarkError("FILTER_FAILED", "99 does not fit");
        return records;
      },
    };
    const { state } = bench;
    const failed = await attemptSync({ ...bench.pipeline, filters: [failing] }, { state, clock });
    expect(failed.error?.code).toBe("FILTER_FAILED");
    expect(bench.ids()).toHaveLength(364);
    expect((await state.get(key))?.position.coverage).toEqual([
      { lower: "2024-12-31T23:59:59.999999Z", upper: "2025-04-10T00:00:00Z" },
      { lower: "2025-04-11T00:00:00Z", upper: "2025-12-31T12:00:00Z" },
    ]);
  });

  it("the watermark stays with the highest record seen, so that one that shows late in the quiet end is read", async () => {
    const { bench, clock } = yearOf(3);
    bench.source.records = bench.source.records.slice(0, 10);
    await bench.run({ clock });
    expect(await bench.watermark()).toBe("2025-01-10T12:00:00Z");
    bench.source.put({ id: 999, updated_at: onDay(100) });
    await bench.run({ clock });
    expect(bench.ids()).toContain(999);
  });

  it("a run that finds nothing new commits nothing", async () => {
    const { bench, clock } = yearOf(2);
    await bench.run({ clock });
    const mark = bench.table.commitPosition;
    expect(await bench.run({ clock })).toMatchObject({ recordsWritten: 0, checkpoints: 0 });
    expect(bench.table.commitPosition).toBe(mark);
  });

  it("P6: records at the very end of a slice come once, also those that come to the watermark later", async () => {
    const { bench, clock } = yearOf(4);
    bench.source.records = [];
    for (let at = 1; at < 20; at++)
      for (const id of [0, 1]) bench.source.put({ id: at * 10 + id, updated_at: onDay(at, 0) });
    await bench.run({ clock });
    bench.source.put({ id: 999, updated_at: onDay(19, 0) });
    await bench.run({ clock });
    await bench.run({ clock });
    expect(bench.ids()).toHaveLength(39);
    expect(new Set(bench.ids()).size).toBe(39);
  });

  it("P6: at the watermark that a failed slice left, what was delivered is known and what came since is not", async () => {
    const { bench, clock } = yearOf(2);
    bench.source.records = [];
    for (const at of [1, 2, 3, 4]) bench.source.put({ id: at, updated_at: onDay(at, 0) });
    bench.source.beforePage = (_page, { since }) => {
      if (since?.startsWith("2025-01-03")) throw new Error("away");
    };
    await bench.attempt({ clock });
    expect(await bench.watermark()).toBe(onDay(2, 0).replace(".000", ""));
    bench.source.beforePage = () => {};
    bench.source.put({ id: 5, updated_at: onDay(2, 0) });
    await bench.run({ clock });
    expect([...bench.ids()].sort()).toEqual([1, 2, 3, 4, 5]);
  });

  it("P6: records that a source gave past the window's end come once, in whatever slice they are met again", async () => {
    const { bench, clock } = yearOf(2, {}, true, { overshoot: parsePrecision("P3D") });
    await clock.advance(-355 * day);
    await bench.run({ clock });
    expect(bench.ids()).toHaveLength(13);
    await clock.advance(20 * day);
    bench.source.beforePage = (_page, { since }) => {
      if (since?.startsWith("2025-01-12")) throw new Error("away");
    };
    // The slice that holds one of them fails while later ones move on; then it is read.
    expect((await bench.attempt({ clock })).status).toBe("failed");
    bench.source.beforePage = () => {};
    await bench.run({ clock });
    expect([...bench.ids()].sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 33 }, (_, at) => at),
    );
  });

  it("P1: a crash at any commit loses and repeats nothing, with slices side by side", async () => {
    for (let crashAt = 1; crashAt < 60; crashAt += 3) {
      const { bench, clock } = yearOf(8);
      bench.source.records = bench.source.records.slice(0, 40);
      let commits = 0;
      await bench.attempt({
        clock,
        faults: (point) => {
          if (point === "afterCommit" && ++commits === crashAt) throw new Error("crash");
        },
      });
      await bench.run({ clock });
      expect([...bench.ids()].sort((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: 40 }, (_, at) => at),
      );
    }
  });

  it("with a clamp, a day that is not over is left to a later run", async () => {
    const { bench, clock } = yearOf(1, {
      slices: { step: parseSliceStep("P1D"), clamp: "day", concurrency: 1 },
    });
    await clock.advance(13 * 3_600_000);
    bench.source.put({ id: 400, updated_at: onDay(365, 1) });
    await bench.run({ clock });
    expect(bench.ids()).not.toContain(400);
    const asked = bench.source.requests.map(({ since, until }) => [since, until]);
    expect(asked[0]).toEqual(["2025-01-01T00:00:00Z", "2025-01-01T23:59:59.999999Z"]);
    expect(asked).toContainEqual(["2025-01-02T00:00:00Z", "2025-01-02T23:59:59.999999Z"]);
    await clock.advance(day);
    await bench.run({ clock });
    expect(bench.ids()).toContain(400);
  });

  it("a lookback is read again before the gaps", async () => {
    const { bench, clock } = yearOf(2, { lookback: parsePrecision("P2D") }, false);
    await bench.run({ clock });
    bench.source.put({ id: 500, updated_at: onDay(363) });
    await bench.run({ clock });
    expect(bench.ids()).toContain(500);
  });
});
