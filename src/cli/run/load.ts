import { isTidemarkError, TidemarkError } from "../../errors.ts";
import type { LoadedPipeline, LoadOptions } from "../../pipeline/check.ts";
import { type Diagnostic, formatDiagnostic } from "../../pipeline/diagnostics.ts";
import {
  type ConfiguredPipeline,
  checkPipelines,
  loadConfigured,
  loadPipelines,
} from "../../pipeline/load.ts";
import type { Params } from "../params.ts";
import { note } from "../terminal.ts";

interface LoadForRunOptions {
  readonly param: Params;
  readonly json: boolean;
}

/** Loads the pipelines, and prints each error on a line of its own. */
export async function loadForRun(
  files: readonly string[],
  options: LoadForRunOptions,
): Promise<LoadedPipeline[]> {
  const load = (loading: LoadOptions) => loadPipelines(files, loading);
  const pipelines = await printingErrors(files, options, load, "nothing was run");
  for (const { warnings } of pipelines) printDiagnostics(warnings);
  return pipelines;
}

/** The same with the settings of each pipeline, for commands that run none; warnings are left to `validate`. */
export function loadToDescribe(
  files: readonly string[],
  options: LoadForRunOptions,
): Promise<ConfiguredPipeline[]> {
  const load = (loading: LoadOptions) => loadConfigured(files, loading);
  return printingErrors(files, options, load, "nothing was asked");
}

async function printingErrors<Loaded>(
  files: readonly string[],
  options: LoadForRunOptions,
  load: (loading: LoadOptions) => Promise<Loaded>,
  consequence: string,
): Promise<Loaded> {
  const loading = { params: options.param, console: options.json ? process.stderr : process.stdout };
  try {
    return await load(loading);
  } catch (error) {
    if (options.json || !isTidemarkError(error, "PIPELINE_INVALID")) throw error;
    printDiagnostics(await checkPipelines(files, loading));
    const [message = error.message] = error.message.split(":");
    throw new TidemarkError(error.code, `${message}; ${consequence}`, { cause: error });
  }
}

function printDiagnostics(diagnostics: readonly Diagnostic[]): void {
  for (const diagnostic of diagnostics) note(`${formatDiagnostic(diagnostic)}\n`);
}
