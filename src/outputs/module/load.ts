import { resolve } from "node:path";
import type { Output } from "../../engine/ports.ts";
import { importUserModule } from "../../engine/user-code/user-module.ts";
import { TidemarkError } from "../../errors.ts";
import { onErrorOf } from "../dead-letters/schema.ts";
import { createModuleOutput } from "./module-output.ts";
import { isOutputModule, type OutputModule, outputModuleProblem } from "./output-module.ts";
import type { ModuleOutputConfig } from "./schema.ts";

/**
 * Imports the file and returns its output module. Throws `PIPELINE_INVALID` where the file is missing, cannot be
 * loaded, or exports none.
 */
export async function loadOutputModule(
  { path }: Pick<ModuleOutputConfig, "path">,
  folder: string,
): Promise<OutputModule> {
  const file = resolve(folder, path);
  const exported = await importUserModule(file, "module");
  if (isOutputModule(exported)) return exported;
  const problem = exported === undefined ? "it has no default export" : outputModuleProblem(exported);
  throw new TidemarkError("PIPELINE_INVALID", `the module ${file} exports no output module: ${problem}`, {
    hint: "Write `export default defineOutputModule({ id, create: (config) => ({ guarantee, appends, open }) })` in it.",
  });
}

/** The output of a loaded module; `parsed` is `config` as its schema parsed it. Throws as `createModuleOutput`. */
export function createOutputOfModule(
  config: ModuleOutputConfig,
  module: OutputModule,
  parsed: unknown,
  folder: string,
): Output {
  return createModuleOutput(module, parsed, {
    onError: onErrorOf(config),
    file: resolve(folder, config.path),
  });
}
