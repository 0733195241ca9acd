import { boundedJsonata } from "../../../model/bounded-jsonata.ts";
import { ExactNumber } from "../../../model/exact-number.ts";
import { jsonataBoolean } from "../../../model/jsonata-boolean.ts";
import { expressionError, expressionSchemaOf, jsonataReason } from "../../../model/jsonata-errors.ts";
import type { ExpressionError } from "../../../model/jsonata-names.ts";
import { isPlainObject } from "../../../model/plain-object.ts";

/** The variables of expressions: `$status` and `$headers`. */
export interface Bindings {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

const boundValues = ["status", "headers"] as const satisfies readonly (keyof Bindings)[];

export type Expression = (input: unknown, bindings: Bindings) => Promise<unknown>;
export type Condition = (input: unknown, bindings: Bindings) => Promise<boolean>;

/** An answer that does not fit the declared `answer`. Its message follows the request's name and status. */
export class UnclearAnswer extends Error {
  override readonly name = "UnclearAnswer";
}

/** A JSONata expression over an answer; an error in it has an `offset`, its position in the text. */
export const expressionSchema = expressionSchemaOf(errorIn);

/** Throws `UnclearAnswer` where the expression cannot be evaluated over a value. */
export function compileExpression(text: string): Expression {
  const expression = boundedJsonata(text);
  return async (input, { status, headers }) => {
    try {
      return await expression.evaluate(input, { status, headers });
    } catch (error) {
      throw new UnclearAnswer(`, over which \`${text}\` cannot be evaluated: ${jsonataReason(error, text)}`);
    }
  };
}

/** Whether JSONata's `$boolean` of the expression is true; nothing is false. */
export function compileCondition(text: string): Condition {
  const evaluate = compileExpression(text);
  return async (input, bindings) => jsonataBoolean(await evaluate(input, bindings));
}

/**
 * Converts a JSON value for expressions: integers beyond a double's precision become text, so that ids keep all digits.
 */
export function forExpressions(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof ExactNumber) return /^-?\d+$/.test(value.text) ? value.text : value.valueOf();
  if (Array.isArray(value)) return value.map(forExpressions);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, forExpressions(inner)]));
}

function errorIn(text: string): ExpressionError | null {
  const offset = text.search(/\{\{\s*[\w.]+\s*\}\}/);
  if (offset < 0) return expressionError(text, boundValues);
  const message = "the expression cannot be read: it names fields without braces, as in `errors[0].message`";
  return { message, offset };
}
