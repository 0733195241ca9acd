import type { Clock } from "../clock.ts";

/**
 * The waits of one run for a server that limits how often it is asked, up to a total. Requests that are made at once
 * share them: while one waits, none is sent, and the time counts once.
 */
export class LimitWaits {
  readonly totalMs: number;
  readonly #clock: Clock;
  #left: number;
  /** Until when nothing is sent, by the clock's `elapsed`, and why. */
  #until = Number.NEGATIVE_INFINITY;
  #why = "";

  constructor({ totalMs, clock }: { readonly totalMs: number; readonly clock: Clock }) {
    this.totalMs = totalMs;
    this.#clock = clock;
    this.#left = totalMs;
  }

  /** How much may still be waited, in milliseconds. */
  get leftMs(): number {
    return this.#left;
  }

  /**
   * Blocks requests for a time from now on, with a reason. Returns false without a change if that exceeds the remaining
   * total.
   */
  hold(milliseconds: number, why: string): boolean {
    const now = this.#clock.elapsed();
    const end = now + milliseconds;
    const more = Math.max(0, end - Math.max(now, this.#until));
    if (more > this.#left) return false;
    this.#left -= more;
    if (end > this.#until) this.#why = why;
    this.#until = Math.max(this.#until, end);
    return true;
  }

  /** Resolves when a request may be sent; rejects with the signal's reason when it aborts. */
  async passed(
    pause: (milliseconds: number, why: string, signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    for (;;) {
      const wait = this.#until - this.#clock.elapsed();
      if (wait <= 0) return;
      await pause(Math.ceil(wait), this.#why, signal);
    }
  }
}
