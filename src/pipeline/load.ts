import { isTidemarkError, TidemarkError } from "../errors.ts";
import {
  type Checked,
  checkedTogether,
  checkFile,
  checkFiles,
  type FileCheck,
  type LoadedPipeline,
  type LoadOptions,
  pipelineFiles,
} from "./check.ts";
import { type Diagnostic, formatDiagnostic } from "./diagnostics.ts";
import type { PipelineConfig } from "./schema.ts";

/**
 * Reads pipelines from YAML files, and from every .yaml and .yml file of folders. A file may hold
 * several, as YAML documents, and a document with `input.streams` holds one for each stream; these have
 * the same `set`. Paths of scripts begin at the pipeline file; paths of data, such as
 * `sqlite:./events.db` or an output file, at the working directory.
 *
 * Throws `PIPELINE_NOT_FOUND`, and `PIPELINE_INVALID` with every error of every file in
 * `details.diagnostics`. Scripts of `script` filters are imported.
 *
 * ```ts
 * const [pipeline] = await loadPipelines(["events.yaml"]);
 * ```
 */
export async function loadPipelines(
  paths: readonly string[],
  options: LoadOptions = {},
): Promise<LoadedPipeline[]> {
  return (await loadConfigured(paths, options)).map(({ pipeline }) => pipeline);
}

/** A pipeline, and the settings that it was made of. */
export interface ConfiguredPipeline {
  readonly pipeline: LoadedPipeline;
  readonly config: PipelineConfig;
}

/** As `loadPipelines`, with what each pipeline declares. */
export async function loadConfigured(
  paths: readonly string[],
  options: LoadOptions = {},
): Promise<ConfiguredPipeline[]> {
  const files: string[] = [];
  for (const path of paths) files.push(...(await pipelineFiles(path)));
  const checks: FileCheck[] = [];
  for (const file of new Set(files)) checks.push(...(await checkFile(file, options)));
  const errors = checkedTogether(checks).diagnostics.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw invalid(errors);
  const streams = checks.flatMap((check) => check.streams);
  return streams.flatMap(({ pipeline, config }) => (pipeline === null ? [] : [{ pipeline, config }]));
}

/**
 * All errors and warnings of pipeline files, in their order; a path without a file is one of them.
 *
 * ```ts
 * const found = await checkPipelines(["pipelines/"]);
 * for (const { file, line, code, message } of found) console.log(`${file}:${line} ${code} ${message}`);
 * ```
 */
export async function checkPipelines(
  paths: readonly string[],
  options: LoadOptions = {},
): Promise<readonly Diagnostic[]> {
  return (await checkPaths(paths, options)).diagnostics;
}

/** As `checkPipelines`, with the pipelines that can run. */
export async function checkPaths(paths: readonly string[], options: LoadOptions): Promise<Checked> {
  const files: string[] = [];
  const missing: Diagnostic[] = [];
  for (const path of paths) {
    try {
      files.push(...(await pipelineFiles(path)));
    } catch (error) {
      if (!isTidemarkError(error, "PIPELINE_NOT_FOUND")) throw error;
      const { message } = error;
      missing.push({
        file: path,
        line: 1,
        column: 1,
        severity: "error",
        code: "PIPELINE_NOT_FOUND",
        message,
      });
    }
  }
  const { pipelines, diagnostics } = await checkFiles([...new Set(files)], options);
  return { pipelines, diagnostics: [...missing, ...diagnostics] };
}

function invalid(diagnostics: readonly Diagnostic[]): TidemarkError {
  const [first] = diagnostics;
  const count = diagnostics.length === 1 ? "an error" : `${diagnostics.length} errors`;
  const list = diagnostics.map(formatDiagnostic).join("; ");
  return new TidemarkError("PIPELINE_INVALID", `the pipeline has ${count}: ${list}`, {
    details: { diagnostics },
    ...(first === undefined ? {} : { where: { file: first.file, line: first.line, column: first.column } }),
  });
}
