import { z } from "zod";
import type { OnError, Output, OutputContext, OutputSession } from "../../engine/ports.ts";
import { failOnRefusal } from "../../engine/refusals/refusals.ts";
import { inUserCode } from "../../engine/user-code/user-code.ts";
import { readUserConfig } from "../../engine/user-code/user-config.ts";
import { messageOf, TidemarkError } from "../../errors.ts";
import { onErrorOf, onErrorShape, validateOnError } from "../dead-letters/schema.ts";
import { guardedSession } from "./guarded-session.ts";
import { ModuleCode } from "./module-code.ts";
import { moduleRefusals } from "./module-refusals.ts";
import {
  defineOutputModule,
  type ModuleOutput,
  type OutputModule,
  outputProblem,
  readerProblem,
  sessionProblem,
} from "./output-module.ts";

const optionsSchema = z
  .strictObject({ config: z.unknown().optional(), ...onErrorShape })
  .superRefine(validateOnError);

/** What a pipeline declares next to the module itself, with the same keys as in a file. */
export type ModuleOutputOptions = z.input<typeof optionsSchema>;

/**
 * The output of a module, for a pipeline in code, a `SyncEngine`, or the cases of `outputContract`. Throws
 * `ARGUMENT_INVALID` for a value that is not an output module, and for invalid options or configuration.
 *
 * ```ts
 * const output = moduleOutput(jsonlLog, { config: { path: "./orders.jsonl" }, onError: "skip" });
 * ```
 */
export function moduleOutput(module: OutputModule, options: ModuleOutputOptions = {}): Output {
  const { id, configSchema = z.unknown() } = defineOutputModule(module);
  const { config = {}, ...rest } = readUserConfig(optionsSchema, options, `the options of the output ${id}`);
  const read = readUserConfig(configSchema, config, `the configuration of the output ${id}`);
  return createModuleOutput(module, read, { onError: onErrorOf(rest) });
}

/**
 * As `moduleOutput`, with a configuration that the module's schema has already parsed. Throws `PIPELINE_INVALID` where
 * the module's `create` throws, or does not return an output.
 */
export function createModuleOutput(
  module: OutputModule,
  config: unknown,
  { onError, file }: { readonly onError: OnError; readonly file?: string },
): Output {
  const made = created(module, config, file);
  const { guarantee, appends, upsertKey, toReplace, exclusive, prints, receipts } = made;
  const code = (signal: AbortSignal): ModuleCode => new ModuleCode(module.id, file, signal);
  return {
    kind: module.id,
    guarantee,
    appends,
    ...(upsertKey === undefined ? {} : { upsertKey }),
    ...(toReplace === undefined ? {} : { toReplace }),
    ...(exclusive === undefined ? {} : { exclusive }),
    ...(prints === undefined ? {} : { prints }),
    ...(receipts === undefined ? {} : { receipts }),
    onError,
    open: (context) => openSession(module.id, made, code(context.signal), context),
    ...guardedReader(made, code),
  };
}

function created(module: OutputModule, config: unknown, file: string | undefined): ModuleOutput {
  const { id } = module;
  const code = {
    name: `the output module ${id}`,
    code: "PIPELINE_INVALID",
    ...(file === undefined ? {} : { file }),
  } as const;
  let made: ModuleOutput;
  try {
    made = inUserCode(code, () => module.create(config));
  } catch (cause) {
    throw new TidemarkError("PIPELINE_INVALID", `the \`create\` of ${id} threw: ${messageOf(cause)}`, {
      cause,
    });
  }
  const problem = outputProblem(made);
  if (problem === null) return made;
  throw new TidemarkError("PIPELINE_INVALID", `the \`create\` of ${id} makes no output: ${problem}`, {
    hint: "Return `{ guarantee, appends, open }` from it.",
  });
}

async function openSession(
  id: string,
  made: ModuleOutput,
  code: ModuleCode,
  context: OutputContext,
): Promise<OutputSession> {
  const { refusals: given = failOnRefusal } = context;
  let refused = 0;
  const refusals = moduleRefusals(given, { id, key: made.upsertKey ?? [], onRefused: () => void refused++ });
  const opened = await code.run("open", () => made.open({ ...context, refusals }));
  const problem = sessionProblem(opened, made);
  if (problem !== null) throw code.failed(`its \`open\`: ${problem}`);
  return guardedSession(opened, code, () => refused);
}

/** Opens the written records for reading, if the module supports it. */
function guardedReader(
  made: ModuleOutput,
  codeFor: (signal: AbortSignal) => ModuleCode,
): Pick<Output, "openReader"> {
  if (made.openReader === undefined) return {};
  const openReader = made.openReader.bind(made);
  return {
    async openReader(context) {
      const code = codeFor(context.signal);
      const reader = await code.run("openReader", () => openReader(context));
      const problem = readerProblem(reader);
      if (problem !== null) throw code.failed(`its \`openReader\`: ${problem}`);
      return {
        key: reader.key,
        wholeRecords: reader.wholeRecords,
        has: (path) => reader.has(path),
        rows: (paths, signal) => code.each("rows", () => reader.rows(paths, signal)),
        close: () => code.run("close", () => reader.close()),
      };
    },
  };
}
