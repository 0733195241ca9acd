import type { Clock } from "../../clock.ts";
import type { StateStore } from "../../state/contract.ts";
import type { FaultInjector } from "./fault-points.ts";
import type { Progress } from "./progress.ts";

export interface SyncOptions {
  readonly state: StateStore;
  /** Stops the run early: the batch at hand is finished and committed, then it fails with `RUN_CANCELLED`. */
  readonly signal?: AbortSignal;
  /** Starts the stream over: the state is reset, audited, and everything is read again. */
  readonly fullRefresh?: boolean;
  /** Lets a full refresh add everything once more to an output that appends; refused unless given. */
  readonly appendAgain?: boolean;
  /**
   * Reads from this value of the leading cursor on, instead of from where the stream stands: a time in
   * UTC, or an id. The watermark goes on from where it was. Not for outputs that append, once the
   * stream has been read, since they would hold what lies between twice.
   */
  readonly since?: string;
  /** How many days back a stream begins that has never been read; before the pipeline's own `start`. */
  readonly lookbackDays?: number;
  /** Called after every page. */
  readonly onProgress?: (progress: Progress) => void;
  /**
   * Makes the run's waits of 5 s and more, such as those that a source asks for with `Retry-After`: called as the
   * wait begins. Must call `sleep`, and resolve after it.
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
