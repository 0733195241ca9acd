import type { Clock } from "../clock.ts";
import type { CronSchedule } from "../model/cron.ts";
import type { Slot, Slots } from "./slots.ts";

export interface RunWatchParts {
  readonly clock: Clock;
  readonly cron: CronSchedule;
  readonly slots: Slots;
  readonly slot: Slot;
  /** Called for a run that takes much longer than its schedule allows, with growing intervals. */
  readonly onOverrun: (overrun: Overrun) => void;
  /** Called when another pipeline may use this run's slot, because it has made no progress for so long. */
  readonly onStalled: (idleMs: number) => void;
}

export interface Overrun {
  /** Ticks that have gone by since the run began. */
  readonly ticks: number;
  readonly runningMs: number;
  /** Since when nothing has moved. */
  readonly idleMs: number;
}

const lookMs = 5000;
const firstTicks = 3;
const leastOverrunMs = 10_000;
const leastStalledMs = 10_000;
const mostStalledMs = 300_000;

/**
 * Watches a run that is under way: whether it is at work for longer than its schedule allows, and whether
 * it moves at all. One that does not lends its slot to those that wait for one.
 */
export class RunWatch implements Disposable {
  readonly #parts: RunWatchParts;
  readonly #ended = new AbortController();
  readonly #beganAt: number;
  /** The wall clock as the run began. What it shows later may be set, so that time is counted from here. */
  readonly #wall: number;
  /** The next tick that the run has not yet outlasted, and how many it has. */
  #nextTick: number | null;
  #ticks = 0;
  readonly #stalledMs: number;
  #movedAt: number;
  #warnAt = firstTicks;
  #isStalled = false;

  constructor(parts: RunWatchParts) {
    const { clock, cron } = parts;
    this.#parts = parts;
    this.#beganAt = clock.elapsed();
    this.#movedAt = this.#beganAt;
    this.#wall = clock.now();
    this.#nextTick = cron.next(this.#wall);
    const after = this.#nextTick === null ? null : cron.next(this.#nextTick);
    const interval = this.#nextTick === null || after === null ? mostStalledMs : after - this.#nextTick;
    this.#stalledMs = Math.min(mostStalledMs, Math.max(leastStalledMs, interval));
    void this.#watch();
  }

  /** Call whenever the run has read, written or waited on purpose. */
  moved(): void {
    this.#movedAt = this.#parts.clock.elapsed();
    if (!this.#isStalled) return;
    this.#isStalled = false;
    this.#parts.slot.reclaim();
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
  }

  async #watch(): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      try {
        await clock.sleep(lookMs, this.#ended.signal, { background: true });
      } catch {
        return;
      }
      this.#look(clock.elapsed());
    }
  }

  #look(now: number): void {
    const { cron, slot, slots, onOverrun, onStalled } = this.#parts;
    const [runningMs, idleMs] = [now - this.#beganAt, now - this.#movedAt];
    if (!this.#isStalled && idleMs >= this.#stalledMs && slots.wanted && slot.lend()) {
      this.#isStalled = true;
      onStalled(idleMs);
    }
    if (runningMs < leastOverrunMs) return;
    for (; this.#nextTick !== null && this.#nextTick <= this.#wall + runningMs; this.#ticks += 1) {
      this.#nextTick = cron.next(this.#nextTick);
    }
    if (this.#ticks < this.#warnAt) return;
    this.#warnAt = 2 * this.#ticks;
    onOverrun({ ticks: this.#ticks, runningMs, idleMs });
  }
}
