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

  /** Aborts once the run can no longer end well, with the `TidemarkError` that tells why: `RUN_SUPERSEDED`. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** To be told of what renewed the lease besides: a checkpoint. */
  renewed(): void {
    this.#renewedAt = this.#clock.elapsed();
  }

  /**
   * To be called before anything leaves for an output. A process that was stopped for longer than its
   * lease finds out here that it was, before it writes. Throws `RUN_SUPERSEDED`.
   */
  async confirm(): Promise<void> {
    this.#lost.signal.throwIfAborted();
    if (this.#clock.elapsed() - this.#renewedAt < this.#run.leaseSeconds * 500) return;
    await this.#state.heartbeat(this.#run);
    this.renewed();
  }

  /** Ends the heartbeats. One that is under way may still arrive, and does no harm. */
  [Symbol.dispose](): void {
    this.#stopped.abort();
  }

  async #beat(): Promise<void> {
    const pause = (this.#run.leaseSeconds * 1000) / 3;
    while (!this.#stopped.signal.aborted) {
      try {
        await this.#clock.sleep(pause, this.#stopped.signal, { background: this.#background });
        await this.#state.heartbeat(this.#run);
        this.renewed();
      } catch (error) {
        if (this.#stopped.signal.aborted) return;
        // A store that is out of reach for a while is no lost lease: the next beat tries again.
        if (!isTidemarkError(error) || error.recoverable) continue;
        this.#lost.abort(error);
        return;
      }
    }
  }
}
