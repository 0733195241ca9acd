import type { Clock } from "../../clock.ts";

interface Bucket {
  tokens: number;
  at: number;
}

/**
 * So many events at once, and so many a second in the long run, for each name. It remembers the
 * names seen last and no more than `most` of them, so that strangers cannot fill the memory.
 */
export class RateLimits {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #most: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, { burst, perSecond, most = 10_000 }: RateLimit) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#most = most;
  }

  /** How many seconds until one more is allowed; 0 where it is now. */
  wait(name: string): number {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) return 0;
    const missing = 1 - this.#filled(bucket);
    return missing <= 0 ? 0 : Math.max(1, Math.ceil(missing / this.#perSecond));
  }

  /** Counts one more; returns how many seconds too early it comes, 0 where it is allowed. */
  take(name: string): number {
    const wait = this.wait(name);
    if (wait > 0) return wait;
    const bucket = this.#buckets.get(name) ?? { tokens: this.#burst, at: this.#clock.elapsed() };
    // Ordered by last use; the least recently used names are dropped first.
    this.#buckets.delete(name);
    this.#buckets.set(name, { tokens: this.#filled(bucket) - 1, at: this.#clock.elapsed() });
    if (this.#buckets.size > this.#most) this.#forgetOldest();
    return 0;
  }

  #filled({ tokens, at }: Bucket): number {
    const seconds = (this.#clock.elapsed() - at) / 1000;
    return Math.min(this.#burst, tokens + seconds * this.#perSecond);
  }

  #forgetOldest(): void {
    const oldest = this.#buckets.keys().next();
    if (oldest.done !== true) this.#buckets.delete(oldest.value);
  }
}

export interface RateLimit {
  /** How many at once. */
  readonly burst: number;
  /** How many a second in the long run. */
  readonly perSecond: number;
  /** How many names are remembered. */
  readonly most?: number;
}
