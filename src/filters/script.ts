import { resolve } from "node:path";
import { z } from "zod";
import type { Filter } from "../engine/ports.ts";
import { importUserModule } from "../engine/user-code/user-module.ts";
import { TidemarkError } from "../errors.ts";
import { kindOf } from "../model/plain-object.ts";
import { applyFunction, type FunctionFilterParts, type ScriptFunction } from "./function.ts";
import { filterOnError, filterOnErrorShape } from "./on-error.ts";

export const scriptFilterSchema = z
  .strictObject({
    type: z.literal("script").describe("Runs your function on every record."),
    path: z
      .string()
      .min(1)
      .describe(
        "A .ts, .js or .mjs file, relative to the pipeline file, whose default export is `(record, context) => record | record[] | null`, or a promise of that. null drops the record. undefined fails the run.",
      ),
    ...filterOnErrorShape,
  })
  .describe("Runs your function on every record.");

export type ScriptFilterConfig = z.infer<typeof scriptFilterSchema>;

/** Where a script's path leads. */
export function scriptPath(config: ScriptFilterConfig, folder: string): string {
  return resolve(folder, config.path);
}

/**
 * Imports a script and returns its default export. TypeScript runs by type stripping. Throws
 * `PIPELINE_INVALID` where the file is missing, cannot be loaded, or exports no function.
 */
export async function loadScript(path: string): Promise<ScriptFunction> {
  const run = await importUserModule(path, "script");
  if (isScriptFunction(run)) return run;
  throw new TidemarkError(
    "PIPELINE_INVALID",
    `the script ${path} has ${run === undefined ? "no default export" : `${kindOf(run)} as its default export`}`,
    { hint: "Write `export default (record, context) => …` in it." },
  );
}

function isScriptFunction(value: unknown): value is ScriptFunction {
  return typeof value === "function";
}

/** A filter that imports its script when its first batch comes, or sooner where it was loaded before. */
export function createScriptFilter(
  config: ScriptFilterConfig,
  parts: Omit<FunctionFilterParts, "name" | "file"> & { readonly folder: string },
): Filter {
  const path = scriptPath(config, parts.folder);
  const named = { ...parts, name: `script ${config.path}`, file: path };
  let loading: Promise<ScriptFunction> | undefined;
  return {
    kind: "script",
    name: config.path,
    ...filterOnError(config),
    async apply(records, context) {
      loading ??= loadScript(path);
      return applyFunction(await loading, records, context, named);
    },
  };
}
