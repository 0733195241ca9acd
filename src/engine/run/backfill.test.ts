import { describe, expect, it } from "vitest";
import { Bench, key } from "../../../test/support/engine-bench.ts";
import { FakeClock } from "../../../testing/fake-clock.ts";
import { TidemarkError } from "../../errors.ts";
import { attemptBackfill, type BackfillOptions, backfill } from "./backfill.ts";

const day = 86_400_000;
const begin = Date.parse("2025-01-01T12:00:00Z");

function onDay(number: number): string {
  return new Date(begin + number * day).toISOString();
}

/** A source of 60 days, whose live stream begins on the 40th. */
function world(appends = false) {
  const clock = new FakeClock("2025-03-02T00:00:00Z");
  const bench = new Bench({
    appends,
    reading: { bounded: true },
    incremental: { order: "unordered", start: { at: "2025-02-10T00:00:00Z" } },
  });
  for (let at = 0; at < 60; at++) bench.source.put({ id: at, updated_at: onDay(at) });
  const fill = (options: Partial<BackfillOptions>) =>
    attemptBackfill(bench.pipeline, { state: bench.state, clock, ...options });
  return { bench, clock, fill };
}

describe("a backfill", () => {
  it("P11: reads its range next to the live stream, whose watermark stays", async () => {
    const { bench, clock, fill } = world();
    await bench.run({ clock });
    expect(bench.ids()).toHaveLength(20);
    const before = await bench.state.get(key);
    const result = await fill({
      from: "2025-01-01",
      to: "2025-01-20T12:00:00Z",
      step: "P1D",
      concurrency: 4,
    });
    expect(result).toMatchObject({ status: "completed", recordsWritten: 20 });
    expect(await bench.state.get(key)).toEqual(before);
    expect(await bench.state.coverage(key)).toEqual([
      { lower: "2024-12-31T23:59:59.999999Z", upper: "2025-01-20T12:00:00Z" },
      { lower: "2025-02-09T23:59:59.999999Z", upper: "2025-03-01T12:00:00Z" },
    ]);
    const [latest] = (await bench.state.runs(key)).items;
    expect(latest).toMatchObject({ kind: "backfill", outcome: "completed", recordsProcessed: 20 });
  });

  it("P8: keeps the slices that it finished, and goes on with the rest", async () => {
    const { bench, fill } = world();
    bench.source.beforePage = (_page, { since }) => {
      if (since?.startsWith("2025-01-09")) throw new TidemarkError("SOURCE_UNAVAILABLE", "away");
    };
    const failed = await fill({ from: "2025-01-01", to: "2025-01-31", step: "P1D", concurrency: 3 });
    expect(failed.error?.code).toBe("SOURCE_UNAVAILABLE");
    bench.source.beforePage = () => {};
    const before = bench.source.requests.length;
    const resumed = await fill({ resume: failed.backfill, step: "P1D" });
    expect(resumed).toMatchObject({ status: "completed", backfill: failed.backfill });
    expect(bench.source.requests.slice(before)).toHaveLength(1);
    expect(new Set(bench.ids()).size).toBe(30);
    await expect(fill({ resume: failed.backfill })).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
      message: expect.stringContaining("there is no backfill"),
    });
  });

  it("P1: killed at any commit, it goes on without a loss", async () => {
    for (let crashAt = 1; crashAt < 12; crashAt++) {
      const { bench, fill } = world();
      let commits = 0;
      let id = "";
      await fill({
        from: "2025-01-01",
        to: "2025-01-10T12:00:00Z",
        step: "P1D",
        concurrency: 2,
        onBegin: ({ backfill: begun }) => {
          id = begun;
        },
        faults: (point) => {
          if (point === "afterCommit" && ++commits === crashAt) throw new Error("crash");
        },
      });
      const [left] = await bench.state.backfills(key);
      if (left?.status !== "completed") {
        const again =
          left?.range === null ? { from: "2025-01-01", to: "2025-01-10T12:00:00Z" } : { resume: id };
        expect((await fill(again)).error).toBeNull();
      }
      expect(new Set(bench.ids()).size).toBe(10);
    }
  });

  it("that stopped before it kept its range is begun anew, and says so", async () => {
    const { bench, fill } = world();
    const range = { from: "2025-01-01", to: "2025-01-10T12:00:00Z" };
    const stopped = await fill({
      ...range,
      faults: (point) => {
        if (point === "afterBegin") throw new Error("crash");
      },
    });
    await expect(fill({ resume: stopped.backfill })).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
      message: expect.stringContaining("stopped before it had read anything"),
      hint: "Begin it anew with --from and --to.",
    });
    expect((await fill(range)).error).toBeNull();
    expect(bench.ids()).toHaveLength(10);
  });

  it("into an append it reads only what nothing covers, so that no row is there twice", async () => {
    const { bench, clock, fill } = world(true);
    await bench.run({ clock });
    const result = await fill({ from: "2025-01-01", step: "P1D" });
    expect(result).toMatchObject({
      status: "completed",
      recordsWritten: 40,
      to: onDay(59).replace(".000", ""),
    });
    expect(bench.ids()).toHaveLength(60);
    expect(new Set(bench.ids()).size).toBe(60);
    expect(await fill({ from: "2025-01-05", to: "2025-02-20" })).toMatchObject({ recordsWritten: 0 });
    expect(await bench.state.coverage(key)).toEqual([
      { lower: "2024-12-31T23:59:59.999999Z", upper: "2025-03-01T12:00:00Z" },
    ]);
  });

  it("never ends in the future, of which nothing can be read whole", async () => {
    const { fill } = world();
    expect(await fill({ from: "2025-02-28", to: "2026-01-01" })).toMatchObject({
      to: "2025-03-02T00:00:00Z",
    });
  });

  it("names the option that is missing where it has no beginning", async () => {
    await expect(world().fill({})).rejects.toMatchObject({ hint: expect.stringContaining("--from") });
  });

  it.each<[string, Partial<BackfillOptions>, string]>([
    ["no beginning", {}, "needs to know where it begins"],
    ["an end before its beginning", { from: "2025-02-01", to: "2025-01-01" }, "before it begins"],
    ["a beginning that is no time", { from: "soon" }, 'from is "soon"'],
    ["a step of numbers for times", { from: "2025-01-01", step: "1000" }, "does not fit"],
    ["no readers at all", { from: "2025-01-01", concurrency: 0 }, "concurrency is 0"],
    ["an unknown name", { resume: "nothing" }, "there is no backfill nothing"],
    ["a range beside a name", { resume: "x", from: "2025-01-01" }, "has its range already"],
  ])("with %s is refused before anything runs", async (_, options, message) => {
    const { bench, fill } = world();
    await expect(fill(options)).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
      message: expect.stringContaining(message),
    });
    expect(await bench.state.backfills(key)).toEqual([]);
  });

  it("into an append is refused beyond the watermark of the live stream", async () => {
    const { bench, clock, fill } = world(true);
    await expect(fill({ from: "2025-01-01" })).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
    await bench.run({ clock });
    await expect(fill({ from: "2025-01-01", to: "2025-03-01T18:00:00Z" })).rejects.toMatchObject({
      message: expect.stringContaining("would be added again by the next live run"),
    });
  });

  it("throws what failed it, where it is not asked for a result", async () => {
    const { bench, clock } = world();
    bench.source.beforePage = () => {
      throw new TidemarkError("SOURCE_UNAVAILABLE", "away");
    };
    await expect(
      backfill(bench.pipeline, { state: bench.state, clock, from: "2025-01-01" }),
    ).rejects.toMatchObject({ code: "SOURCE_UNAVAILABLE" });
  });
});
