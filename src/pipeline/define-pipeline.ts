import type { z } from "zod";
import type { Filter, Input, Output, Pipeline } from "../engine/ports.ts";
import { TidemarkError } from "../errors.ts";
import { createFunctionFilter, type ScriptFunction } from "../filters/function.ts";
import { type ConfigPath, type Finding, settingError } from "../findings.ts";
import { isPlainObject } from "../model/plain-object.ts";
import { type BuildParts, buildFilter, buildInput, buildOutput, framed } from "./build.ts";
import { concurrencyProblems, incoherencesOf } from "./coherence.ts";
import { parseConfig } from "./parse.ts";
import { builtInInputSchema, builtInOutputSchema, filterSchema, frameSchema } from "./schema.ts";
import { noOrigins } from "./source.ts";

/** A pipeline in code, before it is checked: declarations, and objects and functions in their place. */
export interface RawDefinition {
  readonly input?: unknown;
  readonly filters?: unknown;
  readonly output?: unknown;
}

/** A pipeline that was made in code; null where there are errors. */
export interface DefinedPipeline {
  readonly pipeline: Pipeline | null;
  readonly findings: readonly Finding[];
}

/** What building in code needs, where the caller does not say. */
export function partsInCode(options: Partial<Omit<BuildParts, "folder">>): BuildParts {
  return { folder: process.cwd(), params: {}, console: process.stdout, ...options };
}

/** Makes a pipeline in code, and says what is wrong with its definition. */
export function definedPipeline(definition: RawDefinition, parts: BuildParts): DefinedPipeline {
  const { input, filters, output, ...frame } = definition;
  const findings: Finding[] = [...streamsProblems(input)];
  const parse = <T>(schema: z.ZodType<T>, raw: unknown, base: ConfigPath): T | null => {
    const parsed = parseConfig(schema, raw, noOrigins, base);
    findings.push(...parsed.findings);
    return parsed.config;
  };
  const parsedFrame = parse(frameSchema, frame, []);
  const builtInput = isPart<Input>(input, "open")
    ? input
    : built(parse(builtInInputSchema, input, ["input"]), buildInput);
  const filterParts = { ...parts, key: builtInput?.incremental.key ?? null };
  const builtFilters = listOf(filters).map((filter, index) => {
    if (isScriptFunction(filter))
      return createFunctionFilter(filter, { ...filterParts, name: nameOf(filter, index) });
    if (isPart<Filter>(filter, "apply")) return filter;
    return built(parse(filterSchema, filter, ["filters", index]), (config) =>
      buildFilter(config, filterParts),
    );
  });
  const builtOutput = isPart<Output>(output, "open")
    ? output
    : built(parse(builtInOutputSchema, output, ["output"]), (config) => buildOutput(config, parts));
  const whole = builtFilters.filter((filter) => filter !== null);
  if (builtInput !== null && builtOutput !== null)
    findings.push(...incoherencesOf(builtInput, builtOutput, whole));
  if (parsedFrame !== null) findings.push(...concurrencyProblems(parsedFrame));
  const isWhole = parsedFrame !== null && builtInput !== null && builtOutput !== null;
  if (!isWhole || findings.some(({ severity }) => severity === "error")) return { pipeline: null, findings };
  return { pipeline: framed(parsedFrame, builtInput, whole, builtOutput), findings };
}

function streamsProblems(input: unknown): Finding[] {
  if (!isPlainObject(input) || input.streams === undefined) return [];
  const hint = "use `defineStreams`, or `definePipeline` for each stream";
  const message = "`input.streams` declares several pipelines, and `definePipeline` makes one";
  return [settingError("CONFIG_INCOHERENT", ["input", "streams"], message, { part: "key", hint })];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

function isScriptFunction(value: unknown): value is ScriptFunction {
  return typeof value === "function";
}

function built<C, T>(config: C | null, build: (config: C) => T): T | null {
  return config === null ? null : build(config);
}

function isPart<T extends object>(value: unknown, method: "open" | "apply"): value is T {
  return (
    typeof value === "object" &&
    value !== null &&
    method in value &&
    typeof Reflect.get(value, method) === "function"
  );
}

function nameOf(filter: ScriptFunction, index: number): string {
  return filter.name === "" ? `filter ${index + 1}` : `filter ${filter.name}`;
}

export function invalid(what: "pipeline" | "output", findings: readonly Finding[]): TidemarkError {
  const count = findings.length === 1 ? "an error" : `${findings.length} errors`;
  const list = findings.map(({ message }) => message).join("; ");
  return new TidemarkError("PIPELINE_INVALID", `the ${what} has ${count}: ${list}`, {
    details: {
      diagnostics: findings.map(({ code, path, message, hint }) => ({ code, path, message, hint })),
    },
  });
}
