import type { Output } from "../engine/ports.ts";
import { createOutputOfModule, loadOutputModule } from "../outputs/module/load.ts";
import type { ModuleOutputConfig } from "../outputs/module/schema.ts";
import { type LoadedPart, loadModulePart } from "./module-config.ts";
import type { Origins } from "./source.ts";

/** The output that a module declares, with the module's errors about `config`. */
export function loadModuleOutput(
  config: ModuleOutputConfig,
  folder: string,
  origins: Origins,
): Promise<LoadedPart<Output>> {
  return loadModulePart({
    at: "output",
    config: config.config,
    origins,
    load: () => loadOutputModule(config, folder),
    make: (module, parsed) => createOutputOfModule(config, module, parsed, folder),
  });
}
