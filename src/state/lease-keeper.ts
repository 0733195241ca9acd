import type { Clock } from "../clock.ts";
import { isTidemarkError } from "../errors.ts";
import type { RunRef, StateStore } from "./contract.ts";

/**
 * Keeps a run's lease alive: a heartbeat every third of it, for as long as the run works. When the
 * stream has been taken over, `signal` aborts with that error.
 *
 * ```ts
 * using lease = new LeaseKeeper(state, run, clock);
 * await fetch(url, { signal: lease.signal });
 * ```
 */
export class LeaseKeeper implements Disposable {
  readonly #state: StateStore;
  readonly #run: RunRef & { readonly leaseSeconds: number };
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  readonly #stopped = new AbortController();
  readonly #background: boolean;
  #renewedAt: number;

  /** `background`: whether the process may end while the run waits and nothing else keeps it alive. */
  constructor(
    state: StateStore,
    run: RunRef & { readonly leaseSeconds: number },
    clock: Clock,
    options: { background?: boolean } = {},
  ) {
    this.#background = options.background ?? false;
    this.#state = state;
    this.#run = run;
    this.#clock = clock;
    this.#renewedAt = clock.elapsed();
    void this.#beat();
  }

  /** Aborts with `RUN_SUPERSEDED` once the run can no longer complete. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * Takes a step that renews the lease, such as a checkpoint. The lease counts from before the step: the process may be
   * stopped before it receives the answer.
   */
  async renewing<T>(step: () => Promise<T>): Promise<T> {
    const beganAt = this.#clock.elapsed();
    const result = await step();
    this.#renewedAt = Math.max(this.#renewedAt, beganAt);
    return result;
  }

  /**
   * Call before anything is sent to an output. A process that was stopped for longer than its lease notices it here,
   * before it writes. Throws `RUN_SUPERSEDED`.
   */
  async confirm(): Promise<void> {
    this.#lost.signal.throwIfAborted();
    if (this.#clock.elapsed() - this.#renewedAt < this.#run.leaseSeconds * 500) return;
    await this.#heartbeat();
  }

  /** Ends the heartbeats. One that is under way may still arrive, and does no harm. */
  [Symbol.dispose](): void {
    this.#stopped.abort();
  }

  #heartbeat(): Promise<void> {
    return this.renewing(() => this.#state.heartbeat(this.#run));
  }

  async #beat(): Promise<void> {
    const pause = (this.#run.leaseSeconds * 1000) / 3;
    while (!this.#stopped.signal.aborted) {
      try {
        await this.#clock.sleep(pause, this.#stopped.signal, { background: this.#background });
        await this.#heartbeat();
      } catch (error) {
        if (this.#stopped.signal.aborted) return;
        // The store being unreachable for a while does not mean that the lease is lost: the next heartbeat tries again.
        if (!isTidemarkError(error) || error.recoverable) continue;
        this.#lost.abort(error);
        return;
      }
    }
  }
}
