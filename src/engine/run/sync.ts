import type { Pipeline } from "../ports.ts";
import { type AttemptKind, attemptRun } from "./attempt.ts";
import type { RunResult } from "./result.ts";
import type { SyncOptions } from "./sync-options.ts";

/**
 * Runs a pipeline once: begin → read page → filter → write → commit → complete. Each delivered row and the stream's
 * position become durable together where the output can do that (promise P2).
 *
 * Resolves when the run completed, or was skipped because another holds the stream. Throws the `TidemarkError` that
 * ended it otherwise; the state then is at the last checkpoint (P8), and the next run continues from there.
 *
 * ```ts
 * await using state = await openState("sqlite:./.tidemark/state.db");
 * const [pipeline] = await loadPipelines(["events.yaml"]);
 * const result = await sync(pipeline, { state });
 * console.log(result.recordsWritten, result.newCursor);
 * ```
 */
export async function sync(pipeline: Pipeline, options: SyncOptions): Promise<RunResult> {
  const result = await attemptSync(pipeline, options);
  if (result.error !== null) throw result.error;
  return result;
}

/**
 * As `sync`, but a run that failed is a result with its `error` and its counts. Throws `ARGUMENT_INVALID` for an invalid
 * state.
 *
 * ```ts
 * const { status, error, recordsWritten } = await attemptSync(pipeline, { state });
 * if (error !== null) console.error(status, error.code, recordsWritten);
 * ```
 */
export async function attemptSync(pipeline: Pipeline, options: SyncOptions): Promise<RunResult> {
  return attemptRun(pipeline, options, liveRun);
}

const liveRun: AttemptKind = { scope: "", begin: {}, plan: async () => null };
