import type { Clock } from "../../clock.ts";

/** Commits inside a page take no more than this part of a run's time. */
const shareOfTime = 1 / 20;
/** The least time that a commit counts for, in milliseconds, so that commits are at least 10 ms apart on average. */
const leastCost = 0.5;
/** The most time that a commit counts for: a slow one delays the next by at most 200 ms. */
const mostCost = 10;
/** How many commits may follow each other directly after an idle time. */
const mostAtOnce = 100;

export interface InsidePageOptions {
  readonly clock: Clock;
  /** Makes durable what was settled so far. */
  readonly commit: () => Promise<void>;
}

/**
 * Decides when the delivered part of a page is committed: at once, as long as such commits have taken at most a
 * twentieth of the time, and at most one in 10 ms; and always after 200 ms. With a slow target, each request is
 * followed by a commit before the next is sent. A fast target is not delayed.
 */
export class InsidePage {
  readonly #options: InsidePageOptions;
  /** The time budget for commits in milliseconds, when it was computed, and how long the last commit took. */
  #credit = 0;
  #asOf: number;
  #cost = leastCost;
  #running: Promise<void> | null = null;
  #waiting: AbortController | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(options: InsidePageOptions) {
    this.#options = options;
    this.#asOf = options.clock.elapsed();
  }

  /** Called when something was settled; resolves when the target may be sent more. */
  async settled(): Promise<void> {
    await this.#running;
    this.#throwIfFailed();
    this.#gain();
    if (this.#credit < this.#cost) {
      this.#commitLater((this.#cost - this.#credit) / shareOfTime);
      return;
    }
    await this.#commit();
    this.#throwIfFailed();
  }

  /** Call when the page is written or has failed: resolves when no commit is in progress. */
  async end(): Promise<void> {
    this.#waiting?.abort();
    this.#waiting = null;
    await this.#running;
  }

  #gain(): void {
    const now = this.#options.clock.elapsed();
    this.#credit = Math.min(this.#credit + (now - this.#asOf) * shareOfTime, this.#cost * mostAtOnce);
    this.#asOf = now;
  }

  #throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  #commitLater(due: number): void {
    if (this.#waiting !== null) return;
    const waiting = new AbortController();
    this.#waiting = waiting;
    this.#options.clock.sleep(Math.ceil(due), waiting.signal, { background: true }).then(
      () => {
        if (!waiting.signal.aborted) void this.#commit();
      },
      () => {},
    );
  }

  /** Never rejects: an error is thrown by the next call of `settled`. */
  #commit(): Promise<void> {
    this.#waiting?.abort();
    this.#waiting = null;
    this.#running ??= this.#commitNow().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #commitNow(): Promise<void> {
    const { clock, commit } = this.#options;
    const began = clock.elapsed();
    try {
      await commit();
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#cost = Math.min(mostCost, Math.max(leastCost, clock.elapsed() - began));
    this.#gain();
    this.#credit -= this.#cost;
  }

  /** The error of a failed commit; null where none failed. */
  get failure(): { readonly error: unknown } | null {
    return this.#failure;
  }
}
