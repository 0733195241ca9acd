import type { Clock } from "../src/clock.ts";

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/**
 * A clock that stands still until a test moves it, for any code that takes a `Clock`.
 *
 * ```ts
 * const clock = new FakeClock("2026-01-31T00:00:00Z");
 * const state = openMemoryState({ clock });
 * await clock.advance(61_000);          // whoever sleeps until then wakes, in order
 * ```
 */
export class FakeClock implements Clock {
  readonly #start: number;
  #now: number;
  #sleepers: Sleeper[] = [];
  #watchers: { count: number; resolve: () => void }[] = [];

  /** Starts at an ISO 8601 time: 2026-01-01T00:00:00Z unless given. */
  constructor(start = "2026-01-01T00:00:00Z") {
    this.#start = Date.parse(start);
    if (Number.isNaN(this.#start)) throw new RangeError(`"${start}" is no time`);
    this.#now = this.#start;
  }

  now(): number {
    return this.#now;
  }

  elapsed(): number {
    return this.#now - this.#start;
  }

  /** How many sleep now. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const stop = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      const sleeper: Sleeper = {
        at: this.#now + Math.max(0, milliseconds),
        wake: () => {
          signal?.removeEventListener("abort", stop);
          resolve();
        },
      };
      signal?.addEventListener("abort", stop, { once: true });
      this.#sleepers.push(sleeper);
      this.#notifyWatchers();
    });
  }

  /**
   * Moves time on and wakes whoever's sleep ends by then, the earliest first, each at its own time.
   * After each the code that it woke runs until it waits for something; if it sleeps again and that
   * sleep ends in time too, it wakes again. A negative number sets the clock back, as a system
   * clock that is corrected.
   */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await settled();
      const next = this.#earliest(end);
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      next.wake();
    }
    // Code that woke may have moved the clock further.
    if (milliseconds < 0 || this.#now < end) this.#now = end;
  }

  /** Resolves once at least so many sleep: what they did before is done by then. */
  whenSleeping(count = 1): Promise<void> {
    return new Promise((resolve) => {
      this.#watchers.push({ count, resolve });
      this.#notifyWatchers();
    });
  }

  #earliest(end: number): Sleeper | undefined {
    let found: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (sleeper.at <= end && (found === undefined || sleeper.at < found.at)) found = sleeper;
    }
    return found;
  }

  #notifyWatchers(): void {
    const notified = this.#watchers.filter(({ count }) => count <= this.#sleepers.length);
    this.#watchers = this.#watchers.filter(({ count }) => count > this.#sleepers.length);
    for (const { resolve } of notified) resolve();
  }
}

/** Lets everything run that waits for nothing but its turn. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
