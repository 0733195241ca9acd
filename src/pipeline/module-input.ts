import { z } from "zod";
import type { Connector } from "../engine/connector/connector.ts";
import type { Input } from "../engine/ports.ts";
import { messageOf } from "../errors.ts";
import { createModuleInput, loadConnector } from "../inputs/module/load.ts";
import type { ModuleInputConfig } from "../inputs/module/schema.ts";
import { type Finding, mistake } from "./diagnostics.ts";
import { parseConfig } from "./parse.ts";
import type { Origins } from "./source.ts";

export interface LoadedInput {
  readonly input: Input | null;
  readonly findings: readonly Finding[];
}

/**
 * The input that a module declares. The module is imported here, so that its connector can say what
 * is wrong with `config`, each mistake at its place in the file.
 */
export async function loadModuleInput(
  config: ModuleInputConfig,
  folder: string,
  origins: Origins,
): Promise<LoadedInput> {
  let connector: Connector;
  try {
    connector = await loadConnector(config, folder);
  } catch (error) {
    return { input: null, findings: [mistake("SCRIPT_INVALID", ["input", "path"], messageOf(error))] };
  }
  const { configSchema, id } = connector;
  if (configSchema === undefined) {
    return { input: createModuleInput(config, connector, config.config ?? {}, folder), findings: [] };
  }
  // Read as a part of the whole file, so that findings and variables have the paths they have there.
  const schema = z.looseObject({ input: z.looseObject({ config: configSchema }) });
  try {
    const parsed = parseConfig(schema, { input: { config: config.config ?? {} } }, origins);
    if (parsed.config === null) return { input: null, findings: parsed.findings };
    return { input: createModuleInput(config, connector, parsed.config.input.config, folder), findings: [] };
  } catch (error) {
    const message = `the \`configSchema\` of ${id} cannot be used: ${messageOf(error)}`;
    return { input: null, findings: [mistake("SCRIPT_INVALID", ["input", "path"], message)] };
  }
}
