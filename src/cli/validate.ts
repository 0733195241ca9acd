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
  const { checkPaths } = await import("../pipeline/load.ts");
  const checked = await checkPaths(files, { params: options.param, console: process.stderr });
  const diagnostics = checked.diagnostics.toSorted(byPlace);
  const streams = checked.pipelines.filter(({ set }) => set !== null).length;
  if (options.json) await printJson(diagnostics);
  else {
    await print(diagnostics.map((diagnostic) => `${formatDiagnostic(diagnostic)}\n`).join(""));
    note(`${summary(diagnostics, streams)}\n`);
  }
  if (diagnostics.some(isError)) process.exitCode = exitCodes.wrongUse;
}

function isError({ severity }: Diagnostic): boolean {
  return severity === "error";
}

/** `valid, 30 streams, 1 warning`; streams are those of files that list them. */
function summary(diagnostics: readonly Diagnostic[], streams: number): string {
  const errors = diagnostics.filter(isError).length;
  const warnings = diagnostics.length - errors;
  const err = process.stderr;
  const warned = warnings === 0 ? "" : style("yellow", counted(warnings, "warning"), err);
  if (errors === 0) {
    const listed = streams === 0 ? [] : [counted(streams, "stream")];
    return [style("green", "valid", err), ...listed, ...(warned === "" ? [] : [warned])].join(", ");
  }
  const wrong = style("red", counted(errors, "error"), err);
  return warned === "" ? wrong : `${wrong}, ${warned}`;
}
