import type { RunResult, RunStatus } from "../../engine/run/result.ts";
import type { LoadedPipeline, LoadedSet } from "../../pipeline/check.ts";
import { note, print, shown } from "../terminal.ts";
import { type RunOptions, runOne } from "./run-one.ts";
import { type SetResults, setJson, setSummary, statusOf, streamLine } from "./streams-report.ts";

/** The report of one document: its runs, and what `--json` prints of them. */
export interface DocumentReport {
  readonly results: readonly RunResult[];
  readonly status: RunStatus;
  readonly json: Record<string, unknown>;
}

/** Runs the streams of one document; one that fails does not keep the others from running. */
export async function runSet(
  set: LoadedSet,
  options: RunOptions,
  signal: AbortSignal,
): Promise<DocumentReport> {
  const startedAt = performance.now();
  const width = Math.max(...set.written.map(({ key }) => shown(key.stream).length));
  const results: RunResult[] = [];
  const notRun: LoadedPipeline[] = [];
  const more = new Map<RunResult, Record<string, unknown>>();
  for (const pipeline of set.written) {
    if (signal.aborted) {
      notRun.push(pipeline);
      continue;
    }
    const { result, shownToo, printsRecords } = await runOne(pipeline, pipeline.key.stream, options, signal);
    results.push(result);
    more.set(result, shownToo);
    const ownsStdout = options.json || printsRecords;
    if (ownsStdout) note(streamLine(result, width, process.stderr));
    else await print(streamLine(result, width, process.stdout));
  }
  const ran: SetResults = { set, results, notRun, durationMs: Math.round(performance.now() - startedAt) };
  note(setSummary(ran, process.stderr));
  return { results, status: statusOf(ran), json: setJson(ran, more) };
}
