import type { z } from "zod";
import type { Filter, Input, Output, Pipeline } from "../engine/ports.ts";
import type { ScriptFunction } from "../filters/function.ts";
import { type BuildParts, buildOutput } from "./build.ts";
import { letterProblems } from "./coherence.ts";
import { definedPipeline, invalid, partsInCode } from "./define-pipeline.ts";
import { parseConfig } from "./parse.ts";
import type { builtInInputSchema, filterSchema, frameSchema } from "./schema.ts";
import { builtInOutputSchema } from "./schema.ts";
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
  const { pipeline, findings } = definedPipeline(definition, partsInCode(options));
  if (pipeline === null)
    throw invalid(
      "pipeline",
      findings.filter(({ severity }) => severity === "error"),
    );
  return pipeline;
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
