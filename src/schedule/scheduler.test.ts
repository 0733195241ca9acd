import { describe, expect, onTestFinished, test } from "vitest";
import { runResult } from "../../test/support/run-result.ts";
import { hour, MachineClock, minute } from "../../test/support/scheduling.ts";
import type { RunResult, RunStatus } from "../engine/run/result.ts";
import { TidemarkError } from "../errors.ts";
import type { Scheduled, ScheduleEvent } from "./events.ts";
import type { RunContext } from "./job.ts";
import type { LastRun } from "./last-run.ts";
import { Scheduler } from "./scheduler.ts";

interface Setting {
  readonly maxConcurrent?: number;
  readonly random?: () => number;
  /** What the state remembers of each stream before the process began. */
  readonly lastRuns?: Readonly<Record<string, string>>;
}

/** A scheduler over a clock that stands still; runs end at once unless told otherwise. */
function schedulerAt(start: string, setting: Setting = {}) {
  const clock = new MachineClock(start);
  const events: ScheduleEvent[] = [];
  const runs: { name: string; at: string }[] = [];
  const signals: AbortSignal[] = [];
  const lastRuns = new Map<string, LastRun>();
  for (const [name, at] of Object.entries(setting.lastRuns ?? {}))
    lastRuns.set(name, { runId: "before", startedAt: Date.parse(at), end: { kind: "completed" } });
  const world = {
    clock,
    events,
    runs,
    signals,
    lastRuns,
    /** How a run goes; replaced by tests. */
    run: async (_: Scheduled, __: RunContext): Promise<RunResult> => result("completed"),
    lookAt: async (name: string): Promise<LastRun | null> => lastRuns.get(name) ?? null,
    told: (type: ScheduleEvent["type"]) => events.filter((event) => event.type === type),
    times: (name?: string) =>
      runs.filter((run) => name === undefined || run.name === name).map(({ at }) => at),
  };
  const scheduler = new Scheduler<Scheduled>({
    clock,
    random: setting.random ?? (() => 0),
    maxConcurrent: setting.maxConcurrent ?? 8,
    onEvent: (event) => events.push(event),
    lastRun: ({ name }) => world.lookAt(name),
    run: async (pipeline, context) => {
      const at = new Date(clock.now()).toISOString().replace(".000Z", "Z");
      runs.push({ name: pipeline.name, at });
      signals.push(context.signal);
      const runId = `run ${runs.length}`;
      lastRuns.set(pipeline.name, { runId, startedAt: clock.now(), end: { kind: "completed" } });
      return { ...(await world.run(pipeline, context)), runId };
    },
  });
  onTestFinished(async () => {
    // Runs that go on for a while do so by this clock.
    await Promise.all([scheduler.drain(), clock.advance(hour)]);
  });
  return { ...world, world, scheduler };
}

function pipeline(name: string, expression: string, more: Partial<Scheduled["schedule"]> = {}): Scheduled {
  return {
    name,
    key: { connector: "acme", stream: name },
    schedule: { expression, timezone: "UTC", jitterMs: 0, ...more },
  };
}

function result(status: RunStatus, error: TidemarkError | null = null): RunResult {
  return runResult({ status, error });
}

const unavailable = () => result("failed", new TidemarkError("SOURCE_UNAVAILABLE", "the source is away"));
const refused = () => result("failed", new TidemarkError("SOURCE_REFUSED", "the source says no"));

describe("a schedule", () => {
  test("runs at its times, without drifting from them", async () => {
    const { scheduler, clock, times } = schedulerAt("2026-01-01T00:03:20.500Z");
    scheduler.assign([pipeline("a", "*/10 * * * *")]);
    await clock.advance(35 * minute);
    expect(times()).toEqual(["2026-01-01T00:10:00Z", "2026-01-01T00:20:00Z", "2026-01-01T00:30:00Z"]);
  });

  test("runs for the first time when its time comes, and not when the process starts", async () => {
    const { scheduler, clock, times } = schedulerAt("2026-01-01T12:00:00Z");
    scheduler.assign([pipeline("a", "@daily")]);
    await clock.advance(11 * hour);
    expect(times()).toEqual([]);
    await clock.advance(hour);
    expect(times()).toEqual(["2026-01-02T00:00:00Z"]);
  });

  test("waits longer than a timer can", async () => {
    const { scheduler, clock, times } = schedulerAt("2026-01-01T12:00:00Z");
    scheduler.assign([pipeline("a", "0 0 1 3 *")]);
    await clock.advance(60 * 24 * hour);
    expect(times()).toEqual(["2026-03-01T00:00:00Z"]);
  });

  test("that never comes is reported, and keeps nothing else from running", async () => {
    const { scheduler, clock, told, times } = schedulerAt("2026-01-01T12:00:00Z");
    scheduler.assign([pipeline("never", "0 0 30 2 *"), pipeline("a", "@hourly")]);
    await clock.advance(hour);
    expect(told("planned")).toMatchObject([{ at: null }, { at: Date.parse("2026-01-01T13:00:00Z") }, {}]);
    expect(times()).toEqual(["2026-01-01T13:00:00Z"]);
  });

  test.each([
    ["in the gap of spring", "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"],
    ["at the gap's end", "0 3 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"],
    ["in the doubled hour of autumn", "30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"],
    ["at the doubled hour's start", "0 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:00:00Z"],
  ])("by the day runs exactly once in the night that clocks change: %s", async (_, expression, from, at) => {
    const { scheduler, clock, times } = schedulerAt(from);
    scheduler.assign([pipeline("a", expression, { timezone: "Europe/Berlin" })]);
    await clock.advance(24 * hour);
    expect(times()).toEqual([at]);
  });

  test("begins later by chance, and never past the next tick", async () => {
    const { scheduler, clock, times } = schedulerAt("2026-01-01T00:00:00Z", { random: () => 0.5 });
    scheduler.assign([
      pipeline("a", "*/10 * * * *", { jitterMs: 2 * minute }),
      pipeline("b", "*/10 * * * *", { jitterMs: 3 * hour }),
    ]);
    await clock.advance(20 * minute);
    expect(times("a")).toEqual(["2026-01-01T00:11:00Z"]);
    expect(times("b")).toEqual(["2026-01-01T00:15:00Z"]);
  });
});

describe("ticks that are missed", () => {
  test("while a run takes long are made up by one run, and never run next to it", async () => {
    const { scheduler, clock, world, times, told } = schedulerAt("2026-01-01T00:00:00Z");
    world.run = async () => {
      await clock.sleep(times().length === 1 ? 35 * minute : 0);
      return result("completed");
    };
    scheduler.assign([pipeline("a", "*/10 * * * *")]);
    await clock.advance(44 * minute);
    expect(times()).toEqual(["2026-01-01T00:10:00Z"]);
    await clock.advance(10 * minute);
    expect(times()).toEqual(["2026-01-01T00:10:00Z", "2026-01-01T00:45:00Z", "2026-01-01T00:50:00Z"]);
    expect(told("missed")).toMatchObject([{ count: 2 }]);
  });

  test("while the process was away are made up by one run", async () => {
    const { scheduler, clock, times, told } = schedulerAt("2026-01-10T12:34:00Z", {
      lastRuns: { a: "2026-01-06T00:00:02Z" },
    });
    scheduler.assign([pipeline("a", "@daily")]);
    await clock.advance(12 * hour);
    expect(times()).toEqual(["2026-01-10T12:34:00Z", "2026-01-11T00:00:00Z"]);
    expect(told("started")).toMatchObject([
      { reason: "missed", due: Date.parse("2026-01-07T00:00:00Z") },
      { reason: "tick", lateMs: 0 },
    ]);
  });

  test("none is missed by a restart between two ticks", async () => {
    const { scheduler, clock, times } = schedulerAt("2026-01-10T12:34:00Z", {
      lastRuns: { a: "2026-01-10T00:00:02Z" },
    });
    scheduler.assign([pipeline("a", "@daily")]);
    await clock.advance(minute);
    expect(times()).toEqual([]);
  });

  test("while the machine slept are made up by one run, soon after it wakes", async () => {
    const { scheduler, clock, times, told } = schedulerAt("2026-01-01T00:10:00Z");
    scheduler.assign([pipeline("a", "@hourly")]);
    await clock.advance(minute);
    clock.step(5 * hour);
    await clock.advance(minute);
    expect(times()).toEqual(["2026-01-01T05:11:30Z"]);
    expect(told("missed")).toMatchObject([{ count: 4 }]);
  });

  test("are not made up where another process has run them", async () => {
    const { scheduler, clock, times, told, lastRuns } = schedulerAt("2026-01-01T00:00:00Z");
    scheduler.assign([pipeline("a", "@hourly", { jitterMs: 10 })]);
    await clock.advance(hour - 1);
    lastRuns.set("a", {
      runId: "another's",
      startedAt: Date.parse("2026-01-01T01:00:00Z"),
      end: { kind: "completed" },
    });
    await clock.advance(hour - 1);
    expect(times()).toEqual([]);
    expect(told("taken")).toHaveLength(1);
    await clock.advance(2);
    expect(times()).toEqual(["2026-01-01T02:00:00Z"]);
  });

  test("a state that is away when the process starts is asked again, and nothing is forgotten", async () => {
    const { scheduler, clock, world, times, told } = schedulerAt("2026-01-10T12:34:00Z", {
      lastRuns: { a: "2026-01-06T00:00:02Z" },
    });
    const answer = world.lookAt;
    world.lookAt = async () => {
      throw new TidemarkError("STATE_UNAVAILABLE", "the database is away");
    };
    scheduler.assign([pipeline("a", "@daily")]);
    await clock.advance(10_000);
    expect(times()).toEqual([]);
    expect(told("broke").length).toBeGreaterThan(2);
    world.lookAt = answer;
    await clock.advance(minute);
    expect(times()).toHaveLength(1);
  });

  test("a clock that is set back repeats nothing", async () => {
    const { scheduler, clock, times } = schedulerAt("2026-01-01T00:59:00Z");
    scheduler.assign([pipeline("a", "@hourly")]);
    await clock.advance(2 * minute);
    await clock.advance(-10 * minute);
    await clock.advance(15 * minute);
    expect(times()).toEqual(["2026-01-01T01:00:00Z"]);
  });
});

describe("a run that fails", () => {
  test("in a way that may pass is tried again, less and less often, until the next tick", async () => {
    const { scheduler, clock, world, times } = schedulerAt("2026-01-01T00:00:00Z", { random: () => 1 });
    world.run = async () => unavailable();
    scheduler.assign([pipeline("a", "* * * * *")]);
    await clock.advance(2 * minute + 1);
    expect(times().map((at) => at.slice(14))).toEqual([
      "01:00Z",
      "01:01Z",
      "01:03Z",
      "01:07Z",
      "01:15Z",
      "01:31Z",
      "02:00Z",
    ]);
  });

  test("and then does not, begins with short waits again", async () => {
    const { scheduler, clock, world, times, told } = schedulerAt("2026-01-01T00:00:00Z", { random: () => 1 });
    world.run = async () => (times().length === 2 ? result("completed") : unavailable());
    scheduler.assign([pipeline("a", "@hourly")]);
    await clock.advance(2 * hour + 2000);
    expect(told("retrying")).toMatchObject([{ failures: 1 }, { failures: 1 }, { failures: 2 }]);
  });

  test("for good waits for the next tick", async () => {
    const { scheduler, clock, world, times } = schedulerAt("2026-01-01T00:00:00Z");
    world.run = async () => refused();
    scheduler.assign([pipeline("a", "@hourly")]);
    await clock.advance(2 * hour);
    expect(times()).toEqual(["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"]);
  });

  test("touches no other pipeline, whatever it throws", async () => {
    const { scheduler, clock, world, times, told } = schedulerAt("2026-01-01T00:00:00Z");
    world.run = async ({ name }) => {
      if (name === "bad") throw new Error("it broke");
      return result("completed");
    };
    scheduler.assign([pipeline("bad", "@hourly"), pipeline("good", "@hourly")]);
    await clock.advance(2 * hour);
    expect(times("good")).toEqual(["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"]);
    expect(times("bad")).toEqual(["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"]);
    expect(told("broke")).toMatchObject([{ error: { code: "INTERNAL", message: "it broke" } }, {}]);
  });
});

describe("many pipelines", () => {
  test("run so many at once, each when its turn comes", async () => {
    const { scheduler, clock, world, times } = schedulerAt("2026-01-01T00:00:00Z", { maxConcurrent: 2 });
    world.run = async (_, { moved }) => {
      for (let read = 0; read < 10; read++) {
        await clock.sleep(minute);
        moved();
      }
      return result("completed");
    };
    scheduler.assign(["a", "b", "c"].map((name) => pipeline(name, "@hourly")));
    await clock.advance(hour);
    expect(scheduler.running).toBe(2);
    await clock.advance(10 * minute);
    expect(times()).toEqual(["2026-01-01T01:00:00Z", "2026-01-01T01:00:00Z", "2026-01-01T01:10:00Z"]);
  });

  test("that are taken away run no more, and finish what they are at", async () => {
    const { scheduler, clock, world, times, told, signals } = schedulerAt("2026-01-01T00:00:00Z");
    world.run = async () => {
      await clock.sleep(10 * minute);
      return result("completed");
    };
    const kept = pipeline("kept", "@hourly");
    scheduler.assign([pipeline("gone", "@hourly"), kept]);
    await clock.advance(hour + minute);
    scheduler.assign([kept]);
    expect(signals[0]?.aborted).toBe(false);
    await clock.advance(hour);
    expect(times("gone")).toEqual(["2026-01-01T01:00:00Z"]);
    expect(told("ended").map(({ pipeline: { name } }) => name)).toContain("gone");
    expect(scheduler.pipelines).toEqual([kept]);
  });

  test("that are changed go by the new schedule, without a second run next to the first", async () => {
    const { scheduler, clock, world, times } = schedulerAt("2026-01-01T00:00:00Z");
    world.run = async () => {
      await clock.sleep(10 * minute);
      return result("completed");
    };
    scheduler.assign([pipeline("a", "@hourly")]);
    await clock.advance(hour + minute);
    scheduler.assign([]);
    scheduler.assign([pipeline("a", "*/15 * * * *")]);
    await clock.advance(20 * minute);
    expect(times()).toEqual(["2026-01-01T01:00:00Z", "2026-01-01T01:15:00Z"]);
    scheduler.assign([pipeline("a", "30 4 * * *")]);
    await clock.advance(4 * hour);
    expect(times().slice(2)).toEqual(["2026-01-01T04:30:00Z"]);
  });

  test("can come back after their job has ended", async () => {
    const { scheduler, clock, times } = schedulerAt("2026-01-01T00:00:00Z");
    scheduler.assign([pipeline("a", "@hourly")]);
    await clock.advance(minute);
    scheduler.assign([]);
    await clock.advance(hour);
    scheduler.assign([pipeline("a", "@hourly")]);
    await clock.advance(hour);
    expect(times()).toEqual(["2026-01-01T02:00:00Z"]);
  });
});

describe("draining", () => {
  test("begins nothing more, asks what runs to stop, and waits for it", async () => {
    const { scheduler, clock, world, times, signals, told } = schedulerAt("2026-01-01T00:00:00Z", {
      maxConcurrent: 1,
    });
    world.run = () =>
      new Promise((resolve) => {
        const stopped = new TidemarkError("RUN_CANCELLED", "asked to stop");
        signals[0]?.addEventListener("abort", () => resolve(result("failed", stopped)));
      });
    scheduler.assign([pipeline("running", "@hourly"), pipeline("waiting", "@hourly")]);
    await clock.advance(hour);
    expect(times()).toHaveLength(1);
    await scheduler.drain();
    expect(times()).toHaveLength(1);
    expect(told("ended")).toHaveLength(1);
    expect(told("retrying")).toEqual([]);
    expect(clock.sleeping).toBe(0);
    scheduler.assign([pipeline("late", "@hourly")]);
    await clock.advance(2 * hour);
    expect(times()).toHaveLength(1);
  });
});
