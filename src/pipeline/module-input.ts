import type { Input } from "../engine/ports.ts";
import { createModuleInput, loadConnector } from "../inputs/module/load.ts";
import type { ModuleInputConfig } from "../inputs/module/schema.ts";
import { type LoadedPart, loadModulePart } from "./module-config.ts";
import type { Origins } from "./source.ts";

/** The input that a module declares, with the connector's errors about `config`. */
export function loadModuleInput(
  config: ModuleInputConfig,
  folder: string,
  origins: Origins,
): Promise<LoadedPart<Input>> {
  return loadModulePart({
    at: "input",
    config: config.config,
    origins,
    load: () => loadConnector(config, folder),
    make: (connector, parsed) => createModuleInput(config, connector, parsed, folder),
  });
}
