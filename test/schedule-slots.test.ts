import { expect, onTestFinished, test } from "vitest";
import type { Scheduled, ScheduleEvent } from "../src/schedule/events.ts";
import type { RunContext } from "../src/schedule/job.ts";
import { Scheduler } from "../src/schedule/scheduler.ts";
import { runResult } from "./support/run-result.ts";
import { hour, MachineClock, minute, pipelineOf } from "./support/scheduling.ts";

const completed = runResult();

/** A scheduler with so many slots, whose runs go as `run` says. */
function scheduling(
  maxConcurrent: number,
  run: (pipeline: Scheduled, context: RunContext, clock: MachineClock) => Promise<void>,
) {
  const clock = new MachineClock("2026-01-01T00:00:30Z");
  const events: ScheduleEvent[] = [];
  const begun: string[] = [];
  const scheduler = new Scheduler<Scheduled>({
    clock,
    random: () => 0,
    maxConcurrent,
    lastRun: async () => null,
    onEvent: (event) => void events.push(event),
    run: async (pipeline, context) => {
      begun.push(pipeline.name);
      await run(pipeline, context, clock);
      return completed;
    },
  });
  onTestFinished(async () => {
    await Promise.all([scheduler.drain(), clock.advance(hour)]);
  });
  const count = (name: string): number => begun.filter((one) => one === name).length;
  const told = (type: ScheduleEvent["type"]) => events.filter((event) => event.type === type);
  return { clock, scheduler, count, told };
}

function untilAborted({ signal }: RunContext): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

test("runs that hang do not starve the others, however many slots they hold", async () => {
  const { clock, scheduler, count, told } = scheduling(2, async ({ name }, context) => {
    if (name.startsWith("stuck")) await untilAborted(context);
  });
  const names = ["stuck1", "stuck2", "good1", "good2"];
  scheduler.assign(names.map((name) => pipelineOf(name, "* * * * *")));
  await clock.advance(10 * minute);
  expect([count("good1") >= 8, count("good2") >= 8]).toEqual([true, true]);
  expect(told("stalled").length).toBeGreaterThan(0);
  // Told less and less often.
  const overruns = told("overrun").filter((event) => event.pipeline.name === "stuck1");
  expect(overruns).toMatchObject([{ ticks: 3 }, { ticks: 6 }]);
});

test("no more than so many runs lend their slots, so that they do not pile up without end", async () => {
  const { clock, scheduler } = scheduling(1, async (_, context) => untilAborted(context));
  scheduler.assign(Array.from({ length: 30 }, (_, number) => pipelineOf(`s${number}`, "* * * * *")));
  await clock.advance(hour);
  expect(scheduler.running).toBe(9);
});

test("a run that moves keeps its slot, however long it takes", async () => {
  const { clock, scheduler, count, told } = scheduling(1, async ({ name }, { moved }, clock) => {
    if (name !== "long") return;
    for (let read = 0; read < 120; read++) {
      await clock.sleep(30_000);
      moved();
    }
  });
  scheduler.assign([pipelineOf("long", "* * * * *"), pipelineOf("other", "* * * * *")]);
  await clock.advance(40 * minute);
  expect(count("other")).toBe(0);
  expect(told("stalled")).toEqual([]);
});

test("a run that moves again after it lent its slot counts again", async () => {
  const { clock, scheduler, count } = scheduling(1, async ({ name }, { moved }, clock) => {
    if (name !== "slow") return;
    await clock.sleep(5 * minute);
    moved();
    for (let read = 0; read < 20; read++) {
      await clock.sleep(30_000);
      moved();
    }
  });
  scheduler.assign([pipelineOf("slow", "0 * * * *"), pipelineOf("other", "* * * * *")]);
  await clock.advance(hour + 4 * minute);
  const before = count("other");
  await clock.advance(6 * minute);
  expect(count("other") - before).toBeLessThanOrEqual(1);
});

test("a wait that is made on purpose is reported as it begins, and holds no slot", async () => {
  const { clock, scheduler, count, told } = scheduling(1, async ({ name }, { pause }, clock) => {
    if (name === "limited")
      await pause({ milliseconds: 50 * minute, why: "status 429" }, () => clock.sleep(50 * minute));
  });
  scheduler.assign([pipelineOf("limited", "* * * * *"), pipelineOf("other", "* * * * *")]);
  await clock.advance(45 * minute);
  expect(told("paused")).toMatchObject([{ milliseconds: 50 * minute, why: "status 429" }]);
  expect(count("limited")).toBe(1);
  expect(count("other")).toBeGreaterThanOrEqual(44);
  expect(told("stalled")).toEqual([]);
});

test("a wait that is over goes on before runs that have not begun", async () => {
  const order: string[] = [];
  const { clock, scheduler } = scheduling(1, async ({ name }, { pause }, clock) => {
    if (name === "limited") await pause({ milliseconds: minute, why: "limit" }, () => clock.sleep(minute));
    else await clock.sleep(2 * minute);
    order.push(name);
  });
  scheduler.assign(["limited", "b", "c", "d"].map((name) => pipelineOf(name, "1 * * * *")));
  await clock.advance(20 * minute);
  expect(order).toEqual(["b", "limited", "c", "d"]);
});
