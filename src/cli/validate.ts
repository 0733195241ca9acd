import type { Command } from "commander";
import { byPlace, type Diagnostic, formatDiagnostic } from "../pipeline/diagnostics.ts";
import { examples, optionsOf } from "./commands.ts";
import { exitCodes } from "./failure.ts";
import { counted } from "./format.ts";
import { type Params, takesParams } from "./params.ts";
import { note, print, printJson, style } from "./terminal.ts";

interface ValidateOptions {
  readonly param: Params;
}

export function defineValidate(command: Command): void {
  takesParams(command)
    .argument("<file...>", "pipeline files or folders")
    .action((files: string[]) => validate(files, optionsOf(command)));
  command.addHelpText(
    "after",
    "\nPrints `file:line:col CODE message` for each error and warning. The exit code is 2 if there is an error.",
  );
  examples(command, [
    ["tidemark validate events.yaml", ""],
    ["tidemark validate pipelines/ --json", "all pipelines of a folder, as JSON"],
  ]);
}

async function validate(
  files: readonly string[],
  options: ReturnType<typeof optionsOf<ValidateOptions>>,
): Promise<void> {
  const { checkPipelines } = await import("../pipeline/load.ts");
  const found = await checkPipelines(files, { params: options.param, console: process.stderr });
  const diagnostics = found.toSorted(byPlace);
  if (options.json) await printJson(diagnostics);
  else {
    await print(diagnostics.map((diagnostic) => `${formatDiagnostic(diagnostic)}\n`).join(""));
    note(`${summary(diagnostics)}\n`);
  }
  if (diagnostics.some(isError)) process.exitCode = exitCodes.wrongUse;
}

function isError({ severity }: Diagnostic): boolean {
  return severity === "error";
}

function summary(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter(isError).length;
  const warnings = diagnostics.length - errors;
  const err = process.stderr;
  const warned = warnings === 0 ? "" : style("yellow", counted(warnings, "warning"), err);
  if (errors === 0) return `${style("green", "valid", err)}${warned === "" ? "" : `, ${warned}`}`;
  const wrong = style("red", counted(errors, "error"), err);
  return warned === "" ? wrong : `${wrong}, ${warned}`;
}
