import type { Clock } from "../../clock.ts";

/** Commits inside a page take no more than this part of a run's time. */
const shareOfTime = 1 / 20;
/** What a commit counts for at least, in milliseconds: so they are 10 ms apart on average. */
const leastCost = 0.5;
/** And at most: a slow one does not put the next off for more than 200 ms. */
const mostCost = 10;
/** How many commits may be made one after another, once there was time for them. */
const mostAtOnce = 100;

export interface InsidePageOptions {
  readonly clock: Clock;
  /** Makes durable what was settled so far. */
  readonly commit: () => Promise<void>;
}

/**
 * When what a page has delivered so far is committed: at once, as long as such commits have taken no more than a
 * twentieth of the time, and no more than one in 10 ms; after 200 ms in any case. So behind a slow target each request is followed by a
 * commit before the next is sent, and a fast one is not held up.
 */
export class InsidePage {
  readonly #options: InsidePageOptions;
  /** How long commits may take now, in milliseconds, as of when, and how long the last one took. */
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

  /** To be called when the page is written, or broke off: returns when no commit is under way any more. */
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

  /** Never rejects: what it fails with is thrown by the next call of `settled`. */
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

  /** What a commit failed with; null where none did. */
  get failure(): { readonly error: unknown } | null {
    return this.#failure;
  }
}
