import type { TidemarkError } from "../../errors.ts";
import { redact } from "../../secrets.ts";
import { droppedBy, type FilterCount } from "../filter-account.ts";

export const runStatuses = ["completed", "skipped", "failed", "superseded"] as const;
export type RunStatus = (typeof runStatuses)[number];

/** Something that did not stop the run and that its owner should know. */
export interface RunWarning {
  readonly code: string;
  readonly message: string;
  /** How often it came up. */
  readonly count: number;
}

/** A run's counts and cursors, with the names that `--json` and logs use. */
export function countsOf(result: RunResult) {
  return {
    records_read: result.recordsRead,
    records_written: result.recordsWritten,
    records_refused: result.recordsRefused,
    records_dead_lettered: result.recordsDeadLettered,
    records_filtered: droppedBy(result.filters),
    pages: result.pages,
    checkpoints: result.checkpoints,
    lower_bound: result.lowerBound,
    new_cursor: result.newCursor,
    duration_ms: result.durationMs,
  };
}

/** The result of one run. */
export interface RunResult {
  readonly pipeline: string;
  readonly connector: string;
  readonly stream: string;
  readonly status: RunStatus;
  /** Null where no run was begun: skipped, or a dry run. */
  readonly runId: string | null;
  readonly recordsRead: number;
  /**
   * What the output holds of them; filters, what was already delivered, refused records and rows that a trigger left
   * out account for the difference. For a failed run: what is in the output, as far as that is known.
   */
  readonly recordsWritten: number;
  /** How many were refused and skipped or dead-lettered (`onError`). */
  readonly recordsRefused: number;
  /** How many of those were written to dead letters. */
  readonly recordsDeadLettered: number;
  /** What each of the pipeline's filters did, in order: how many records it was given, and how many it dropped. */
  readonly filters: readonly FilterCount[];
  readonly pages: number;
  readonly checkpoints: number;
  /** The watermark before and after the run. */
  readonly lowerBound: string | null;
  readonly newCursor: string | null;
  readonly durationMs: number;
  readonly warnings: readonly RunWarning[];
  readonly error: TidemarkError | null;
}

/** Collects warnings, one of each code, with how often it came up. */
export class Warnings {
  readonly #byCode = new Map<string, RunWarning>();

  readonly add = (code: string, message: string): void => {
    const known = this.#byCode.get(code);
    this.#byCode.set(code, {
      code,
      message: known?.message ?? redact(message),
      count: (known?.count ?? 0) + 1,
    });
  };

  list(): readonly RunWarning[] {
    return [...this.#byCode.values()];
  }
}
