import type { StreamKey } from "../model/stream-key.ts";

/** What to delete of the history: a run goes where any of the limits says so. At least one is given. */
export interface Retention {
  /** How many ended runs of each stream to keep, the newest. */
  readonly keepRuns?: number;
  /** How many days to keep a run after its end: 36,500 at most. */
  readonly maxAgeDays?: number;
  /** The stream to prune. Default: all streams. */
  readonly key?: StreamKey;
}
