import type { Clock } from "../../clock.ts";
import { isTidemarkError, TidemarkError } from "../../errors.ts";
import type { StateStore } from "../../state/contract.ts";
import { assertResponds, WriteProbes } from "../../state/writable.ts";

const patienceMs = 2000;
const trustMs = 1000;

/**
 * Whether this service is ready for requests: not while the state is unavailable or read-only, and not while it drains.
 */
export class Readiness {
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #writes: WriteProbes;
  #draining = false;
  #lastGood = Number.NEGATIVE_INFINITY;

  constructor(state: StateStore, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
    this.#writes = new WriteProbes(clock);
  }

  drain(): void {
    this.#draining = true;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  /** Throws `STATE_UNAVAILABLE` while it is not ready. */
  async assertReady(): Promise<void> {
    if (this.#draining) {
      throw new TidemarkError("STATE_UNAVAILABLE", "the service is shutting down", {
        hint: "Send requests to another replica.",
      });
    }
    if (this.#clock.elapsed() - this.#lastGood < trustMs) return;
    const waiting = new AbortController();
    try {
      await Promise.race([this.#look(), this.#late(waiting.signal)]);
    } finally {
      waiting.abort();
    }
    this.#lastGood = this.#clock.elapsed();
  }

  /** Converts every error of the state to `STATE_UNAVAILABLE`, so that requests go to another replica. */
  async #look(): Promise<void> {
    try {
      await this.#lookAtState();
    } catch (cause) {
      if (!isTidemarkError(cause)) throw cause;
      throw new TidemarkError("STATE_UNAVAILABLE", cause.message, { cause, hint: cause.hint });
    }
  }

  async #lookAtState(): Promise<void> {
    await assertResponds(this.#state);
    await this.#writes.assertWritable(this.#state);
  }

  async #late(signal: AbortSignal): Promise<never> {
    await this.#clock.sleep(patienceMs, signal, { background: true });
    throw new TidemarkError("STATE_UNAVAILABLE", `the state did not answer within ${patienceMs} ms`);
  }
}
