import { resolve } from "node:path";
import { type Connector, connectorProblem, isConnector } from "../../engine/connector/connector.ts";
import { createConnectorInput } from "../../engine/connector/connector-input.ts";
import type { Input } from "../../engine/ports.ts";
import { importUserModule } from "../../engine/user-code/user-module.ts";
import { TidemarkError } from "../../errors.ts";
import type { ModuleInputConfig } from "./schema.ts";

/**
 * Imports the module and returns its connector. Throws `PIPELINE_INVALID` where the file is missing,
 * cannot be loaded, or exports none.
 */
export async function loadConnector({ path }: ModuleInputConfig, folder: string): Promise<Connector> {
  const file = resolve(folder, path);
  const exported = await importUserModule(file, "module");
  if (isConnector(exported)) return exported;
  const problem = exported === undefined ? "it has no default export" : connectorProblem(exported);
  throw new TidemarkError("PIPELINE_INVALID", `the module ${file} exports no connector: ${problem}`, {
    hint: "Write `export default defineConnector({ id, async *sync({ since, cursor }) { … } })` in it.",
  });
}

/** The input of a loaded connector; `parsed` is what its schema has made of `config`. */
export function createModuleInput(
  config: ModuleInputConfig,
  connector: Connector,
  parsed: unknown,
  folder: string,
): Input {
  const { batchSize, key } = config;
  const file = resolve(folder, config.path);
  return createConnectorInput(connector, parsed, { batchSize, file, ...(key === undefined ? {} : { key }) });
}
