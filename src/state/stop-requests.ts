import type { StreamKey } from "../model/stream-key.ts";
import type { LeaseOwner } from "./owner.ts";

/** Somebody's request that a run stops. */
export interface StopRequest {
  readonly actor: string;
  /** Null where none was given. */
  readonly reason: string | null;
}

/** What a run learns when it renews its lease. */
export interface Heartbeat {
  /** The request that this run stops at its next checkpoint; null where there is none. */
  readonly stop: StopRequest | null;
}

export interface Stop {
  readonly actor: string;
  readonly reason?: string;
  /** Stops the run of that backfill, by its id from `backfills`, and not the live run. */
  readonly backfill?: string;
}

/** The run that was asked to stop. */
export interface StoppingRun {
  readonly runId: string;
  /** The process that holds the run's lease, if it was named when the run began. */
  readonly owner: LeaseOwner | null;
}

/** The part of a state store that asks runs to stop. */
export interface RunStopping {
  /**
   * Asks the stream's live run, or the run of a backfill, to stop at its next checkpoint, in whatever process it works.
   * The run learns of it from its next heartbeat or checkpoint; the store itself ends nothing. The request is in the
   * audit log, once for each run however often it is made. Throws `RUN_FINISHED` where no run is at work,
   * `STREAM_NOT_FOUND`, and `RUN_NOT_FOUND` for an unknown backfill.
   *
   * @example
   * const { runId } = await state.stop(key, { actor: "ada", reason: "the source is down for maintenance" });
   */
  stop(key: StreamKey, stop: Stop): Promise<StoppingRun>;
}

/** A stored request. */
export interface StoredStop {
  readonly run_id: string;
  readonly actor: string;
  readonly reason: string | null;
}

/** The request to a run, of those in its stream's live row; null where there is none. */
export function stopOf(stops: readonly StoredStop[] | null, runId: string | null): StopRequest | null {
  const found = stops?.find(({ run_id }) => run_id === runId);
  return found === undefined ? null : { actor: found.actor, reason: found.reason };
}

/** The requests without the one to a run that is over. */
export function withoutStop(stops: StoredStop[] | null, runId: string | null): StoredStop[] | null {
  const others = (stops ?? []).filter(({ run_id }) => run_id !== runId);
  if (others.length === 0) return null;
  return others.length === stops?.length ? stops : others;
}
