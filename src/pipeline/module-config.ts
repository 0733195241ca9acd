import { z } from "zod";
import { messageOf } from "../errors.ts";
import { type Finding, settingError } from "../findings.ts";
import { parseConfig } from "./parse.ts";
import type { Origins } from "./source.ts";

/** The result of a pipeline part that is user code. */
export interface LoadedPart<Part> {
  /** Null where it cannot be made. */
  readonly part: Part | null;
  readonly findings: readonly Finding[];
}

export interface ModulePart<Module, Part> {
  /** The pipeline's key that declares it. */
  readonly at: "input" | "output";
  /** What the pipeline declares under `config`. */
  readonly config: unknown;
  readonly origins: Origins;
  /** Imports the module; its error is reported at `path`. */
  readonly load: () => Promise<Module>;
  /** Makes the part from the parsed `config`; its error is reported at `path`. */
  readonly make: (module: Module, config: unknown) => Part;
}

/**
 * The part that a module declares. The module is imported here, so that it can say what is wrong with `config`, each
 * error at its place in the file.
 */
export async function loadModulePart<
  Module extends { readonly id: string; readonly configSchema?: z.ZodType },
  Part,
>({ at, config = {}, origins, load, make }: ModulePart<Module, Part>): Promise<LoadedPart<Part>> {
  const failed = (error: unknown): LoadedPart<Part> => ({
    part: null,
    findings: [settingError("SCRIPT_INVALID", [at, "path"], messageOf(error))],
  });
  try {
    const module = await load();
    const read = readConfig(module, { at, config, origins });
    return read.findings.length > 0
      ? { part: null, findings: read.findings }
      : { part: make(module, read.config), findings: [] };
  } catch (error) {
    return failed(error);
  }
}

function readConfig(
  { id, configSchema }: { readonly id: string; readonly configSchema?: z.ZodType },
  { at, config, origins }: Pick<ModulePart<unknown, unknown>, "at" | "config" | "origins">,
): { readonly config: unknown; readonly findings: readonly Finding[] } {
  if (configSchema === undefined) return { config, findings: [] };
  // Read as a part of the whole file, so that findings and variables have the paths they have there.
  const schema = z.looseObject({ [at]: z.looseObject({ config: configSchema }) });
  try {
    const parsed = parseConfig(schema, { [at]: { config } }, origins);
    return parsed.config === null ? parsed : { config: parsed.config[at]?.config, findings: [] };
  } catch (error) {
    throw new Error(`the \`configSchema\` of ${id} cannot be used: ${messageOf(error)}`);
  }
}
