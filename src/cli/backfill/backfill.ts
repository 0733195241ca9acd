import { attemptBackfill, type BackfillRange } from "../../engine/run/backfill.ts";
import type { RunResult } from "../../engine/run/result.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import type { LoadedPipeline } from "../../pipeline/check.ts";
import type { optionsOf } from "../commands.ts";
import { exitCodeOf, exitCodes, formatError, invalidArgument } from "../failure.ts";
import { resultNamingState } from "../named-state.ts";
import type { Params } from "../params.ts";
import { failedResult } from "../run/attempt.ts";
import { loadForRun } from "../run/load.ts";
import { printProgress } from "../run/progress.ts";
import { formatResult, resultJson } from "../run/report.ts";
import { actor, withState } from "../state-access.ts";
import { stopOnSignals } from "../stop-signals.ts";
import { note, print, printJson, shown } from "../terminal.ts";
import { traced } from "../traced.ts";

export interface BackfillCommandOptions {
  readonly from?: string;
  readonly to?: string;
  readonly step?: string;
  readonly concurrency?: number;
  readonly resume?: string;
  readonly param: Params;
}

type Options = ReturnType<typeof optionsOf<BackfillCommandOptions>>;

/** Runs one backfill, and prints how to continue it if it does not finish. */
export async function backfill(file: string, options: Options): Promise<void> {
  const signal = stopOnSignals();
  const [pipeline, ...others] = await loadForRun([file], options);
  if (pipeline === undefined || others.length > 0) {
    throw invalidArgument(`${file} holds ${others.length + 1} pipelines`, "Name the one file to backfill.");
  }
  let begun: BackfillRange | null = null;
  const progress = printProgress(
    pipeline.name,
    formatStreamKey(pipeline.key),
    process.stderr.isTTY === true && pipeline.output.prints !== true,
  );
  const result = await make(pipeline, options, signal, {
    onProgress: progress.print,
    onBegin: (range) => {
      begun = range;
      note(
        `backfill ${range.backfill}: from ${shown(range.from ?? "the beginning")} to ${shown(range.to)}\n`,
      );
      progress.start();
    },
  });
  progress.end();
  await printResult(result, { begun, file, prints: pipeline.output.prints === true }, options);
  process.exitCode = result.error === null ? exitCodes.done : exitCode(result);
}

function make(
  pipeline: LoadedPipeline,
  options: Options,
  signal: AbortSignal,
  hooks: Pick<Parameters<typeof attemptBackfill>[1], "onProgress" | "onBegin">,
): Promise<RunResult> {
  const startedAt = performance.now();
  const { from, to, step, concurrency, resume } = options;
  const asked = {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(step === undefined ? {} : { step }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(resume === undefined ? {} : { resume }),
  };
  const url = pipeline.stateUrl ?? options.state;
  return withState(url, { create: true }, async (state) => {
    const result = await traced(pipeline, state, (pipeline, state) =>
      attemptBackfill(pipeline, { ...asked, ...hooks, state, signal, actor: actor() }),
    );
    return resultNamingState(result, url);
  }).catch((thrown: unknown) =>
    failedResult(pipeline, thrown, Math.round(performance.now() - startedAt), signal),
  );
}

async function printResult(
  result: RunResult,
  {
    begun,
    file,
    prints,
  }: { readonly begun: BackfillRange | null; readonly file: string; readonly prints: boolean },
  { json }: Options,
): Promise<void> {
  if (json) {
    const range = { backfill: begun?.backfill ?? null, from: begun?.from ?? null, to: begun?.to ?? null };
    await printJson({ ...resultJson(result), ...range });
  } else if (prints) {
    // Stdout is reserved for records.
    note(formatResult(result, "backfill", process.stderr));
  } else {
    await print(formatResult(result, "backfill", process.stdout));
  }
  if (result.error === null) return;
  note(formatError(result.error));
  if (begun !== null && result.runId !== null) {
    note(`Go on with it: tidemark backfill ${file} --resume ${begun.backfill}\n`);
  }
}

function exitCode(result: RunResult): number {
  return result.error === null || result.runId !== null ? exitCodes.failed : exitCodeOf(result.error);
}
