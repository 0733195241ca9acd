import { dirname, resolve } from "node:path";
import type { Input, Output, Pipeline } from "../engine/ports.ts";
import { messageOf } from "../errors.ts";
import { loadScript, scriptPath } from "../filters/script.ts";
import { type Finding, settingError, settingWarning } from "../findings.ts";
import { httpSettingWarnings } from "../inputs/http/setting-warnings.ts";
import { queryWarnings } from "../inputs/query/query-checks.ts";
import { sliceStartWarnings } from "../inputs/slice-warnings.ts";
import { type BuildParts, type buildFilters, buildInput, buildOutput, buildPipeline } from "./build.ts";
import { concurrencyProblems, incoherencesOf } from "./coherence.ts";
import { databaseUrlFindings } from "./database-urls.ts";
import type { LoadOptions } from "./file-check.ts";
import { filterWarnings } from "./filter-warnings.ts";
import type { LoadedPart } from "./module-config.ts";
import { loadModuleInput } from "./module-input.ts";
import { loadModuleOutput } from "./module-output.ts";
import { declaredSchedule, scheduleFindings } from "./schedule.ts";
import type { InputConfig, OutputConfig, PipelineConfig } from "./schema.ts";
import type { Origins } from "./source.ts";
import type { LoadedPipeline } from "./streams/stream-set.ts";

/** A configuration that was built: what can run, and what was found about it. */
export interface Built {
  readonly pipeline: (Pipeline & Pick<LoadedPipeline, "schedule" | "stateUrl">) | null;
  readonly output: Output | null;
  readonly findings: readonly Finding[];
}

export function buildParts(file: string, options: LoadOptions): BuildParts {
  return {
    folder: dirname(resolve(file)),
    params: options.params ?? {},
    console: options.console ?? process.stdout,
  };
}

/** Builds a configuration, and says what is wrong with settings that are each valid alone. */
export async function checkConfig(
  config: PipelineConfig,
  parts: BuildParts,
  origins: Origins,
  filtersOf?: typeof buildFilters,
): Promise<Built> {
  const { part: input, findings: ofInput } = await loadInput(config.input, parts, origins);
  const { part: output, findings: ofOutput } = await loadOutput(config.output, parts, origins);
  const pipeline =
    input === null || output === null ? null : buildPipeline(config, { input, output }, parts, filtersOf);
  const scripts = await scriptErrors(config, parts.folder);
  const schedule = await scheduleFindings(config.input);
  const incoherences =
    pipeline === null
      ? []
      : [
          ...incoherencesOf(pipeline.input, pipeline.output, pipeline.filters),
          ...inputWarnings(config.input, pipeline),
          ...filterWarnings(config.filters, pipeline.input),
        ];
  return {
    pipeline: pipeline === null ? null : { ...pipeline, ...scheduleAndState(config) },
    output,
    findings: [
      ...concurrencyProblems(config),
      ...ofInput,
      ...ofOutput,
      ...schedule,
      ...incoherences,
      ...queryFindings(config.input),
      ...(await databaseUrlFindings(config)),
      ...scripts,
    ],
  };
}

function inputWarnings(config: InputConfig, { input, output }: Pipeline): Finding[] {
  return config.type === "httpPolling"
    ? httpSettingWarnings(config, input.incremental, output)
    : sliceStartWarnings(input.incremental);
}

async function loadInput(
  config: InputConfig,
  parts: BuildParts,
  origins: Origins,
): Promise<LoadedPart<Input>> {
  if (config.type === "module") return loadModuleInput(config, parts.folder, origins);
  return { part: buildInput(config), findings: [] };
}

async function loadOutput(
  config: OutputConfig,
  parts: BuildParts,
  origins: Origins,
): Promise<LoadedPart<Output>> {
  if (config.type === "module") return loadModuleOutput(config, parts.folder, origins);
  return { part: buildOutput(config, parts), findings: [] };
}

function queryFindings(input: InputConfig): Finding[] {
  if (input.type !== "database") return [];
  return queryWarnings(input).map(({ code, message, offset, hint }) =>
    settingWarning(code, ["input", "query"], message, { part: "value", offset, hint }),
  );
}

/** Scripts are imported here, so that a broken one is reported before anything runs. */
async function scriptErrors(config: PipelineConfig, folder: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [index, filter] of config.filters.entries()) {
    if (filter.type !== "script") continue;
    const error = await loadScript(scriptPath(filter, folder)).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (error !== null)
      findings.push(settingError("SCRIPT_INVALID", ["filters", index, "path"], messageOf(error)));
  }
  return findings;
}

function scheduleAndState({ input }: PipelineConfig): Pick<LoadedPipeline, "schedule" | "stateUrl"> {
  const { storagePath } = input.statePersistence;
  return {
    schedule: declaredSchedule(input),
    stateUrl: storagePath === undefined ? null : `file:${storagePath}`,
  };
}
