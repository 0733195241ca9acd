import type { Clock } from "../clock.ts";
import { isTidemarkError, type TidemarkError } from "../errors.ts";
import type { Run, StateStore } from "./contract.ts";
import { runStopped } from "./refusals.ts";
import type { Heartbeat } from "./stop-requests.ts";

/** A request to stop must be seen soon, however long the lease is. In milliseconds. */
const longestPauseMs = 10_000;

export interface LeaseKeeping {
  /** Whether the process may end while the run waits and nothing else keeps it alive. */
  readonly background?: boolean;
  /** Called once, with `RUN_STOPPED`, when a heartbeat or a checkpoint shows that somebody asked the run to stop. */
  readonly onStop: (error: TidemarkError) => void;
}

/**
 * Keeps a run's lease alive: a heartbeat every third of it, and at least every 10 seconds, for as long as the run works.
 * When the stream has been taken over, `signal` aborts with that error.
 *
 * ```ts
 * const stop = new AbortController();
 * using lease = new LeaseKeeper(state, run, clock, { onStop: (error) => stop.abort(error) });
 * await fetch(url, { signal: AbortSignal.any([lease.signal, stop.signal]) });
 * ```
 */
export class LeaseKeeper implements Disposable {
  readonly #state: StateStore;
  readonly #run: Run;
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  readonly #ended = new AbortController();
  readonly #keeping: LeaseKeeping;
  #renewedAt: number;
  #wasAsked = false;

  constructor(state: StateStore, run: Run, clock: Clock, keeping: LeaseKeeping) {
    this.#keeping = keeping;
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
   * Takes a step that renews the lease, such as a checkpoint, and looks at what the run learns from its answer. The lease
   * counts from before the step: the process may be stopped before it receives the answer.
   */
  async renewing(step: () => Promise<Heartbeat>): Promise<void> {
    const beganAt = this.#clock.elapsed();
    const { stop } = await step();
    this.#renewedAt = Math.max(this.#renewedAt, beganAt);
    if (stop === null || this.#wasAsked || this.#ended.signal.aborted) return;
    this.#wasAsked = true;
    this.#keeping.onStop(runStopped(this.#run, stop));
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
    this.#ended.abort();
  }

  #heartbeat(): Promise<void> {
    return this.renewing(() => this.#state.heartbeat(this.#run));
  }

  async #beat(): Promise<void> {
    const pause = Math.min((this.#run.leaseSeconds * 1000) / 3, longestPauseMs);
    const { background = false } = this.#keeping;
    while (!this.#ended.signal.aborted) {
      try {
        await this.#clock.sleep(pause, this.#ended.signal, { background });
        await this.#heartbeat();
      } catch (error) {
        if (this.#ended.signal.aborted) return;
        // The store being unreachable for a while does not mean that the lease is lost: the next heartbeat tries again.
        if (!isTidemarkError(error) || error.recoverable) continue;
        this.#lost.abort(error);
        return;
      }
    }
  }
}
