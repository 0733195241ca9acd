import type { FilterCount } from "../filter-account.ts";

/** What a run has done so far. */
export interface Progress {
  readonly recordsRead: number;
  /** What the output has taken, committed or not. */
  readonly recordsWritten: number;
  /** How many of them are committed. */
  readonly recordsCommitted: number;
  /** How many records were refused and skipped or dead-lettered (`onError`). */
  readonly recordsRefused: number;
  /** How many of those are dead letters now. */
  readonly recordsDeadLettered: number;
  /** What each filter did, in order. */
  readonly filters: readonly FilterCount[];
  readonly pages: number;
  readonly checkpoints: number;
  /** The highest cursor committed so far; null before the first. */
  readonly watermark: string | null;
}

/** Before anything is read. */
export const noProgress: Progress = {
  recordsRead: 0,
  recordsWritten: 0,
  recordsCommitted: 0,
  recordsRefused: 0,
  recordsDeadLettered: 0,
  filters: [],
  pages: 0,
  checkpoints: 0,
  watermark: null,
};
