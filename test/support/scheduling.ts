import { randomUUID } from "node:crypto";
import type { Clock } from "../../src/clock.ts";
import type { RunResult, RunStatus } from "../../src/engine/run/result.ts";
import { isTidemarkError, TidemarkError } from "../../src/errors.ts";
import type { Scheduled, ScheduleEvent } from "../../src/schedule/events.ts";
import type { RunContext } from "../../src/schedule/job.ts";
import { lastRunOf } from "../../src/schedule/last-run.ts";
import { Scheduler } from "../../src/schedule/scheduler.ts";
import type { Run, StateStore } from "../../src/state/contract.ts";
import { LeaseKeeper } from "../../src/state/lease-keeper.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import { runResult } from "./run-result.ts";

export const minute = 60_000;
export const hour = 60 * minute;

/** A clock as machines have it: it can be set, and its timers and its monotonic time do not notice. */
export class MachineClock extends FakeClock {
  #offset = 0;

  override now(): number {
    return super.now() + this.#offset;
  }

  override sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (milliseconds > 2 ** 31 - 1) throw new RangeError("a timer that long fires at once");
    return super.sleep(milliseconds, signal);
  }

  /** Sets the wall clock ahead, or back by less than nothing. The same as a machine that sleeps for so long. */
  step(milliseconds: number): void {
    this.#offset += milliseconds;
  }
}

/** How a run goes: what it comes to, and after how long. */
export interface Outcome {
  readonly status: "completed" | "away" | "refused";
  readonly milliseconds: number;
  readonly retryAfterMs?: number;
}

/** A run that began, by the clock that nobody sets. */
export interface Begun {
  readonly process: number;
  readonly name: string;
  readonly at: number;
  /** By the wall clock. */
  readonly startedAt: number;
  readonly run: Run;
  end: RunStatus | "stopped" | "killed" | null;
}

/** Processes that run schedules over one state, with a clock that all of them share. */
export class Machine {
  readonly clock: MachineClock;
  readonly state: StateStore;
  readonly runs: Begun[] = [];
  readonly processes: Process[] = [];
  /** What the next run comes to; replaced by tests. */
  outcome: (name: string) => Outcome = () => ({ status: "completed", milliseconds: 0 });
  random: () => number = () => 0;

  constructor(start: string) {
    this.clock = new MachineClock(start);
    this.state = openMemoryState({ clock: this.clock });
  }

  start(pipelines: readonly Scheduled[], maxConcurrent = 8): Process {
    const started = new Process(this, this.processes.length, maxConcurrent);
    this.processes.push(started);
    started.scheduler.assign(pipelines);
    return started;
  }

  /** When the runs of a pipeline began. */
  times(name: string): string[] {
    const own = this.runs.filter((run) => run.name === name);
    return own.map(({ startedAt }) => new Date(startedAt).toISOString().replace(".000Z", "Z"));
  }

  async end(): Promise<void> {
    for (const { alive, scheduler } of this.processes) if (alive) void scheduler.drain();
    for (const { alive, kill } of this.processes) if (!alive) kill();
    await this.clock.advance(minute);
    await this.state.close();
  }
}

/** One process, which can be stopped, and killed in the middle of anything. */
export class Process {
  readonly events: ScheduleEvent[] = [];
  readonly scheduler: Scheduler<Scheduled>;
  alive = true;
  readonly #machine: Machine;
  readonly #number: number;

  constructor(machine: Machine, number: number, maxConcurrent: number) {
    this.#machine = machine;
    this.#number = number;
    const { clock, state } = machine;
    const own: Clock = {
      now: () => clock.now(),
      elapsed: () => clock.elapsed(),
      sleep: (milliseconds, signal) => this.#unlessDead(clock.sleep(milliseconds, signal)),
    };
    this.scheduler = new Scheduler<Scheduled>({
      clock: own,
      random: () => machine.random(),
      maxConcurrent,
      run: (pipeline, context) => this.#run(pipeline, context, own),
      lastRun: ({ key }) => this.#unlessDead(lastRunOf(state, key, clock.now())),
      onEvent: (event) => {
        if (this.alive) this.events.push(event);
      },
    });
  }

  told<T extends ScheduleEvent["type"]>(type: T): Extract<ScheduleEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<ScheduleEvent, { type: T }> => event.type === type);
  }

  /** Ends it as SIGKILL does: nothing of it goes on, and nothing is told to anybody. */
  readonly kill = (): void => {
    this.alive = false;
    for (const run of this.#machine.runs)
      if (run.process === this.#number && run.end === null) run.end = "killed";
  };

  async drain(): Promise<void> {
    await this.scheduler.drain();
    this.alive = false;
  }

  async #run(pipeline: Scheduled, { signal, moved }: RunContext, clock: Clock): Promise<RunResult> {
    const { state, runs, outcome } = this.#machine;
    const { key, name } = pipeline;
    let run: Run;
    try {
      const begun = state.begin(key, { cursorType: null, ifRunning: "refuse", runId: randomUUID() });
      run = await this.#unlessDead(begun);
    } catch (error) {
      if (isTidemarkError(error, "RUN_ACTIVE")) return resultOf(pipeline, "skipped");
      throw error;
    }
    const at = this.#machine.clock.elapsed();
    const begun: Begun = { process: this.#number, name, at, startedAt: clock.now(), run, end: null };
    runs.push(begun);
    moved();
    const { status, milliseconds, retryAfterMs } = outcome(name);
    const stop = new AbortController();
    using lease = new LeaseKeeper(state, run, clock, { onStop: (error) => stop.abort(error) });
    try {
      await clock.sleep(milliseconds, AbortSignal.any([signal, lease.signal, stop.signal]));
      if (status === "completed") {
        await this.#unlessDead(state.complete(run, {}));
        begun.end = "completed";
        return resultOf(pipeline, "completed", run);
      }
      throw new TidemarkError(status === "away" ? "SOURCE_UNAVAILABLE" : "SOURCE_REFUSED", "no", {
        ...(retryAfterMs === undefined ? {} : { details: { retry_after_ms: retryAfterMs } }),
      });
    } catch (thrown) {
      const error = errorOf(thrown, signal);
      const { code, message, recoverable, details } = error;
      if (code === "RUN_SUPERSEDED") {
        begun.end = "superseded";
        return resultOf(pipeline, "superseded", run, error);
      }
      const metadata = { recoverable, ...details };
      await this.#unlessDead(state.fail(run, { error: `${code}: ${message}`, metadata }));
      begun.end = code === "RUN_CANCELLED" ? "stopped" : "failed";
      return resultOf(pipeline, "failed", run, error);
    }
  }

  /** What a dead process waits for never comes. */
  #unlessDead<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      work.then(
        (value) => {
          if (this.alive) resolve(value);
        },
        (error) => {
          if (this.alive) reject(error);
        },
      );
    });
  }
}

export function pipelineOf(
  name: string,
  expression: string,
  more: Partial<Scheduled["schedule"]> = {},
): Scheduled {
  return {
    name,
    key: { connector: "acme", stream: name },
    schedule: { expression, timezone: "UTC", jitterMs: 0, ...more },
  };
}

function errorOf(thrown: unknown, signal: AbortSignal): TidemarkError {
  if (signal.aborted) return new TidemarkError("RUN_CANCELLED", "asked to stop");
  return thrown instanceof TidemarkError ? thrown : new TidemarkError("INTERNAL", String(thrown));
}

function resultOf(
  { name, key }: Scheduled,
  status: RunStatus,
  run: Run | null = null,
  error: TidemarkError | null = null,
): RunResult {
  return runResult({ pipeline: name, ...key, status, runId: run?.runId ?? null, error });
}
