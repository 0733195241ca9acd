import { statSync } from "node:fs";
import { TidemarkError } from "../../errors.ts";
import type { Log } from "../../observability/log.ts";
import type { LoadedPipeline } from "../../pipeline/check.ts";
import { type Diagnostic, formatDiagnostic } from "../../pipeline/diagnostics.ts";
import type { DeclaredSchedule } from "../../pipeline/schedule.ts";
import type { FileChange, PipelineFiles } from "../../schedule/pipeline-files.ts";

/** A pipeline that says when it is run. */
export type ScheduledPipeline = LoadedPipeline & { readonly schedule: DeclaredSchedule };

export function scheduledOf(pipelines: readonly LoadedPipeline[]): ScheduledPipeline[] {
  return pipelines.filter(isScheduled);
}

function isScheduled(pipeline: LoadedPipeline): pipeline is ScheduledPipeline {
  return pipeline.schedule !== null;
}

/**
 * Loads the pipelines for the first time. A named file must be valid and have a schedule; in a folder, what cannot run
 * is logged and the rest runs. Throws `PIPELINE_NOT_FOUND`, `PIPELINE_INVALID`, and `CONFIG_INCOHERENT` where nothing
 * is left to run.
 */
export async function loadFirst(paths: readonly string[], files: PipelineFiles, log: Log): Promise<void> {
  const named = new Set<string>();
  for (const path of paths) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) {
      throw new TidemarkError("PIPELINE_NOT_FOUND", `no pipeline file or folder is at ${path}`);
    }
    if (!found.isDirectory()) named.add(path);
  }
  const changes = await files.refresh();
  assertNoErrors(changes.filter(({ file }) => named.has(file)));
  for (const change of changes) logDiagnostics(change.diagnostics, log);
  const idle = files.pipelines.filter((pipeline) => !isScheduled(pipeline));
  const refused = idle.find(({ file }) => named.has(file));
  if (refused !== undefined) throw unscheduled(refused);
  for (const pipeline of idle) logUnscheduled(pipeline, log);
  if (idle.length === files.pipelines.length) throw nothingToRun(paths);
}

function assertNoErrors(changes: readonly FileChange[]): void {
  const errors = changes.flatMap(({ diagnostics }) => diagnostics).filter(isError);
  const [first] = errors;
  if (first === undefined) return;
  const { file, line, column } = first;
  const count = errors.length === 1 ? "an error" : `${errors.length} errors`;
  const list = errors.map(formatDiagnostic).join("; ");
  throw new TidemarkError("PIPELINE_INVALID", `the pipeline has ${count}; nothing was started: ${list}`, {
    details: { diagnostics: errors },
    where: { file, line, column },
  });
}

function unscheduled({ file, name }: LoadedPipeline): TidemarkError {
  return new TidemarkError("CONFIG_INCOHERENT", `the pipeline ${name} has no \`input.schedule\``, {
    hint: "Add one, for example `schedule: '*/10 * * * *'`, or run it once with `tidemark run`.",
    where: { file },
  });
}

function nothingToRun(paths: readonly string[]): TidemarkError {
  return new TidemarkError("CONFIG_INCOHERENT", `no pipeline with a schedule is in ${paths.join(", ")}`, {
    hint: "Add an `input.schedule` to the pipelines. `tidemark validate` lists the errors in files.",
  });
}

/** What has changed since, as log lines; `files` are as they are now. */
export function logChanges(changes: readonly FileChange[], files: PipelineFiles, log: Log): void {
  for (const { file, kind, diagnostics } of changes) {
    logDiagnostics(diagnostics, log);
    if (kind === "broken") log.error({ file }, "the file has errors; its former pipelines go on running");
    else log.info({ file }, `pipeline file ${kind}`);
    for (const pipeline of files.pipelines) {
      if (pipeline.file === file && !isScheduled(pipeline)) logUnscheduled(pipeline, log);
    }
  }
}

function logUnscheduled({ file, name, key }: LoadedPipeline, log: Log): void {
  log.warn({ ...key, file, pipeline: name }, "the pipeline has no schedule and is not run");
}

function logDiagnostics(diagnostics: readonly Diagnostic[], log: Log): void {
  for (const diagnostic of diagnostics) {
    const { file, line, column, code, message, hint } = diagnostic;
    const fields = { where: `${file}:${line}:${column}`, code, ...(hint === undefined ? {} : { hint }) };
    if (isError(diagnostic)) log.error(fields, message);
    else log.warn(fields, message);
  }
}

function isError({ severity }: Diagnostic): boolean {
  return severity === "error";
}
