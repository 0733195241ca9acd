import { describe, expect, onTestFinished, test } from "vitest";
import { hour, Machine, minute, pipelineOf } from "./support/scheduling.ts";

const daily = pipelineOf("a", "0 3 * * *");

/** A machine in the evening before a daily tick at 03:00, with a first run that was made the day before. */
async function machineOf({ ran = true } = {}): Promise<Machine> {
  const machine = new Machine("2026-01-01T02:59:00Z");
  onTestFinished(() => machine.end());
  if (ran) {
    const first = machine.start([daily]);
    await machine.clock.advance(2 * minute);
    await first.drain();
    machine.runs.length = 0;
    await machine.clock.advance(23 * hour);
  }
  return machine;
}

describe("a run that must be repeated", () => {
  test("P8: is made soon after a restart where a drain cut it short, and not at the next tick", async () => {
    const machine = await machineOf();
    machine.outcome = () => ({ status: "completed", milliseconds: 10 * minute });
    const first = machine.start([daily]);
    await machine.clock.advance(hour);
    const drained = first.drain();
    await drained;
    await machine.clock.advance(minute);
    const next = machine.start([daily]);
    await machine.clock.advance(5000);
    expect(machine.times("a")).toEqual(["2026-01-02T03:00:00Z", "2026-01-02T03:02:00Z"]);
    expect(next.told("retrying")).toMatchObject([{ why: "stopped", failures: 0 }]);
    await machine.clock.advance(12 * hour);
    expect(machine.runs.map(({ end }) => end)).toEqual(["stopped", "completed"]);
  });

  test("is made once the lease of the process that was killed is over", async () => {
    const machine = await machineOf();
    machine.outcome = () => ({ status: "completed", milliseconds: 10 * minute });
    const first = machine.start([daily]);
    await machine.clock.advance(hour);
    first.kill();
    machine.start([daily]);
    await machine.clock.advance(2 * minute);
    expect(machine.runs.map(({ process, end }) => [process, end])).toEqual([
      [1, "killed"],
      [2, null],
    ]);
  });

  test("is made with the waits that it would have had without a restart", async () => {
    const machine = await machineOf();
    machine.random = () => 0.999;
    machine.outcome = () => ({ status: "away", milliseconds: 0 });
    const first = machine.start([daily]);
    await machine.clock.advance(hour - 20_000);
    expect(machine.runs).toHaveLength(6);
    await first.drain();
    const next = machine.start([daily]);
    await machine.clock.advance(20_000);
    expect(next.told("retrying")).toMatchObject([{ why: "failed", failures: 6 }]);
    expect(machine.runs).toHaveLength(6);
    await machine.clock.advance(15_000);
    expect(machine.runs).toHaveLength(7);
    expect(next.told("retrying").at(-1)).toMatchObject({ failures: 7 });
  });

  test("that no try mends waits for its tick, restart after restart", async () => {
    const machine = await machineOf();
    machine.outcome = () => ({ status: "refused", milliseconds: 0 });
    for (let start = 0; start < 5; start++) {
      const process = machine.start([daily]);
      await machine.clock.advance(hour);
      await process.drain();
    }
    expect(machine.times("a")).toEqual(["2026-01-02T03:00:00Z"]);
  });

  test("begins at once where its pipeline is changed, whether it was refused or is tried again", async () => {
    const machine = await machineOf();
    for (const status of ["refused", "away"] as const) {
      machine.runs.length = 0;
      machine.outcome = () => ({ status, milliseconds: 0, retryAfterMs: hour });
      const process = machine.start([daily]);
      await machine.clock.advance(24 * hour);
      const tries = machine.runs.length;
      machine.outcome = () => ({ status: "completed", milliseconds: 0 });
      process.scheduler.assign([{ ...daily }]);
      await machine.clock.advance(1000);
      expect(machine.runs.length - tries, status).toBe(1);
      expect(process.told("retrying").at(-1)).toMatchObject({ why: "changed" });
      await process.drain();
    }
  });

  test("whose pipeline is changed while it runs begins once it has failed", async () => {
    const machine = await machineOf();
    machine.outcome = () => ({ status: "refused", milliseconds: 10_000 });
    const process = machine.start([daily]);
    await machine.clock.advance(hour - minute + 5000);
    machine.outcome = () => ({ status: "completed", milliseconds: 0 });
    await machine.clock.advance(minute - 10_000);
    process.scheduler.assign([{ ...daily }]);
    await machine.clock.advance(minute);
    expect(machine.runs.map(({ end }) => end)).toEqual(["failed", "completed"]);
  });

  test("is not made before the time that the source asked for, not even after a restart", async () => {
    const machine = await machineOf();
    machine.outcome = () => ({ status: "away", milliseconds: 0, retryAfterMs: hour });
    const first = machine.start([daily]);
    await machine.clock.advance(hour + 29 * minute);
    await first.drain();
    machine.outcome = () => ({ status: "completed", milliseconds: 0 });
    machine.start([daily]);
    await machine.clock.advance(29 * minute);
    expect(machine.times("a")).toEqual(["2026-01-02T03:00:00Z"]);
    await machine.clock.advance(2 * minute);
    expect(machine.times("a")).toEqual(["2026-01-02T03:00:00Z", "2026-01-02T04:00:00Z"]);
  });

  test("in many streams at once is spread over a moment, and over the jitter", async () => {
    const machine = new Machine("2026-01-01T00:00:00Z");
    onTestFinished(() => machine.end());
    const many = Array.from({ length: 60 }, (_, number) =>
      pipelineOf(`s${number}`, "* * * * *", { jitterMs: minute }),
    );
    const first = machine.start(many, 100);
    await machine.clock.advance(2 * minute);
    await first.drain();
    await machine.clock.advance(10 * minute);
    machine.runs.length = 0;
    let drawn = 0;
    machine.random = () => (drawn++ % 60) / 60;
    machine.start(many, 100);
    await machine.clock.advance(minute);
    const seconds = new Set(machine.runs.map(({ at }) => Math.floor(at / 1000)));
    expect(machine.runs.length).toBeGreaterThanOrEqual(60);
    expect(seconds.size).toBeGreaterThan(30);
  });
});

test("a tick that a new stream meets while its process still starts is made", async () => {
  const machine = new Machine("2026-01-01T02:59:50Z");
  onTestFinished(() => machine.end());
  const began = machine.clock.now();
  await machine.clock.advance(20_000);
  const process = machine.start([]);
  process.scheduler.assign([daily], began);
  await machine.clock.advance(1000);
  expect(machine.times("a")).toEqual(["2026-01-01T03:00:10Z"]);
});

describe("of two processes over one state", () => {
  test("P1: one takes over what the other left, as soon as its lease is over", async () => {
    const machine = await machineOf();
    machine.outcome = () => ({ status: "completed", milliseconds: 10 * minute });
    const both = [machine.start([daily]), machine.start([daily])];
    await machine.clock.advance(hour + 5 * minute);
    const [begun] = machine.runs;
    const [killed, other] = begun?.process === 1 ? both : both.toReversed();
    killed?.kill();
    await machine.clock.advance(minute + 2000);
    expect(machine.runs).toHaveLength(2);
    await machine.clock.advance(12 * hour);
    expect(machine.runs.map(({ end }) => end)).toEqual(["killed", "completed"]);
    expect(other?.told("held")).toHaveLength(1);
  });

  test("neither repeats a tick that the other has completed, however long that took", async () => {
    const machine = await machineOf();
    machine.outcome = () => ({ status: "completed", milliseconds: 10 * minute });
    const both = [machine.start([daily]), machine.start([daily])];
    await machine.clock.advance(3 * 24 * hour);
    expect(machine.times("a")).toEqual([
      "2026-01-02T03:00:00Z",
      "2026-01-03T03:00:00Z",
      "2026-01-04T03:00:00Z",
    ]);
    expect(both.flatMap((process) => process.told("retrying"))).toEqual([]);
  });

  test("only one tries again what failed", async () => {
    const machine = await machineOf();
    machine.random = Math.random;
    machine.outcome = () => ({ status: "away", milliseconds: 3000 });
    machine.start([daily]);
    machine.start([daily]);
    await machine.clock.advance(hour + 10 * minute);
    // Alone a process makes about 8 to 10 in that time.
    expect(machine.runs.length).toBeLessThan(16);
    machine.outcome = () => ({ status: "completed", milliseconds: 3000 });
    await machine.clock.advance(hour);
    expect(machine.runs.filter(({ end }) => end === "completed")).toHaveLength(1);
  });
});

describe("a clock", () => {
  test("that is set back makes no silence: ticks go on by the new clock within a minute", async () => {
    for (const back of [100_000, 2 * hour, 40 * 24 * hour]) {
      const machine = new Machine("2026-03-01T12:00:00Z");
      machine.start([pipelineOf("a", "*/5 * * * * *")]);
      await machine.clock.advance(14_000);
      const before = machine.runs.length;
      machine.clock.step(-back);
      await machine.clock.advance(minute);
      expect(machine.runs.length - before, String(back)).toBeGreaterThan(0);
      await machine.clock.advance(minute);
      expect(machine.runs.length - before).toBeGreaterThanOrEqual(12);
      await machine.end();
    }
  });

  test("that is set back a little repeats no tick", async () => {
    const machine = new Machine("2026-01-01T00:59:00Z");
    onTestFinished(() => machine.end());
    machine.start([pipelineOf("a", "@hourly")]);
    await machine.clock.advance(2 * minute);
    machine.clock.step(-10 * minute);
    await machine.clock.advance(30 * minute);
    expect(machine.times("a")).toEqual(["2026-01-01T01:00:00Z"]);
    await machine.clock.advance(hour);
    expect(machine.times("a")).toEqual(["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"]);
  });

  test("that goes ahead makes up for the ticks it passes by one run", async () => {
    const machine = new Machine("2026-01-01T00:30:00Z");
    onTestFinished(() => machine.end());
    const process = machine.start([pipelineOf("a", "@hourly")]);
    await machine.clock.advance(minute);
    machine.clock.step(5 * hour);
    await machine.clock.advance(minute);
    expect(machine.runs).toHaveLength(1);
    expect(process.told("missed")).toMatchObject([{ count: 4 }]);
  });

  test("that was ahead once blocks no tick after a restart, and is reported once", async () => {
    const machine = new Machine("2026-01-01T00:30:00Z");
    onTestFinished(() => machine.end());
    machine.clock.step(7 * hour);
    const first = machine.start([pipelineOf("a", "@hourly")]);
    await machine.clock.advance(hour);
    await first.drain();
    machine.clock.step(-7 * hour);
    machine.runs.length = 0;
    const next = machine.start([pipelineOf("a", "@hourly")]);
    await machine.clock.advance(2 * hour);
    expect(machine.times("a")).toEqual(["2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z"]);
    expect(next.told("ahead")).toHaveLength(1);
  });

  test("that was ahead as a run was killed does not leave its lease behind", async () => {
    const machine = new Machine("2026-01-01T00:30:00Z");
    onTestFinished(() => machine.end());
    machine.clock.step(7 * hour);
    machine.outcome = () => ({ status: "completed", milliseconds: 10 * minute });
    const first = machine.start([pipelineOf("a", "@hourly")]);
    await machine.clock.advance(35 * minute);
    first.kill();
    machine.clock.step(-7 * hour);
    machine.start([pipelineOf("a", "@hourly")]);
    await machine.clock.advance(30_000);
    expect(machine.runs).toHaveLength(1);
    await machine.clock.advance(minute);
    expect(machine.runs.map(({ end }) => end)).toEqual(["killed", null]);
  });

  test("that jumps while a run is tried again makes the wait neither longer nor shorter", async () => {
    for (const jump of [-3 * hour, 3 * hour]) {
      const machine = await machineOf();
      machine.outcome = () => ({ status: "away", milliseconds: 0, retryAfterMs: 30 * minute });
      machine.start([daily]);
      await machine.clock.advance(hour + minute);
      machine.clock.step(jump);
      await machine.clock.advance(27 * minute);
      expect(machine.runs).toHaveLength(1);
      await machine.clock.advance(2 * minute);
      expect(machine.runs).toHaveLength(2);
    }
  });
});

describe("a run that somebody stopped", () => {
  const hourly = pipelineOf("a", "0 * * * *");
  const asked = { actor: "ada", reason: "maintenance" };

  test("is followed by the next tick, and not by a run that is owed or that makes up for a tick", async () => {
    const machine = new Machine("2026-01-01T02:59:00Z");
    onTestFinished(() => machine.end());
    machine.outcome = () => ({ status: "completed", milliseconds: 3 * hour });
    const first = machine.start([hourly]);
    await machine.clock.advance(hour + 5 * minute);
    await machine.state.stop(hourly.key, asked);
    await machine.clock.advance(50 * minute);
    expect(machine.times("a")).toEqual(["2026-01-01T03:00:00Z"]);
    expect(machine.runs.map(({ end }) => end)).toEqual(["failed"]);
    expect(first.told("ended")).toMatchObject([{ failures: 0, result: { error: { code: "RUN_STOPPED" } } }]);
    expect(first.told("retrying")).toEqual([]);
    machine.outcome = () => ({ status: "completed", milliseconds: 0 });
    await machine.clock.advance(10 * minute);
    expect(machine.times("a")).toEqual(["2026-01-01T03:00:00Z", "2026-01-01T05:00:00Z"]);
  });

  test("is not made again after a restart before its next tick", async () => {
    const machine = new Machine("2026-01-01T02:59:00Z");
    onTestFinished(() => machine.end());
    machine.outcome = () => ({ status: "completed", milliseconds: 3 * hour });
    const first = machine.start([hourly]);
    await machine.clock.advance(hour + 5 * minute);
    await machine.state.stop(hourly.key, asked);
    await machine.clock.advance(minute);
    await first.drain();
    machine.start([hourly]);
    await machine.clock.advance(50 * minute);
    expect(machine.times("a")).toEqual(["2026-01-01T03:00:00Z"]);
    await machine.clock.advance(10 * minute);
    expect(machine.times("a")).toEqual(["2026-01-01T03:00:00Z", "2026-01-01T05:00:00Z"]);
  });

  test("and that was killed before it saw the request is not made again before its next tick", async () => {
    const machine = new Machine("2026-01-01T02:59:00Z");
    onTestFinished(() => machine.end());
    machine.outcome = () => ({ status: "completed", milliseconds: 3 * hour });
    const first = machine.start([hourly]);
    await machine.clock.advance(5 * minute);
    await machine.state.stop(hourly.key, asked);
    first.kill();
    machine.start([hourly]);
    await machine.clock.advance(50 * minute);
    expect(machine.times("a")).toEqual(["2026-01-01T03:00:00Z"]);
    await machine.clock.advance(10 * minute);
    expect(machine.times("a")).toEqual(["2026-01-01T03:00:00Z", "2026-01-01T04:00:00Z"]);
  });
});
