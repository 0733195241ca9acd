import { isTidemarkError, TidemarkError } from "../../errors.ts";
import type { LoadedPipeline } from "../../pipeline/check.ts";
import { type Diagnostic, formatDiagnostic } from "../../pipeline/diagnostics.ts";
import { checkPipelines, loadPipelines } from "../../pipeline/load.ts";
import type { Params } from "../params.ts";
import { note } from "../terminal.ts";

/** Loads the pipelines, and prints each error on a line of its own. */
export async function loadForRun(
  files: readonly string[],
  options: { readonly param: Params; readonly json: boolean },
): Promise<LoadedPipeline[]> {
  const loading = { params: options.param, console: options.json ? process.stderr : process.stdout };
  try {
    const pipelines = await loadPipelines(files, loading);
    for (const { warnings } of pipelines) printDiagnostics(warnings);
    return pipelines;
  } catch (error) {
    if (options.json || !isTidemarkError(error, "PIPELINE_INVALID")) throw error;
    printDiagnostics(await checkPipelines(files, loading));
    const [message = error.message] = error.message.split(":");
    throw new TidemarkError(error.code, `${message}; nothing was run`, { cause: error });
  }
}

function printDiagnostics(diagnostics: readonly Diagnostic[]): void {
  for (const diagnostic of diagnostics) note(`${formatDiagnostic(diagnostic)}\n`);
}
