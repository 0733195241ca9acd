import type { Clock } from "../clock.ts";
import { isTidemarkError } from "../errors.ts";
import type { Checkpoint, Completion, Failure, Run, RunRef, StateStore } from "../state/contract.ts";
import { overriding } from "./overriding.ts";

/** The calls that a run makes. */
export const runCalls = ["begin", "checkpoint", "heartbeat", "complete", "fail"] as const;
export type RunCall = (typeof runCalls)[number];

/** Called after a run's calls to its state. Must not throw. */
export interface StateObserver {
  /** A call was answered, well or with an error. */
  called?(call: RunCall, seconds: number, ok: boolean): void;
  begun?(run: Run): void;
  checkpointed?(run: RunRef, checkpoint: Checkpoint): void;
  completed?(run: RunRef, completion: Completion): void;
  failed?(run: RunRef, failure: Failure): void;
  /** The run's stream was taken over; called for each of its refused calls. */
  superseded?(run: RunRef): void;
}

/**
 * A state store that forwards to another one and reports the calls. Closing it closes the other.
 *
 * ```ts
 * const state = observedState(await openState(url), metrics.state, systemClock);
 * ```
 */
export function observedState(state: StateStore, observer: StateObserver, clock: Clock): StateStore {
  async function timed<T>(name: RunCall, run: RunRef | null, call: () => Promise<T>): Promise<T> {
    const from = clock.elapsed();
    try {
      const answer = await call();
      observer.called?.(name, (clock.elapsed() - from) / 1000, true);
      return answer;
    } catch (error) {
      observer.called?.(name, (clock.elapsed() - from) / 1000, false);
      if (run !== null && isTidemarkError(error, "RUN_SUPERSEDED")) observer.superseded?.(run);
      throw error;
    }
  }

  const watched: Pick<StateStore, RunCall> = {
    async begin(key, options) {
      const run = await timed("begin", null, () => state.begin(key, options));
      observer.begun?.(run);
      return run;
    },
    async checkpoint(run, checkpoint, context) {
      const heartbeat = await timed("checkpoint", run, () => state.checkpoint(run, checkpoint, context));
      observer.checkpointed?.(run, checkpoint);
      return heartbeat;
    },
    heartbeat: (run) => timed("heartbeat", run, () => state.heartbeat(run)),
    async complete(run, completion, context) {
      const after = await timed("complete", run, () => state.complete(run, completion, context));
      observer.completed?.(run, completion);
      return after;
    },
    async fail(run, failure) {
      const after = await timed("fail", run, () => state.fail(run, failure));
      observer.failed?.(run, failure);
      return after;
    },
  };
  return overriding(state, watched);
}
