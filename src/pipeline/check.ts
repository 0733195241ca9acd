import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Writable } from "node:stream";
import type { Input, Output, Pipeline } from "../engine/ports.ts";
import { messageOf, TidemarkError } from "../errors.ts";
import { loadScript, scriptPath } from "../filters/script.ts";
import { type Finding, settingError, settingWarning } from "../findings.ts";
import { httpSettingWarnings } from "../inputs/http/setting-warnings.ts";
import { queryWarnings } from "../inputs/query/query-checks.ts";
import { sliceStartWarnings } from "../inputs/slice-warnings.ts";
import { formatStreamKey } from "../model/stream-key.ts";
import { redact } from "../secrets.ts";
import { utf8Text } from "../utf8.ts";
import { type BuildParts, buildInput, buildOutput, buildPipeline } from "./build.ts";
import { incoherencesOf } from "./coherence.ts";
import { databaseUrlFindings } from "./database-urls.ts";
import { byPlace, type Diagnostic } from "./diagnostics.ts";
import type { Environment } from "./environment.ts";
import { filterWarnings } from "./filter-warnings.ts";
import type { LoadedPart } from "./module-config.ts";
import { loadModuleInput } from "./module-input.ts";
import { loadModuleOutput } from "./module-output.ts";
import { parseConfig } from "./parse.ts";
import type { Placed } from "./placing.ts";
import { type DeclaredSchedule, declaredSchedule, scheduleFindings } from "./schedule.ts";
import { type InputConfig, type OutputConfig, type PipelineConfig, pipelineSchema } from "./schema.ts";
import { type Origins, readDocuments, type SourceDocument } from "./source.ts";

export interface LoadOptions {
  /** Variables for `${NAME}`; those of the process unless given. */
  readonly env?: Environment;
  /** Values of `--param name=value`: above the variables of the same names, and given to scripts. */
  readonly params?: Readonly<Record<string, string>>;
  /** Where a `console` output prints; standard output unless given. */
  readonly console?: Writable;
}

/** A pipeline as it was read from a file, ready to run. */
export interface LoadedPipeline extends Pipeline {
  readonly file: string;
  /** When `tidemark start` runs it; null where it declares nothing. */
  readonly schedule: DeclaredSchedule | null;
  /** The pipeline's own state (`storagePath`); null where it has none. */
  readonly stateUrl: string | null;
  /** Warnings, which do not keep it from running. */
  readonly warnings: readonly Diagnostic[];
}

/** What files hold: the pipelines that can run, and all that was found, in the order of the files. */
export interface Checked {
  readonly pipelines: readonly LoadedPipeline[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The pipeline files that a path means: itself, or every .yaml and .yml file in a folder. */
export async function pipelineFiles(path: string): Promise<string[]> {
  const found = await stat(path).catch((cause: unknown) => {
    throw notRead(path, cause, `no pipeline file is at ${path}`);
  });
  if (!found.isDirectory()) return [path];
  const all = await readdir(path).catch((cause: unknown) => {
    throw notRead(path, cause);
  });
  const names = all.filter((name) => /\.ya?ml$/i.test(name)).sort();
  if (names.length > 0) return names.map((name) => join(path, name));
  throw new TidemarkError("PIPELINE_NOT_FOUND", `the folder ${path} holds no .yaml or .yml file`);
}

/** Reads and checks pipeline files in full; only a file that cannot be read makes it throw. */
export async function checkFiles(files: readonly string[], options: LoadOptions): Promise<Checked> {
  const checks: FileCheck[] = [];
  for (const file of files) checks.push(...(await checkFile(file, options)));
  return checkedTogether(checks);
}

/** Combines the checks of single files: no two may claim one stream or one exclusive output. */
export function checkedTogether(checks: readonly FileCheck[]): Checked {
  const findings = [...checks.flatMap(({ diagnostics }) => diagnostics), ...sharedThings(checks)];
  const broken = new Set(findings.filter(({ severity }) => severity === "error").map(({ file }) => file));
  return {
    pipelines: checks.flatMap(({ pipeline, file }) =>
      pipeline === null || broken.has(file) ? [] : [pipeline],
    ),
    diagnostics: findings.toSorted(byPlace),
  };
}

/** One document of a file, as it was checked by itself. */
export interface FileCheck {
  readonly file: string;
  readonly pipeline: LoadedPipeline | null;
  readonly config: PipelineConfig | null;
  /** Null where its configuration cannot be read. */
  readonly output: Output | null;
  readonly diagnostics: readonly Diagnostic[];
  diagnose(finding: Finding): Diagnostic;
}

/** Reads and checks one file by itself. Throws where it cannot be read. */
export async function checkFile(file: string, options: LoadOptions): Promise<FileCheck[]> {
  const text = utf8Text(await readBytes(file));
  if (text === null) return [unreadableFile(file, "YAML_INVALID", "the file is no text in UTF-8")];
  const environment = { ...(options.env ?? process.env), ...options.params };
  const documents = readDocuments(text, environment);
  if (documents.length === 0) return [unreadableFile(file, "KEY_MISSING", "the file holds no pipeline")];
  return Promise.all(documents.map((document) => checkDocument(file, document, options)));
}

async function readBytes(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw notRead(file, cause);
  }
}

/** `missing`: the message where there is no such file. */
function notRead(path: string, cause: unknown, missing = `there is no file ${path}`): TidemarkError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new TidemarkError("PIPELINE_NOT_FOUND", missing, { cause });
  }
  return new TidemarkError("PIPELINE_NOT_FOUND", `${path} cannot be read: ${messageOf(cause)}`, {
    cause,
    hint: "Let the user that Tidemark runs as read the file and its folder.",
  });
}

/** A file without a document that can be read. */
function unreadableFile(file: string, code: "KEY_MISSING" | "YAML_INVALID", message: string): FileCheck {
  const diagnose = (finding: Finding) => diagnosticAt(file, { ...finding, line: 1, column: 1 });
  const diagnostics = [diagnose(settingError(code, [], message))];
  return { file, pipeline: null, config: null, output: null, diagnostics, diagnose };
}

async function checkDocument(file: string, source: SourceDocument, options: LoadOptions): Promise<FileCheck> {
  const diagnose = (finding: Finding) => diagnosticAt(file, source.place(finding));
  const parsed = source.readable
    ? parseConfig(pipelineSchema, source.value, source.origins)
    : { config: null, findings: [] };
  const described = [...source.findings, ...newFindings(parsed.findings, source.findings).map(source.place)];
  const diagnostics = described.map((placed) => diagnosticAt(file, placed));
  if (parsed.config === null || described.length > 0) {
    return { file, pipeline: null, config: parsed.config, output: null, diagnostics, diagnose };
  }
  const built = await checkConfig(parsed.config, buildParts(file, options), source.origins);
  const warnings = built.findings.map(diagnose);
  const pipeline =
    built.pipeline === null
      ? null
      : { ...built.pipeline, ...scheduleAndState(parsed.config), file, warnings };
  return { file, pipeline, config: parsed.config, output: built.output, diagnostics: warnings, diagnose };
}

/** Errors that only follow from another error are not reported. */
function newFindings(findings: readonly Finding[], before: readonly Finding[]): Finding[] {
  const places = new Set(
    before.filter(({ path }) => path.length > 0).map(({ path }) => JSON.stringify(path)),
  );
  return findings.filter(({ path }) => !places.has(JSON.stringify(path)));
}

function buildParts(file: string, options: LoadOptions): BuildParts {
  return {
    folder: dirname(resolve(file)),
    params: options.params ?? {},
    console: options.console ?? process.stdout,
  };
}

async function checkConfig(
  config: PipelineConfig,
  parts: BuildParts,
  origins: Origins,
): Promise<{ pipeline: Pipeline | null; output: Output | null; findings: Finding[] }> {
  const { part: input, findings: ofInput } = await loadInput(config.input, parts, origins);
  const { part: output, findings: ofOutput } = await loadOutput(config.output, parts, origins);
  const pipeline = input === null || output === null ? null : buildPipeline(config, { input, output }, parts);
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
    pipeline,
    output,
    findings: [
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

/** Two pipelines of one stream would each move the other's place; of one exclusive output, write into each other. */
function sharedThings(checks: readonly FileCheck[]): Diagnostic[] {
  const streams = new Map<string, Diagnostic>();
  const outputs = new Map<string, Diagnostic>();
  return checks.flatMap((check) => {
    const { config, output } = check;
    if (config === null) return [];
    const { name, connector = name, stream } = config;
    const key = formatStreamKey({ connector, stream });
    const shared = [
      taken(streams, key, check, `the stream ${key}`, config.connector === undefined ? "name" : "connector"),
    ];
    const exclusive = output?.exclusive;
    if (exclusive !== undefined) {
      shared.push(taken(outputs, exclusive.id, check, exclusive.name, "output"));
    }
    return shared.filter((diagnostic) => diagnostic !== null);
  });
}

/** Returns an error if the stream or output is already claimed; claims it otherwise. */
function taken(
  before: Map<string, Diagnostic>,
  thing: string,
  check: FileCheck,
  described: string,
  key: string,
): Diagnostic | null {
  const first = before.get(thing);
  const diagnose = (message: string) =>
    check.diagnose(settingError("CONFIG_INCOHERENT", [key], message, { part: "key" }));
  if (first !== undefined)
    return diagnose(`${described} is already that of the pipeline at ${first.file}:${first.line}`);
  before.set(thing, diagnose(described));
  return null;
}

function diagnosticAt(file: string, { line, column, severity, code, message, hint }: Placed): Diagnostic {
  const clean = { file, line, column, severity, code, message: redact(message) };
  return hint === undefined ? clean : { ...clean, hint: redact(hint) };
}
