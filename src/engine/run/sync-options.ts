import type { Clock } from "../../clock.ts";
import type { StateStore } from "../../state/contract.ts";
import type { FaultInjector } from "./fault-points.ts";
import type { Progress } from "./progress.ts";

export interface SyncOptions {
  readonly state: StateStore;
  /** Stops the run early: the current batch is finished and committed, then the run fails with `RUN_CANCELLED`. */
  readonly signal?: AbortSignal;
  /** Starts the stream over: the state is reset, audited, and everything is read again. */
  readonly fullRefresh?: boolean;
  /** Allows a full refresh to add everything once more to an output that appends. Default: false, which refuses it. */
  readonly appendAgain?: boolean;
  /**
   * Reads from this value of the leading cursor on, instead of from the stream's position: a time in UTC, or an id. The
   * watermark does not go back. Not for outputs that append, once the stream has been read, since records in between
   * would be added twice.
   */
  readonly since?: string;
  /** How many days back to begin a stream that was never read. Takes precedence over the pipeline's `start`. */
  readonly lookbackDays?: number;
  /** Called after every page. */
  readonly onProgress?: (progress: Progress) => void;
  /**
   * Called when a wait of 5 s or more begins, such as one that a source requests with `Retry-After`. Must call `sleep`,
   * and resolve after it.
   */
  readonly onPause?: (wait: RunPause, sleep: () => Promise<void>) => Promise<void>;
  /** Who runs it, for the history and the audit log. */
  readonly actor?: string;
  readonly clock?: Clock;
  readonly faults?: FaultInjector;
}

/** A wait in the middle of a run. */
export interface RunPause {
  readonly milliseconds: number;
  /** What is waited for. */
  readonly why: string;
}
