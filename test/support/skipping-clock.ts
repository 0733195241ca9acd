import type { Clock } from "../../src/clock.ts";

/** A clock that stands still, save that sleeping moves it on at once. */
export class SkippingClock implements Clock {
  readonly #start: number;
  #elapsed = 0;
  /** Every sleep so far, in milliseconds. */
  readonly sleeps: number[] = [];

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#start = start;
  }

  now(): number {
    return this.#start + this.#elapsed;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.sleeps.push(milliseconds);
    this.advance(milliseconds);
  }

  advance(milliseconds: number): void {
    this.#elapsed += milliseconds;
  }
}
