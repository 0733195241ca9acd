import { preview } from "../../engine/run/preview.ts";
import type { Progress } from "../../engine/run/progress.ts";
import type { RunResult } from "../../engine/run/result.ts";
import { attemptSync } from "../../engine/run/sync.ts";
import type { RunPause, SyncOptions } from "../../engine/run/sync-options.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { LoadedPipeline } from "../../pipeline/check.ts";
import { asTidemarkError } from "../failure.ts";
import { resultNamingState } from "../named-state.ts";
import { actor, withState } from "../state-access.ts";
import { traced } from "../traced.ts";

export interface AttemptOptions {
  /** The state URL, where the pipeline does not ask for a place of its own. */
  readonly state: string;
  readonly dryRun: boolean;
  readonly fullRefresh: boolean;
  readonly appendAgain: boolean;
  /** Where to begin instead of at the stream's position. */
  readonly asked: Pick<SyncOptions, "since" | "lookbackDays">;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  /** Called when a long wait begins. */
  readonly onPause: (wait: RunPause) => void;
}

export interface Attempt {
  readonly result: RunResult;
  /** The first records that a dry run would have written; null for a real run. */
  readonly sample: readonly SourceRecord[] | null;
}

/** How many records a dry run shows. */
const sampleSize = 10;

/** Runs a pipeline, or previews it; an error is part of the result. */
export async function attempt(pipeline: LoadedPipeline, options: AttemptOptions): Promise<Attempt> {
  const startedAt = performance.now();
  const url = pipeline.stateUrl ?? options.state;
  const sample: SourceRecord[] = [];
  try {
    const result = options.dryRun
      ? await look(pipeline, url, options, sample)
      : await move(pipeline, url, options);
    return { result: resultNamingState(result, url), sample: options.dryRun ? sample : null };
  } catch (thrown) {
    const result = failedResult(pipeline, thrown, Math.round(performance.now() - startedAt), options.signal);
    return { result, sample: options.dryRun ? sample : null };
  }
}

function move(pipeline: LoadedPipeline, url: string, options: AttemptOptions): Promise<RunResult> {
  const { signal, fullRefresh, appendAgain, asked, onProgress } = options;
  const onPause = (wait: RunPause, sleep: () => Promise<void>): Promise<void> => {
    options.onPause(wait);
    return sleep();
  };
  return withState(url, { create: true }, (state) =>
    traced(pipeline, state, (pipeline, state) =>
      attemptSync(pipeline, {
        ...asked,
        ...{ state, signal, fullRefresh, appendAgain, onProgress, onPause, actor: actor() },
      }),
    ),
  );
}

function look(
  pipeline: LoadedPipeline,
  url: string,
  { signal, fullRefresh, asked }: AttemptOptions,
  sample: SourceRecord[],
): Promise<RunResult> {
  const onRecords = (records: readonly SourceRecord[]): void => {
    for (const record of records) {
      if (sample.length === sampleSize) return;
      sample.push(record);
    }
  };
  return withState(url, { create: false }, (state) =>
    preview(pipeline, { ...asked, state, signal, fromStart: fullRefresh, onRecords }),
  );
}

/** The result of a run that failed before it had counts, for example because the state could not be opened. */
export function failedResult(
  pipeline: LoadedPipeline,
  thrown: unknown,
  durationMs: number,
  signal: AbortSignal,
): RunResult {
  return {
    pipeline: pipeline.name,
    connector: pipeline.key.connector,
    stream: pipeline.key.stream,
    status: "failed",
    runId: null,
    recordsRead: 0,
    recordsWritten: 0,
    recordsRefused: 0,
    recordsDeadLettered: 0,
    filters: [],
    pages: 0,
    checkpoints: 0,
    lowerBound: null,
    newCursor: null,
    durationMs,
    warnings: [],
    error: asTidemarkError(thrown, signal),
  };
}
