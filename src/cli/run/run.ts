import type { RunResult } from "../../engine/run/result.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import type { LoadedPipeline } from "../../pipeline/check.ts";
import type { optionsOf } from "../commands.ts";
import { exitCodeOf, exitCodes, formatError } from "../failure.ts";
import type { Params } from "../params.ts";
import { stopOnSignals } from "../stop-signals.ts";
import { note, print, printJson } from "../terminal.ts";
import { onUncaught } from "../uncaught.ts";
import { attempt } from "./attempt.ts";
import { loadForRun } from "./load.ts";
import { printProgress } from "./progress.ts";
import { formatResult, resultJson, summaryOf } from "./report.ts";

export interface RunOptions {
  readonly dryRun?: boolean;
  readonly fullRefresh?: boolean;
  readonly appendAgain?: boolean;
  readonly since?: string;
  readonly lookbackDays?: number;
  readonly param: Params;
}

type Options = ReturnType<typeof optionsOf<RunOptions>>;

/** Runs pipelines one after another; one that fails does not keep the others from running. */
export async function run(files: readonly string[], options: Options): Promise<void> {
  const signal = stopOnSignals();
  let failedLater = false;
  // An uncaught error of one pipeline's code must not stop the next pipeline.
  onUncaught(({ userError }) => {
    if (userError === null) return false;
    note(formatError(userError.error));
    failedLater = true;
    return true;
  });
  const pipelines = await loadForRun(files, options);
  const reports: Record<string, unknown>[] = [];
  const results: RunResult[] = [];
  for (const pipeline of pipelines) {
    const { result, json } = await runOne(pipeline, options, signal);
    results.push(result);
    reports.push(json);
  }
  if (options.json) await printJson(reports.length === 1 ? reports[0] : reports);
  else if (results.length > 1) note(`${summaryOf(results)}\n`);
  const code = exitCode(results);
  process.exitCode = code === exitCodes.done && failedLater ? exitCodes.failed : code;
}

async function runOne(
  pipeline: LoadedPipeline,
  options: Options,
  signal: AbortSignal,
): Promise<{ result: RunResult; json: Record<string, unknown> }> {
  const { dryRun = false, fullRefresh = false, appendAgain = false, since, lookbackDays, json } = options;
  const printsRecords = dryRun || pipeline.output.prints === true;
  const live = process.stderr.isTTY === true && (dryRun || pipeline.output.prints !== true);
  const progress = printProgress(pipeline.name, formatStreamKey(pipeline.key), live);
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
  if (sample !== null && !json) await printRecords(sample);
  // Stdout is reserved for records and JSON.
  const ran = dryRun ? "dry run" : "live";
  if (json || printsRecords) note(formatResult(result, ran, process.stderr));
  else await print(formatResult(result, ran, process.stdout));
  if (result.error !== null) note(formatError(result.error));
  const shown = sample === null ? {} : { dry_run: true, records: sample };
  return { result, json: { ...resultJson(result), ...shown } };
}

async function printRecords(records: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
  for (const record of records) await printJson(record);
}

/** 2 where every failure lies in a file or the command line, so that none of the runs had begun. */
function exitCode(results: readonly RunResult[]): number {
  const codes = results.flatMap(({ error, runId }) => {
    if (error === null) return [];
    return [runId === null ? exitCodeOf(error) : exitCodes.failed];
  });
  return codes.length === 0 ? exitCodes.done : Math.min(...codes);
}
