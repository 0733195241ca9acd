import { isCancel, select, text } from "@clack/prompts";
import type { Question } from "./question.ts";

/** Asks one question on the terminal, on stderr; null where the user cancels. */
export async function ask(question: Question, usual: string | undefined): Promise<string | null> {
  const { asks, choices, example, problem } = question;
  const output = process.stderr;
  const answer =
    choices === undefined
      ? await text({
          message: asks,
          output,
          ...(usual === undefined ? {} : { defaultValue: usual }),
          ...((usual || example) === undefined ? {} : { placeholder: usual || example }),
          validate: (typed) => problem?.(typed || usual || ""),
        })
      : await select({
          message: asks,
          output,
          options: choices.map(({ value, label }) => ({ value, label })),
          ...(usual === undefined ? {} : { initialValue: usual }),
        });
  return isCancel(answer) ? null : answer;
}
