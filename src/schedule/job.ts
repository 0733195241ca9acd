import type { Clock } from "../clock.ts";
import type { RunResult } from "../engine/result.ts";
import { messageOf, TidemarkError } from "../errors.ts";
import { type CronSchedule, parseCron } from "../model/cron.ts";
import { formatStreamKey } from "../model/stream-key.ts";
import { backOffMs } from "./back-off.ts";
import type { RunReason, Scheduled, ScheduleEvent } from "./events.ts";
import type { Slots } from "./slots.ts";

/** A run of a stream as the state remembers it. */
export interface LastRun {
  readonly runId: string | null;
  /** In milliseconds since 1970. */
  readonly startedAt: number;
}

export interface JobParts<P extends Scheduled> {
  readonly clock: Clock;
  /** A number from 0 to 1, below 1. */
  readonly random: () => number;
  /** Runs the pipeline to its end; a run that fails is a result with its error. */
  readonly run: (pipeline: P, signal: AbortSignal) => Promise<RunResult>;
  /** The last run of the pipeline's stream, by whatever process; null where there was none. */
  readonly lastRun: (pipeline: P) => Promise<LastRun | null>;
  readonly onEvent: (event: ScheduleEvent<P>) => void;
}

/** What a job waits for, and at which time the run that then begins was due. */
interface Plan {
  readonly reason: RunReason;
  readonly due: number;
  readonly startAt: number;
}

/**
 * Runs one pipeline by its schedule, one run after another. A tick that passes while it runs, or
 * while the process was not there to see it, is made up by one run as soon as there can be one.
 */
export class Job<P extends Scheduled> {
  readonly #parts: JobParts<P>;
  readonly #slots: Slots;
  readonly #draining: AbortSignal;
  #pipeline: P | null;
  #cron: CronSchedule | null = null;
  /** Aborts when what is being waited for has changed. */
  #changed = new AbortController();
  /** Ticks up to here are done with. */
  #after: number | null = null;
  /** Runs that failed, one after another, in a way that may pass. */
  #failures = 0;
  /** Turns that broke before or after their run, one after another. */
  #breaks = 0;
  #ownRun: string | null = null;
  /** Whether a run is under way. */
  running = false;
  /** Resolves when nothing is left to do: the pipeline was taken away, or the scheduler drains. */
  readonly ended: Promise<void>;

  constructor(pipeline: P, parts: JobParts<P>, slots: Slots, draining: AbortSignal) {
    this.#pipeline = pipeline;
    this.#parts = parts;
    this.#slots = slots;
    this.#draining = draining;
    this.ended = this.#live();
  }

  /** What is run from the next tick on; null lets a run that is under way finish, and then ends the job. */
  assign(pipeline: P | null): void {
    if (pipeline === this.#pipeline) return;
    this.#pipeline = pipeline;
    this.#cron = null;
    this.#failures = 0;
    const before = this.#changed;
    this.#changed = new AbortController();
    before.abort();
  }

  get pipeline(): P | null {
    return this.#pipeline;
  }

  async #live(): Promise<void> {
    // Events are told to whoever made the job, who must have it in hand by then.
    await Promise.resolve();
    while (!this.#draining.aborted && this.#pipeline !== null) {
      const pipeline = this.#pipeline;
      const signal = AbortSignal.any([this.#draining, this.#changed.signal]);
      try {
        await this.#turn(pipeline, signal);
        this.#breaks = 0;
      } catch (thrown) {
        if (!signal.aborted) await this.#survive(pipeline, thrown, signal);
      }
    }
  }

  /** One run, when its time has come. */
  async #turn(pipeline: P, signal: AbortSignal): Promise<void> {
    this.#after ??= await this.#since(pipeline);
    const plan = this.#plan(pipeline, this.#after);
    this.#parts.onEvent({ type: "planned", pipeline, at: plan?.startAt ?? null });
    await this.#until(plan?.startAt ?? Number.POSITIVE_INFINITY, signal);
    using _ = await this.#slots.take(signal);
    if (plan !== null && !(await this.#isTaken(pipeline, plan))) await this.#run(pipeline, plan);
  }

  /** Where counting begins: at the last run, so that what was missed since is made up. */
  async #since(pipeline: P): Promise<number> {
    const last = await this.#parts.lastRun(pipeline);
    return Math.min(last?.startedAt ?? Number.POSITIVE_INFINITY, this.#parts.clock.now());
  }

  #plan(pipeline: P, after: number): Plan | null {
    const { random, clock } = this.#parts;
    const { expression, timezone, jitterMs } = pipeline.schedule;
    this.#cron ??= parseCron(expression, timezone);
    const due = this.#cron.next(after);
    if (this.#failures > 0) {
      const retryAt = clock.now() + backOffMs(this.#failures, random);
      if (retryAt < (due ?? Number.POSITIVE_INFINITY)) {
        this.#parts.onEvent({ type: "retrying", pipeline, at: retryAt, failures: this.#failures });
        return { reason: "retry", due: retryAt, startAt: retryAt };
      }
    }
    if (due === null) return null;
    const following = this.#cron.next(due) ?? Number.POSITIVE_INFINITY;
    const jitter = Math.floor(Math.min(jitterMs, following - due) * random());
    return { reason: "tick", due, startAt: due + jitter };
  }

  /**
   * Waits for a time of the wall clock. In steps, since timers know only so many milliseconds, and do
   * not count while the machine sleeps or its clock is set.
   */
  async #until(time: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (let left = this.#left(time); left > 0; left = this.#left(time)) {
      await this.#parts.clock.sleep(Math.min(left, longestSleepMs), signal);
    }
  }

  #left(time: number): number {
    return time - this.#parts.clock.now();
  }

  /** Whether another process ran this tick; where the state cannot say, the run itself will tell why. */
  async #isTaken(pipeline: P, { reason, due }: Plan): Promise<boolean> {
    if (reason === "retry") return false;
    const last = await this.#parts.lastRun(pipeline).catch(() => null);
    if (last === null || last.runId === this.#ownRun || last.startedAt < due) return false;
    this.#after = Math.min(last.startedAt, this.#parts.clock.now());
    this.#parts.onEvent({ type: "taken", pipeline, due });
    return true;
  }

  async #run(pipeline: P, plan: Plan): Promise<void> {
    const { clock, run, onEvent } = this.#parts;
    const startedAt = clock.now();
    const missed = plan.reason === "tick" ? this.#missed(plan.due, startedAt) : 0;
    if (missed > 0) onEvent({ type: "missed", pipeline, count: missed });
    const reason = missed > 0 ? "missed" : plan.reason;
    this.#after = Math.max(startedAt, plan.due);
    this.running = true;
    try {
      onEvent({ type: "started", pipeline, reason, due: plan.due, lateMs: startedAt - plan.due });
      const result = await run(pipeline, this.#draining);
      this.#ownRun = result.runId ?? this.#ownRun;
      const mayPass = result.error?.recoverable === true && !this.#draining.aborted;
      this.#failures = mayPass && pipeline === this.#pipeline ? this.#failures + 1 : 0;
      onEvent({ type: "ended", pipeline, result });
    } finally {
      this.running = false;
    }
  }

  /** How many ticks besides the one that is due have gone by; no more than anybody wants to read. */
  #missed(due: number, now: number): number {
    let count = 0;
    let at = this.#cron?.next(due) ?? null;
    while (at !== null && at <= now && count < mostCounted) {
      count += 1;
      at = this.#cron?.next(at) ?? null;
    }
    return count;
  }

  /** Whatever breaks, the job goes on, and no faster than after a failed run. */
  async #survive(pipeline: P, thrown: unknown, signal: AbortSignal): Promise<void> {
    const error =
      thrown instanceof TidemarkError
        ? thrown
        : new TidemarkError("INTERNAL", messageOf(thrown), {
            stream: formatStreamKey(pipeline.key),
            cause: thrown,
          });
    this.#breaks += 1;
    this.#parts.onEvent({ type: "broke", pipeline, error });
    const pause = backOffMs(this.#breaks, this.#parts.random);
    await this.#parts.clock.sleep(pause, signal).catch(() => {});
  }
}

const longestSleepMs = 60_000;
const mostCounted = 1000;
