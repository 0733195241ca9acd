import type { RunResult } from "../../engine/run/result.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import type { LoadedPipeline } from "../../pipeline/check.ts";
import type { optionsOf } from "../commands.ts";
import type { Params } from "../params.ts";
import { printJson } from "../terminal.ts";
import { attempt } from "./attempt.ts";
import { printProgress } from "./progress.ts";

export interface RunFlags {
  readonly dryRun?: boolean;
  readonly fullRefresh?: boolean;
  readonly appendAgain?: boolean;
  readonly since?: string;
  readonly lookbackDays?: number;
  readonly param: Params;
}

export type RunOptions = ReturnType<typeof optionsOf<RunFlags>>;

/** One run, as far as it was printed. */
export interface OneRun {
  readonly result: RunResult;
  /** What `--json` shows of a dry run besides the result. */
  readonly shownToo: Record<string, unknown>;
  /** Whether stdout is for records. */
  readonly printsRecords: boolean;
}

/** Runs a pipeline under a name that progress is shown by, and prints the records of a dry run. */
export async function runOne(
  pipeline: LoadedPipeline,
  name: string,
  options: RunOptions,
  signal: AbortSignal,
): Promise<OneRun> {
  const { dryRun = false, fullRefresh = false, appendAgain = false, since, lookbackDays, json } = options;
  const live = process.stderr.isTTY === true && (dryRun || pipeline.output.prints !== true);
  const progress = printProgress(name, formatStreamKey(pipeline.key), live);
  progress.start();
  const { result, sample } = await attempt(pipeline, {
    state: options.state,
    dryRun,
    fullRefresh,
    appendAgain,
    asked: {
      ...(since === undefined ? {} : { since }),
      ...(lookbackDays === undefined ? {} : { lookbackDays }),
    },
    signal,
    onProgress: progress.print,
    onPause: progress.pause,
  });
  progress.end();
  if (sample !== null && !json) for (const record of sample) await printJson(record);
  return {
    result,
    shownToo: sample === null ? {} : { dry_run: true, records: sample },
    printsRecords: dryRun || pipeline.output.prints === true,
  };
}
