import type { z } from "zod";
import type { Filter, Input, Output, Pipeline } from "../engine/ports.ts";
import { TidemarkError } from "../errors.ts";
import { createFunctionFilter, type ScriptFunction } from "../filters/function.ts";
import type { ConfigPath, Finding } from "../findings.ts";
import { type BuildParts, buildFilter, buildInput, buildOutput, framed } from "./build.ts";
import { incoherencesOf, letterProblems } from "./coherence.ts";
import { parseConfig } from "./parse.ts";
import { builtInInputSchema, builtInOutputSchema, filterSchema, frameSchema } from "./schema.ts";
import { noOrigins } from "./source.ts";

type FilterDeclaration = z.input<typeof filterSchema>;

/** A pipeline in code: what its file would say, and where it suits objects and functions of your own. */
export type PipelineDefinition = z.input<typeof frameSchema> & {
  readonly input: z.input<typeof builtInInputSchema> | Input;
  readonly filters?: readonly (FilterDeclaration | Filter | ScriptFunction)[];
  readonly output: z.input<typeof builtInOutputSchema> | Output;
};

/**
 * Makes a pipeline in code. It is checked as a file would be; all errors come in one
 * `PIPELINE_INVALID`, listed in `details.diagnostics`. Paths begin at the working directory, and
 * `${NAME}` means nothing. A connector or an output of your own is given itself, by `connectorInput` or `moduleOutput`,
 * where a file names a module.
 *
 * ```ts
 * const pipeline = definePipeline({
 *   name: "events",
 *   input: { type: "httpPolling", endpoint: "https://source.example.com/api/events" },
 *   filters: [(record) => (record.amount > 10 ? record : null)],
 *   output: { type: "file", path: "events.jsonl" },
 * });
 * ```
 */
export function definePipeline(
  definition: PipelineDefinition,
  options: Partial<Omit<BuildParts, "folder">> = {},
): Pipeline {
  const parts: BuildParts = { folder: process.cwd(), params: {}, console: process.stdout, ...options };
  const { input, filters = [], output, ...frame } = definition;
  const findings: Finding[] = [];
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
  const builtFilters = filters.map((filter, index) => {
    if (typeof filter === "function")
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
  const errors = findings.filter(({ severity }) => severity === "error");
  if (errors.length > 0 || parsedFrame === null || builtInput === null || builtOutput === null) {
    throw invalid("pipeline", errors);
  }
  return framed(parsedFrame, builtInput, whole, builtOutput);
}

/**
 * Makes an output in code, for a `SyncEngine`: what a pipeline has under `output`. Throws
 * `PIPELINE_INVALID` with every error. Nothing is opened before it is used.
 *
 * ```ts
 * const output = defineOutput({ type: "file", path: "./contacts.jsonl" });
 * ```
 */
export function defineOutput(
  declaration: z.input<typeof builtInOutputSchema>,
  options: Partial<Pick<BuildParts, "console">> = {},
): Output {
  const { config, findings } = parseConfig(builtInOutputSchema, declaration, noOrigins, ["output"]);
  if (config === null) throw invalid("output", findings);
  const output = buildOutput(config, { console: process.stdout, ...options });
  const problems = letterProblems(output, []);
  if (problems.length > 0) throw invalid("output", problems);
  return output;
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

function invalid(what: "pipeline" | "output", findings: readonly Finding[]): TidemarkError {
  const count = findings.length === 1 ? "an error" : `${findings.length} errors`;
  const list = findings.map(({ message }) => message).join("; ");
  return new TidemarkError("PIPELINE_INVALID", `the ${what} has ${count}: ${list}`, {
    details: {
      diagnostics: findings.map(({ code, path, message, hint }) => ({ code, path, message, hint })),
    },
  });
}
