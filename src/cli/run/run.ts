import type { RunResult } from "../../engine/run/result.ts";
import type { LoadedPipeline, LoadedSet } from "../../pipeline/check.ts";
import { exitCodeOf, exitCodes, formatError } from "../failure.ts";
import { stopOnSignals } from "../stop-signals.ts";
import { note, print, printJson } from "../terminal.ts";
import { onUncaught } from "../uncaught.ts";
import { loadForRun } from "./load.ts";
import { formatResult, resultJson, summaryOf } from "./report.ts";
import { type RunOptions, runOne } from "./run-one.ts";
import { type DocumentReport, runSet } from "./run-set.ts";

/** Runs pipelines one after another; one that fails does not keep the others from running. */
export async function run(files: readonly string[], options: RunOptions): Promise<void> {
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
  const reports: DocumentReport[] = [];
  for (const document of documentsOf(pipelines)) {
    reports.push(
      "written" in document
        ? await runSet(document, options, signal)
        : await runDocument(document, options, signal),
    );
  }
  const json = reports.map(({ json }) => json);
  if (options.json) await printJson(json.length === 1 ? json[0] : json);
  else if (reports.length > 1) note(`${summaryOf(reports)}\n`);
  const code = exitCode(reports);
  process.exitCode = code === exitCodes.done && failedLater ? exitCodes.failed : code;
}

/** 2 where every failure lies in a file or the command line, so that none of the runs had begun. */
function exitCode(reports: readonly DocumentReport[]): number {
  const codes = reports.flatMap(({ status, results }) => {
    if (status !== "failed" && status !== "superseded") return [];
    return results.length > 0 && results.every(isRefused) ? results.map(codeOf) : [exitCodes.failed];
  });
  return codes.length === 0 ? exitCodes.done : Math.min(...codes);
}

function isRefused({ error, runId }: RunResult): boolean {
  return error !== null && runId === null;
}

function codeOf({ error }: RunResult): number {
  return error === null ? exitCodes.done : exitCodeOf(error);
}

/** Each document once: a pipeline, or its streams. */
function documentsOf(pipelines: readonly LoadedPipeline[]): readonly (LoadedPipeline | LoadedSet)[] {
  return [...new Set(pipelines.map((pipeline) => pipeline.set ?? pipeline))];
}

async function runDocument(
  pipeline: LoadedPipeline,
  options: RunOptions,
  signal: AbortSignal,
): Promise<DocumentReport> {
  const { result, shownToo, printsRecords } = await runOne(pipeline, pipeline.name, options, signal);
  // Stdout is reserved for records and JSON.
  const ran = options.dryRun === true ? "dry run" : "live";
  if (options.json || printsRecords) note(formatResult(result, ran, process.stderr));
  else await print(formatResult(result, ran, process.stdout));
  if (result.error !== null) note(formatError(result.error));
  return { results: [result], status: result.status, json: { ...resultJson(result), ...shownToo } };
}
