import { streamMapKey } from "../model/stream-key.ts";
import type { Scheduled } from "./events.ts";
import { Job, type JobParts } from "./job.ts";
import { Slots } from "./slots.ts";

export interface SchedulerParts<P extends Scheduled> extends JobParts<P> {
  /** How many runs may be under way at once; the others wait their turn. */
  readonly maxConcurrent: number;
}

/**
 * Runs pipelines by their schedules in this process, each on its own: one that fails, hangs or is
 * changed does not touch the others. No pipeline ever runs twice at once.
 *
 * ```ts
 * const scheduler = new Scheduler({ clock, random, run, lastRun, onEvent, maxConcurrent: 8 });
 * scheduler.assign(pipelines);
 * process.once("SIGTERM", () => scheduler.drain());
 * ```
 */
export class Scheduler<P extends Scheduled> {
  readonly #parts: SchedulerParts<P>;
  readonly #slots: Slots;
  readonly #draining = new AbortController();
  readonly #jobs = new Map<string, Job<P>>();

  constructor(parts: SchedulerParts<P>) {
    this.#parts = parts;
    this.#slots = new Slots(parts.maxConcurrent);
  }

  /**
   * What is to be run from now on, no two of one stream. A pipeline that is the same object as before
   * goes on as it was; one that is new for its stream takes over with the next tick; what is no
   * longer among them ends, after the run that may be under way. A stream that was never run waits for its next
   * tick after `since`, which is now unless given.
   */
  assign(pipelines: readonly P[], since = this.#parts.clock.now()): void {
    if (this.#draining.signal.aborted) return;
    const wanted = new Map(pipelines.map((pipeline) => [streamMapKey(pipeline.key), pipeline]));
    for (const [key, job] of this.#jobs) job.assign(wanted.get(key) ?? null);
    for (const [key, pipeline] of wanted) {
      if (!this.#jobs.has(key)) this.#begin(key, pipeline, since);
    }
  }

  /** Begins no more runs and asks those under way to stop at their next checkpoint; resolves when all have. */
  async drain(): Promise<void> {
    this.#draining.abort();
    await Promise.all([...this.#jobs.values()].map(({ ended }) => ended));
  }

  /** The pipelines that are scheduled. */
  get pipelines(): P[] {
    return [...this.#jobs.values()].flatMap(({ pipeline }) => (pipeline === null ? [] : [pipeline]));
  }

  /** How many runs are under way. */
  get running(): number {
    return [...this.#jobs.values()].filter(({ running }) => running).length;
  }

  #begin(key: string, pipeline: P, since: number): void {
    const job = new Job(pipeline, this.#parts, this.#slots, { draining: this.#draining.signal, since });
    this.#jobs.set(key, job);
    void job.ended.then(() => {
      this.#jobs.delete(key);
      // It may have been asked for again between its last look and its end.
      if (job.pipeline !== null && !this.#draining.signal.aborted)
        this.#begin(key, job.pipeline, this.#parts.clock.now());
    });
  }
}
