import fc from "fast-check";
import { expect, test } from "vitest";
import { parseCron } from "../src/model/cron.ts";
import { inLongRun } from "./support/long-run.ts";
import { type Begun, hour, Machine, minute, type Outcome, pipelineOf } from "./support/scheduling.ts";

/** What may happen on a machine that runs schedules, one thing after another. */
const happening = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ does: fc.constant("wait"), ms: fc.integer({ min: 1000, max: hour }) }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("kill"), which: fc.nat({ max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("drain"), which: fc.nat({ max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant("start") }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("change"), which: fc.nat({ max: 3 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant("jump"), ms: fc.integer({ min: -30 * hour, max: 30 * hour }) }),
  },
);
const outcome: fc.Arbitrary<Outcome> = fc.record({
  status: fc.constantFrom("completed", "completed", "completed", "away", "away", "refused"),
  milliseconds: fc.constantFrom(0, 500, 20_000, 3 * minute, 40 * minute),
});
const schedules = ["* * * * *", "*/7 * * * *", "@hourly", "30 3 * * *"];
const history = fc.record({
  schedule: fc.constantFrom(...schedules),
  jitterMs: fc.constantFrom(0, 30_000, 10 * minute),
  happenings: fc.array(happening, { minLength: 4, maxLength: 14 }),
  outcomes: fc.array(outcome, { minLength: 1, maxLength: 6 }),
  seed: fc.nat(),
});
type History = typeof history extends fc.Arbitrary<infer Value> ? Value : never;

const leaseMs = minute;
const mostBackOffMs = 5 * minute;
const clockMs = minute;

function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

/** Lets all of a history happen. Where `jumps` is false, the clock is never set. */
async function happen(given: History, jumps: boolean): Promise<Machine> {
  const machine = new Machine("2026-01-01T00:03:20Z");
  machine.random = numbers(given.seed);
  const pipeline = pipelineOf("a", given.schedule, { jitterMs: given.jitterMs });
  let next = 0;
  machine.outcome = () =>
    given.outcomes[next++ % given.outcomes.length] ?? { status: "completed", milliseconds: 0 };
  machine.start([pipeline]);
  for (const step of given.happenings) {
    const alive = machine.processes.filter((process) => process.alive);
    const chosen = "which" in step ? alive[step.which % Math.max(1, alive.length)] : undefined;
    if (step.does === "wait" && "ms" in step) await machine.clock.advance(step.ms);
    else if (step.does === "jump" && "ms" in step) {
      if (jumps) machine.clock.step(step.ms);
    } else if (step.does === "start") {
      if (alive.length < 3) machine.start([pipeline]);
    } else if (step.does === "kill") chosen?.kill();
    else if (step.does === "drain") {
      const drained = chosen?.drain();
      await machine.clock.advance(0);
      await drained;
    } else if (step.does === "change") chosen?.scheduler.assign([{ ...pipeline }]);
  }
  return machine;
}

function show(runs: readonly Begun[]): string {
  return runs
    .map(({ process, at, startedAt, end }) => `${process} ${at} ${new Date(startedAt).toISOString()} ${end}`)
    .join("\n");
}

/** How far apart two ticks of a schedule may lie. */
const longestGap: Readonly<Record<string, number>> = {
  "* * * * *": minute,
  "*/7 * * * *": 7 * minute,
  "@hourly": hour,
  "30 3 * * *": 24 * hour,
};

test("P1: whatever processes, runs and clocks do, a stream is run again within its interval and what the docs allow", async () => {
  await fc.assert(
    fc.asyncProperty(history, async (given) => {
      const machine = await happen(given, true);
      try {
        const from = machine.clock.elapsed();
        machine.outcome = () => ({ status: "completed", milliseconds: 1000 });
        machine.start([pipelineOf("a", given.schedule, { jitterMs: given.jitterMs })]);
        const gap = longestGap[given.schedule] ?? 0;
        // A run that is under way may take as long as runs do here; then its tick is made up for.
        const bound = gap + Math.min(given.jitterMs, gap) + 40 * minute + leaseMs + mostBackOffMs + clockMs;
        await machine.clock.advance(bound);
        const completed = machine.runs.filter(({ at, end }) => at >= from && end === "completed");
        expect(completed.length, show(machine.runs)).toBeGreaterThan(0);
      } finally {
        await machine.end();
      }
    }),
    { numRuns: inLongRun(20, 60) },
  );
}, 120_000);

test("P1: no tick is left unmade, and none that was completed is made again", async () => {
  await fc.assert(
    fc.asyncProperty(history, async (given) => {
      const machine = await happen(given, false);
      try {
        machine.outcome = () => ({ status: "completed", milliseconds: 1000 });
        machine.start([pipelineOf("a", given.schedule, { jitterMs: given.jitterMs })]);
        await machine.clock.advance((longestGap[given.schedule] ?? 0) + hour);
        const cron = parseCron(given.schedule, "UTC");
        const completed = machine.runs.filter(({ end }) => end === "completed");
        // The last run that completed leaves no tick behind it but those that are due just now.
        const last = completed.at(-1)?.startedAt ?? 0;
        const due = cron.next(last) ?? Number.POSITIVE_INFINITY;
        const patience = Math.min(given.jitterMs, longestGap[given.schedule] ?? 0) + 2000;
        expect(due + patience, show(machine.runs)).toBeGreaterThan(machine.clock.now());
        // Between two runs that completed, with none between them that did not, lies a tick.
        for (const [index, run] of machine.runs.entries()) {
          const before = machine.runs[index - 1];
          if (before?.end !== "completed" || run.end !== "completed") continue;
          expect(
            cron.next(before.startedAt) ?? Number.POSITIVE_INFINITY,
            show(machine.runs),
          ).toBeLessThanOrEqual(run.startedAt);
        }
        // No two runs are at work at once: each ended, or its process did, before the next began.
        expect(machine.runs.slice(0, -1).every(({ end }) => end !== null)).toBe(true);
      } finally {
        await machine.end();
      }
    }),
    { numRuns: inLongRun(20, 60) },
  );
}, 120_000);
