import type { TidemarkError } from "../errors.ts";

export const runStatuses = ["completed", "skipped", "failed", "superseded"] as const;
export type RunStatus = (typeof runStatuses)[number];

/** Something that did not stop the run and that its owner should know. */
export interface RunWarning {
  readonly code: string;
  readonly message: string;
  /** How often it came up. */
  readonly count: number;
}

/** What one attempt to move a stream on came to. */
export interface RunResult {
  readonly pipeline: string;
  readonly connector: string;
  readonly stream: string;
  readonly status: RunStatus;
  /** Null where no run was begun: skipped, or a dry run. */
  readonly runId: string | null;
  readonly recordsRead: number;
  /** What the output took; filters and what was already delivered account for the difference. */
  readonly recordsWritten: number;
  readonly pages: number;
  readonly checkpoints: number;
  /** The watermark as the run found it, and as it left it. */
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
    this.#byCode.set(code, { code, message: known?.message ?? message, count: (known?.count ?? 0) + 1 });
  };

  list(): readonly RunWarning[] {
    return [...this.#byCode.values()];
  }
}
