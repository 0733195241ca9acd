import { writeFile } from "node:fs/promises";
import { messageOf } from "../../errors.ts";
import { formatDiagnostic } from "../../pipeline/diagnostics.ts";
import { checkPipelines } from "../../pipeline/load.ts";
import type { optionsOf } from "../commands.ts";
import { exitCodes, invalidArgument } from "../failure.ts";
import { canAsk, note, print, printJson, shown } from "../terminal.ts";
import { completeAnswers, planOf } from "./answers.ts";
import { pipelineText } from "./pipeline-text.ts";
import type { Answers } from "./questions.ts";

export interface InitOptions extends Partial<Answers> {
  readonly yes?: boolean;
  readonly force?: boolean;
}

/** Asks what is not given, writes the pipeline, and checks what it wrote as `validate` does. */
export async function init(
  given: string | undefined,
  options: ReturnType<typeof optionsOf<InitOptions>>,
): Promise<void> {
  const asking = options.yes !== true && canAsk();
  const ask = asking ? (await import("./ask.ts")).ask : null;
  const answers = await completeAnswers(options, ask);
  if (answers === null) {
    note("nothing was written\n");
    process.exitCode = exitCodes.failed;
    return;
  }
  const file = given ?? `${answers.name.replaceAll(/[^\w.-]+/g, "-")}.yaml`;
  await writeNew(file, pipelineText(planOf(answers), file), options.force === true);
  const diagnostics = await checkPipelines([file], { console: process.stderr });
  if (options.json) return printJson({ file, diagnostics });
  await print(`wrote ${shown(file)}\n`);
  for (const diagnostic of diagnostics) note(`${formatDiagnostic(diagnostic)}\n`);
  note(`→ Look it over, then: tidemark run ${shown(file)} --dry-run\n`);
}

async function writeNew(file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: force ? "w" : "wx" });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST")
      throw invalidArgument(`${file} exists already`, "Choose another name, or add --force to overwrite it.");
    throw invalidArgument(`${file} cannot be written: ${messageOf(error)}`, "Check the path.");
  }
}
