import { describe, expect, it } from "vitest";
import { at, Bench, record } from "../../../test/support/engine-bench.ts";
import { FakeClock } from "../../../testing/fake-clock.ts";
import { preview } from "./preview.ts";

const clock = new FakeClock("2026-01-01T00:01:00Z");

function filled(appends: boolean) {
  const bench = new Bench({ appends });
  bench.source.records = [1, 2, 3, 4, 5, 6, 7].map((id) => record(id, id));
  return bench;
}

describe("a run that gets a place to begin", () => {
  it("P3: reads again from there on, and the watermark goes on from where it was", async () => {
    const bench = filled(false);
    await bench.run({ clock });
    const again = await bench.run({ clock, since: at(5) });
    expect(again).toMatchObject({ recordsWritten: 3, lowerBound: at(7), newCursor: at(7) });
    expect(bench.source.requests.at(-1)?.since).toBe(at(5));
    expect(await bench.run({ clock })).toMatchObject({ recordsWritten: 0 });
  });

  it("begins a stream there that has never been read, that value included", async () => {
    const bench = filled(true);
    expect(await bench.run({ clock, since: at(6) })).toMatchObject({ recordsWritten: 2 });
    expect(bench.ids()).toEqual([6, 7]);
    expect(await bench.state.coverage(bench.pipeline.key)).toEqual([
      { lower: "2026-01-01T00:00:05.999999Z", upper: at(7) },
    ]);
  });

  it("in days, begins only a stream that has no cursor yet", async () => {
    const late = new FakeClock("2026-01-03T00:00:00Z");
    const bench = filled(true);
    bench.source.put({ id: 8, updated_at: "2026-01-02T12:00:00Z" });
    expect(await bench.run({ clock: late, lookbackDays: 1 })).toMatchObject({ recordsWritten: 1 });
    bench.source.put({ id: 9, updated_at: "2026-01-02T13:00:00Z" });
    expect(await bench.run({ clock: late, lookbackDays: 3 })).toMatchObject({ recordsWritten: 1 });
  });

  it.each([
    { output: "replaces rows", appends: false },
    { output: "appends", appends: true },
  ])(
    "is refused past the watermark, since what lies between would never be read: $output",
    async ({ appends }) => {
      const bench = filled(appends);
      await bench.run({ clock });
      const refused = await bench.attempt({ clock, since: at(9) });
      expect(refused.error).toMatchObject({
        code: "ARGUMENT_INVALID",
        message: expect.stringContaining("would never be read"),
      });
      expect(await bench.watermark()).toBe(at(7));
    },
  );

  it("is refused into an output that appends, which would hold the records twice", async () => {
    const bench = filled(true);
    await bench.run({ clock });
    const refused = await bench.attempt({ clock, since: at(5) });
    expect(refused.error).toMatchObject({
      code: "ARGUMENT_INVALID",
      message: expect.stringContaining("would be added again"),
    });
    expect(refused).toMatchObject({ lowerBound: at(7), newCursor: at(7) });
    expect(bench.ids()).toHaveLength(7);
  });

  it.each(["soon", "2026-13-01", ""])("is refused where %j is no time", async (since) => {
    const bench = filled(false);
    await bench.run({ clock });
    const refused = await bench.attempt({ clock, since });
    expect(refused.error?.code).toBe("ARGUMENT_INVALID");
    expect(refused.runId).toBeNull();
  });

  it("is refused by a stream that is read by no timestamp and no id", async () => {
    const bench = new Bench({ incremental: { cursors: [] } });
    const refused = await bench.attempt({ clock, since: at(1) });
    expect(refused.error?.message).toContain("needs a stream that is read by a timestamp or an id");
  });

  it("warns of a watermark in the future, below which no run reads", async () => {
    const bench = filled(false);
    await bench.run({ clock });
    const to = "2999-01-01T00:00:00Z";
    await bench.state.reset(bench.pipeline.key, { to, reason: "a slip", actor: "test" });
    const { warnings } = await bench.run({ clock });
    expect(warnings).toMatchObject([
      {
        code: "WATERMARK_IN_FUTURE",
        message: expect.stringMatching(/is 2999-01-01T00:00:00Z, .*2026-01-01T00:01:00Z/),
      },
    ]);
  });

  it("P11: previews from there as a run would, and moves nothing", async () => {
    const bench = filled(false);
    await bench.run({ clock });
    const seen: unknown[] = [];
    await preview(bench.pipeline, {
      state: bench.state,
      clock,
      since: at(6),
      onRecords: (records) => seen.push(...records.map(({ id }) => id)),
    });
    expect(seen).toEqual([6, 7]);
  });
});
