import { z } from "zod";
import { boundedJsonata } from "../../../model/bounded-jsonata.ts";
import { ExactNumber } from "../../../model/exact-number.ts";
import { jsonataBoolean } from "../../../model/jsonata-boolean.ts";
import { isPlainObject } from "../../../model/plain-object.ts";

/** What expressions can name besides the value that they are about: `$status` and `$headers`. */
export interface Bindings {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export type Expression = (input: unknown, bindings: Bindings) => Promise<unknown>;
export type Condition = (input: unknown, bindings: Bindings) => Promise<boolean>;

/** An answer that the declared `answer` does not fit. Its message goes on after the request's name and status. */
export class UnclearAnswer extends Error {
  override readonly name = "UnclearAnswer";
}

/** A JSONata expression; a mistake in it carries `offset`, its place in the text. */
export const expressionSchema = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    const mistake = mistakeIn(text);
    if (mistake === null) return;
    context.addIssue({
      code: "custom",
      message: `the expression cannot be read: ${mistake.message}`,
      params: { offset: mistake.offset },
    });
  });

/** Throws `UnclearAnswer` where the expression cannot be evaluated over a value. */
export function compileExpression(text: string): Expression {
  const expression = boundedJsonata(text);
  return async (input, { status, headers }) => {
    try {
      return await expression.evaluate(input, { status, headers });
    } catch (error) {
      throw new UnclearAnswer(`, over which \`${text}\` cannot be evaluated: ${reasonOf(error)}`);
    }
  };
}

/** Whether JSONata's `$boolean` of the expression is true; nothing is false. */
export function compileCondition(text: string): Condition {
  const evaluate = compileExpression(text);
  return async (input, bindings) => jsonataBoolean(await evaluate(input, bindings));
}

/** A JSON value for expressions: integers beyond a double's digits become text, so that ids keep them all. */
export function forExpressions(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof ExactNumber) return /^-?\d+$/.test(value.text) ? value.text : value.valueOf();
  if (Array.isArray(value)) return value.map(forExpressions);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, forExpressions(inner)]));
}

/** JSONata throws plain objects. */
function reasonOf(error: unknown): string {
  return mistakeSchema.parse(error).message;
}

const mistakeSchema = z
  .object({ message: z.string().default("it is not JSONata"), position: z.number().default(0) })
  .catch({ message: "it is not JSONata", position: 0 });

function mistakeIn(text: string): { message: string; offset: number } | null {
  const braces = text.search(/\{\{\s*[\w.]+\s*\}\}/);
  if (braces >= 0)
    return { message: "it names fields without braces, as in `errors[0].message`", offset: braces };
  try {
    boundedJsonata(text);
    return null;
  } catch (error) {
    const { message, position } = mistakeSchema.parse(error);
    return { message, offset: Math.max(0, Math.min(position - 1, text.length)) };
  }
}
