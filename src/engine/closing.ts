import { messageOf } from "../errors.ts";
import type { InputSession } from "./input.ts";
import type { OutputReader, OutputSession } from "./output.ts";
import type { Warn } from "./part-context.ts";

/**
 * Closes an input. A failure is only a warning: what was committed stays so, and an error that came before must not be
 * hidden.
 */
export async function closeInput(input: Pick<InputSession, "close">, warn: Warn): Promise<void> {
  const problem = await closingProblem(input);
  if (problem !== null) warn("INPUT_CLOSE_FAILED", problem);
}

/** As `closeInput`, for an output's session or reader. */
export async function closeOutput(
  output: Pick<OutputSession | OutputReader, "close">,
  warn: Warn,
): Promise<void> {
  const problem = await closingProblem(output);
  if (problem !== null) warn("OUTPUT_CLOSE_FAILED", problem);
}

async function closingProblem(part: { close(): Promise<void> }): Promise<string | null> {
  try {
    await part.close();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}
