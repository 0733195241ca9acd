import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { messageOf, type TidemarkError } from "../../errors.ts";
import { formatDiagnostic } from "../../pipeline/diagnostics.ts";
import { checkPipelines } from "../../pipeline/load.ts";
import type { optionsOf } from "../commands.ts";
import { exitCodes, invalidArgument } from "../failure.ts";
import { canAsk, note, print, printJson, shown } from "../terminal.ts";
import { secretParameter } from "./answer-problems.ts";
import { completeAnswers, planOf } from "./answers.ts";
import { plainName } from "./file-name.ts";
import { pipelineText } from "./pipeline-text.ts";
import type { Answers } from "./question.ts";
import { shellWord } from "./shell-word.ts";

export interface InitOptions extends Partial<Answers> {
  readonly yes?: boolean;
  readonly force?: boolean;
}

/** Asks what is not given, writes the pipeline, and checks what it wrote as `validate` does. */
export async function init(
  given: string | undefined,
  options: ReturnType<typeof optionsOf<InitOptions>>,
): Promise<void> {
  if (given !== undefined && options.force !== true && existsSync(given)) throw existsAlready(given);
  const asking = options.yes !== true && canAsk();
  const ask = asking ? (await import("./ask.ts")).ask : null;
  const answers = await completeAnswers(options, ask);
  if (answers === null) {
    note("nothing was written\n");
    process.exitCode = exitCodes.failed;
    return;
  }
  const file = given ?? `${plainName(answers.name, "-")}.yaml`;
  await writeNew(file, pipelineText(planOf(answers), file), options.force === true);
  const diagnostics = await checkPipelines([file], { console: process.stderr });
  const broken = diagnostics.some(({ severity, code }) => severity === "error" && code !== "ENV_MISSING");
  if (broken) process.exitCode = exitCodes.wrongUse;
  if (options.json) return printJson({ file, diagnostics });
  await print(`wrote ${shown(file)}\n`);
  for (const diagnostic of diagnostics) note(`${formatDiagnostic(diagnostic)}\n`);
  const secret = secretParameter(answers.endpoint);
  if (secret !== null) {
    note(
      `The endpoint holds the value of \`${shown(secret)}\`. If it is a secret, do not keep it in the file: write \${API_KEY} in its place.\n`,
    );
  }
  if (broken) note(`→ Fix these lines, then: tidemark validate ${shown(shellWord(file))}\n`);
  else note(`→ Look it over, then: tidemark run ${shown(shellWord(file))} --dry-run\n`);
}

async function writeNew(file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: force ? "w" : "wx" });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") throw existsAlready(file);
    throw invalidArgument(`${file} cannot be written: ${messageOf(error)}`, "Check the path.");
  }
}

function existsAlready(file: string): TidemarkError {
  return invalidArgument(`${file} exists already`, "Choose another name, or add --force to overwrite it.");
}
