import { z } from "zod";
import { boundedJsonata } from "./bounded-jsonata.ts";
import { unknownCall } from "./jsonata-calls.ts";
import { type ExpressionMistake, namesIn } from "./jsonata-names.ts";
import { unknownVariable } from "./jsonata-variables.ts";

/**
 * What is wrong with a JSONata expression as it is written; null where nothing is. `values` are the names of what is
 * given to it beside its input.
 */
export function expressionMistake(text: string, values: readonly string[] = []): ExpressionMistake | null {
  try {
    const tree = boundedJsonata(text).ast();
    const names = namesIn(tree, values);
    return names === null ? null : (unknownCall(text, names) ?? unknownVariable(tree, text, names));
  } catch (error) {
    return readMistake(error, text);
  }
}

/** The schema of a JSONata expression; a mistake in it carries `offset`, its place in the text. */
export function expressionSchemaOf(mistakeIn: (text: string) => ExpressionMistake | null) {
  return z
    .string()
    .min(1)
    .superRefine((text, context) => {
      const mistake = mistakeIn(text);
      if (mistake === null) return;
      const { message, offset } = mistake;
      context.addIssue({ code: "custom", message, params: { offset } });
    });
}

const unreadable = { message: "it is not JSONata", position: 0 };

/** JSONata throws plain objects. */
const thrownSchema = z
  .object({
    message: z.string().default(unreadable.message),
    position: z.number().default(unreadable.position),
    token: z.unknown().optional(),
  })
  .catch(unreadable);

/** Why an expression failed, in JSONata's own words. */
export function jsonataReason(thrown: unknown): string {
  return thrownSchema.parse(thrown).message;
}

/** JSONata's position lies behind the token it names. */
function readMistake(thrown: unknown, text: string): ExpressionMistake {
  const { message, position, token } = thrownSchema.parse(thrown);
  const length =
    typeof token === "string" && text.slice(position - token.length, position) === token ? token.length : 0;
  return {
    message: `the expression cannot be read: ${message}`,
    offset: Math.max(0, Math.min(position - length, text.length)),
  };
}
