import type { Clock } from "../clock.ts";
import type { RunResult } from "../engine/run/result.ts";
import type { RunPause } from "../engine/run/sync-options.ts";
import { messageOf, TidemarkError } from "../errors.ts";
import { type CronSchedule, parseCron } from "../model/cron.ts";
import { formatStreamKey } from "../model/stream-key.ts";
import { backOffMs } from "./back-off.ts";
import type { RunReason, Scheduled, ScheduleEvent } from "./events.ts";
import { type LastRun, type RunEnd, retryAfterOf } from "./last-run.ts";
import { forLong, type Reading, reading, untilGone, untilTime, type Woken } from "./patience.ts";
import { doneUntil, isAhead, isDone, type Plan, planNext, ticksBetween } from "./plan.ts";
import { RunWatch } from "./run-watch.ts";
import type { Slot, Slots } from "./slots.ts";

/** The interface between a run and the scheduler. */
export interface RunContext {
  /** Aborts when the run is to stop at its next checkpoint. */
  readonly signal: AbortSignal;
  /** To be called when the run has moved: read a page. */
  readonly moved: () => void;
  /** Makes a long wait of the run: it is reported, and holds no slot. */
  readonly pause: (wait: RunPause, sleep: () => Promise<void>) => Promise<void>;
}

export interface JobParts<P extends Scheduled> {
  readonly clock: Clock;
  /** A number from 0 to 1, below 1. */
  readonly random: () => number;
  /** Runs the pipeline to its end; a run that fails is a result with its error. */
  readonly run: (pipeline: P, context: RunContext) => Promise<RunResult>;
  /** The last run of the pipeline's stream, by whatever process; null where there was none. */
  readonly lastRun: (pipeline: P) => Promise<LastRun | null>;
  readonly onEvent: (event: ScheduleEvent<P>) => void;
}

type Due = Extract<Plan, { kind: "tick" | "retry" }>;

/**
 * Runs one pipeline by its schedule, one run after another. A tick that passes while it runs, or while the process was
 * not there to see it, is made up by one run as soon as there can be one. A run that was interrupted, or failed
 * temporarily, is repeated before the next tick, whichever process began it.
 */
export class Job<P extends Scheduled> {
  readonly #parts: JobParts<P>;
  readonly #slots: Slots;
  readonly #draining: AbortSignal;
  #knownSince: number;
  #pipeline: P | null;
  #cron: CronSchedule | null = null;
  /** Aborts when what is being waited for has changed. */
  #changed = new AbortController();
  /** The stream's last run, as last read; undefined where it must be read again. */
  #last: LastRun | null | undefined;
  #madeDue: number | null = null;
  /** Turns that broke before or after their run, one after another. */
  #breaks = 0;
  /** The runs that were last reported as holding the stream, and as begun in the future. */
  #reportedHeld: string | null = null;
  #reportedAhead: string | null = null;
  /** The lease that holds the stream, and since when it is known, by `Clock.elapsed`. */
  #lease: { readonly name: string; readonly seenAt: number } | null = null;
  /** Whether the last try to run was refused because another holds the stream. */
  #wasSkipped = false;
  /** Whether a run is under way. */
  running = false;
  /** Resolves when nothing is left to do: the pipeline was taken away, or the scheduler drains. */
  readonly ended: Promise<void>;

  /** A stream that was never run waits for its next tick after `since`. */
  constructor(
    pipeline: P,
    parts: JobParts<P>,
    slots: Slots,
    { draining, since }: { readonly draining: AbortSignal; readonly since: number },
  ) {
    this.#pipeline = pipeline;
    this.#parts = parts;
    this.#slots = slots;
    this.#draining = draining;
    this.#knownSince = since;
    this.ended = this.#live();
  }

  /**
   * Sets the pipeline from the next tick on, or soon if the last run failed; null lets the active run finish, and then
   * ends the job.
   */
  assign(pipeline: P | null): void {
    if (pipeline === this.#pipeline) return;
    this.#pipeline = pipeline;
    this.#recover();
    const before = this.#changed;
    this.#changed = new AbortController();
    before.abort();
  }

  get pipeline(): P | null {
    return this.#pipeline;
  }

  /** A failed run is repeated once its pipeline has changed. */
  #recover(): void {
    const last = this.#last ?? null;
    if (last === null || (last.end.kind !== "refused" && last.end.kind !== "retry")) return;
    this.#last = { ...last, end: { kind: "retry", why: "changed", failures: 0, agoMs: 0, retryAfterMs: 0 } };
  }

  async #live(): Promise<void> {
    // Events go to the creator of the job, which must have received the job by then.
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

  /** One run when it is due, or a check of what has changed. */
  async #turn(pipeline: P, signal: AbortSignal): Promise<void> {
    const last = this.#last === undefined ? await this.#look(pipeline) : this.#last;
    this.#last = last;
    const planned = reading(this.#parts.clock);
    const plan = this.#plan(pipeline, last, planned);
    this.#report(pipeline, plan, last);
    const woken = await this.#until(plan, last, planned, signal);
    if (plan.kind === "look") this.#last = undefined;
    if (plan.kind === "look" || plan.kind === "never" || woken !== "due") return;
    if (!this.#slots.available) this.#parts.onEvent({ type: "queued", pipeline });
    using slot = await this.#slots.take(signal);
    if (!(await this.#hasMoved(pipeline, plan, last))) await this.#run(pipeline, plan, slot);
  }

  async #look(pipeline: P): Promise<LastRun | null> {
    const last = this.#withoutDeadLease(await this.#parts.lastRun(pipeline));
    if (last === null || !isAhead(last.startedAt, this.#parts.clock.now())) return last;
    if (this.#reportedAhead !== last.runId) {
      this.#parts.onEvent({ type: "ahead", pipeline, startedAt: last.startedAt });
      this.#reportedAhead = last.runId;
    }
    return last;
  }

  /** A lease that was not renewed for its whole length counts as free, whatever its end time says. */
  #withoutDeadLease(last: LastRun | null): LastRun | null {
    if (last?.end.kind !== "held") return last;
    const now = this.#parts.clock.elapsed();
    const name = `${last.runId} ${last.end.lease}`;
    if (this.#lease?.name !== name) this.#lease = { name, seenAt: now };
    if (now - this.#lease.seenAt < last.end.wholeMs) return last;
    return { ...last, end: { kind: "retry", why: "died", failures: 1, agoMs: 0, retryAfterMs: 0 } };
  }

  #cronOf({ schedule: { expression, timezone } }: P): CronSchedule {
    const known = this.#cron;
    if (known?.expression === expression && known.timezone === timezone) return known;
    this.#cron = parseCron(expression, timezone);
    return this.#cron;
  }

  #plan(pipeline: P, last: LastRun | null, { wall }: Reading): Plan {
    const { random } = this.#parts;
    const plan = planNext({
      cron: this.#cronOf(pipeline),
      jitterMs: pipeline.schedule.jitterMs,
      takesOver: pipeline.onConcurrentRun === "takeover",
      last,
      knownSince: this.#knownSince,
      madeDue: this.#madeDue,
      now: wall,
      random,
    });
    // The end of a lease is by the state's clock, so a stream that was just refused is not tried again at once.
    const wasSkipped = this.#wasSkipped;
    this.#wasSkipped = false;
    return wasSkipped && plan.kind !== "look" ? { kind: "look", inMs: afterSkipMs } : plan;
  }

  #report(pipeline: P, plan: Plan, last: LastRun | null): void {
    const { onEvent, clock } = this.#parts;
    if (plan.kind === "retry") {
      const { failures, why } = plan.needed;
      onEvent({ type: "retrying", pipeline, at: clock.now() + plan.inMs, failures, why });
    } else if (plan.kind === "look") {
      if (last?.end.kind !== "held" || this.#reportedHeld === last.runId) return;
      this.#reportedHeld = last.runId;
      onEvent({ type: "held", pipeline, runId: last.runId, leaseMs: last.end.leaseMs });
    } else onEvent({ type: "planned", pipeline, at: plan.kind === "tick" ? plan.startAt : null });
  }

  async #until(plan: Plan, last: LastRun | null, planned: Reading, signal: AbortSignal): Promise<Woken> {
    const { clock } = this.#parts;
    if (plan.kind === "tick") return untilTime(clock, plan.startAt, signal, planned);
    if (plan.kind === "look" && last?.end.kind === "held") {
      await untilGone(clock, plan.inMs, last.end.isOwnerGone, signal);
      return "due";
    }
    await forLong(clock, plan.kind === "never" ? Number.POSITIVE_INFINITY : plan.inMs, signal);
    return "due";
  }

  /**
   * Whether another process has run the stream or is running it. If the state cannot be read, the run itself reports
   * the error.
   */
  async #hasMoved(pipeline: P, plan: Due, last: LastRun | null): Promise<boolean> {
    const found = await this.#look(pipeline).catch(() => last);
    const isHeld = found?.end.kind === "held" && pipeline.onConcurrentRun !== "takeover";
    if (found === null || (found.runId === last?.runId && !isHeld)) return false;
    if (isAhead(found.startedAt, this.#parts.clock.now()) && !isHeld) return false;
    this.#last = found;
    if (plan.kind === "tick" && isDone(found.end)) {
      if (doneUntil(found) < plan.due) return false;
      this.#parts.onEvent({ type: "taken", pipeline, due: plan.due });
    }
    return true;
  }

  async #run(pipeline: P, plan: Due, slot: Slot): Promise<void> {
    const { clock, onEvent } = this.#parts;
    const cron = this.#cronOf(pipeline);
    const startedAt = clock.now();
    const due = plan.kind === "tick" ? plan.due : startedAt;
    const missed = plan.kind === "tick" ? ticksBetween(cron, due, startedAt) : 0;
    if (missed > 0) onEvent({ type: "missed", pipeline, count: missed });
    const reason: RunReason = missed > 0 ? "missed" : plan.kind;
    const counted = Math.max(startedAt, due);
    const { runId = null } = this.#last ?? {};
    const before = this.#last ?? null;
    // If the run throws, which it should not, its tick counts as done.
    this.#last = { runId, startedAt: counted, end: { kind: "refused", failures: 1, endedAt: startedAt } };
    this.#knownSince = counted;
    if (plan.kind === "tick") this.#madeDue = due;
    this.running = true;
    try {
      onEvent({ type: "started", pipeline, reason, due, lateMs: startedAt - due });
      this.#keep(pipeline, await this.#watched(pipeline, cron, slot), before, counted);
    } finally {
      this.running = false;
    }
  }

  async #watched(pipeline: P, cron: CronSchedule, slot: Slot): Promise<RunResult> {
    const { clock, run, onEvent } = this.#parts;
    using watch = new RunWatch({
      clock,
      cron,
      slot,
      slots: this.#slots,
      onOverrun: (overrun) => onEvent({ type: "overrun", pipeline, ...overrun }),
      onStalled: (idleMs) => onEvent({ type: "stalled", pipeline, idleMs }),
    });
    const moved = (): void => {
      watch.moved();
      onEvent({ type: "moved", pipeline });
    };
    const pause = async (wait: RunPause, sleep: () => Promise<void>): Promise<void> => {
      onEvent({ type: "paused", pipeline, ...wait });
      slot.leave();
      try {
        await sleep();
      } finally {
        await slot.enter(this.#draining).catch(() => {});
        moved();
      }
    };
    return await run(pipeline, { signal: this.#draining, moved, pause });
  }

  /** Stores the run's result in the form of the state's history. */
  #keep(pipeline: P, result: RunResult, before: LastRun | null, startedAt: number): void {
    const { status, error } = result;
    this.#wasSkipped = status === "skipped";
    const end = endOf(result, before, this.#parts.clock.now());
    const runId = result.runId ?? before?.runId ?? null;
    // Only the state knows which run holds the stream or has taken it over.
    const isElsewhere = status === "skipped" || status === "superseded";
    this.#last = isElsewhere ? undefined : { runId, startedAt, end };
    const reported = isElsewhere ? before?.end : end;
    const failures = reported !== undefined && "failures" in reported ? reported.failures : 0;
    if (pipeline !== this.#pipeline && error !== null) this.#recover();
    this.#parts.onEvent({ type: "ended", pipeline, result, failures });
  }

  /** After an unexpected error the job continues, with the back-off of a failed run. */
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
    await forLong(this.#parts.clock, backOffMs(this.#breaks, this.#parts.random), signal).catch(() => {});
  }
}

const afterSkipMs = 5000;

function endOf({ error }: RunResult, before: LastRun | null, endedAt: number): RunEnd {
  if (error === null) return { kind: "completed" };
  if (error.code === "RUN_STOPPED") return { kind: "stopped", endedAt };
  const end = before?.end;
  const failures = 1 + (end !== undefined && "failures" in end ? end.failures : 0);
  if (!error.recoverable) return { kind: "refused", failures, endedAt: 0 };
  return { kind: "retry", why: "failed", failures, agoMs: 0, retryAfterMs: retryAfterOf(error.details) };
}
