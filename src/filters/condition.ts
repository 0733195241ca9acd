import jsonata from "jsonata";
import { z } from "zod";
import type { Filter } from "../engine/ports.ts";
import { ExactNumber } from "../model/exact-number.ts";
import { isPlainObject } from "../model/plain-object.ts";
import type { SourceRecord } from "../model/record.ts";
import { type FilterParts, refuseRecord } from "./failure.ts";
import { filterOnError, filterOnErrorShape } from "./on-error.ts";

/** An expression that runs longer on one record, or calls itself deeper, is taken for an endless one. */
const limits = { timeout: 10_000, stack: 500 };

/** A JSONata expression; a mistake in it carries `offset`, its place in the text. */
export const expressionSchema = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    const mistake = syntaxMistake(text);
    if (mistake === null) return;
    context.addIssue({
      code: "custom",
      message: `the expression cannot be read: ${mistake.message}`,
      params: { offset: mistake.offset },
    });
  });

export const conditionFilterSchema = z
  .strictObject({
    type: z.literal("condition").describe("Keeps the records for which an expression is true."),
    expression: expressionSchema.describe(
      "A JSONata expression over the record, such as `amount > 10`. The record is kept when JSONata's $boolean of the result is true.",
    ),
    ...filterOnErrorShape,
  })
  .describe("Keeps the records for which an expression is true.");

export type ConditionFilterConfig = z.infer<typeof conditionFilterSchema>;

/**
 * Keeps the records for which the expression is true, as JSONata's `$boolean` casts it: nothing,
 * null, false, 0, "", and lists and objects without content are false. Numbers beyond a double's
 * digits are compared as doubles; the record itself keeps every digit. What the expression throws
 * fails the run as `FILTER_FAILED`.
 *
 * JSONata evaluates asynchronously, record by record; this is about four microseconds a record.
 * Evaluating many at once was measured and gains nothing.
 */
export function createConditionFilter(config: ConditionFilterConfig, parts: FilterParts): Filter {
  const expression = jsonata(config.expression, limits);
  return {
    kind: "condition",
    name: config.expression,
    ...filterOnError(config),
    async apply(records, context) {
      const kept: SourceRecord[] = [];
      for (let index = 0; index < records.length; index++) {
        const record = records[index];
        if (record === undefined) continue;
        try {
          const result: unknown = await expression.evaluate(withPlainNumbers(record));
          if (toBoolean(result)) kept.push(record);
        } catch (cause) {
          const name = `condition \`${config.expression}\``;
          refuseRecord(name, record, index + 1, { parts, context, cause });
        }
      }
      return kept;
    },
  };
}

/** JSONata's own cast, as its `$boolean` does it. */
function toBoolean(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(toBoolean);
  if (typeof value === "object" && value !== null) {
    return !("_jsonata_function" in value || "_jsonata_lambda" in value) && Object.keys(value).length > 0;
  }
  return typeof value === "function" ? false : Boolean(value);
}

/** The value with exact numbers as JSONata knows numbers; the very value where it holds none. */
function withPlainNumbers(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof ExactNumber) return value.valueOf();
  if (Array.isArray(value)) return listWithPlainNumbers(value);
  if (!isPlainObject(value)) return value;
  let copy: Record<string, unknown> | null = null;
  for (const field in value) {
    const before = value[field];
    if (typeof before !== "object") continue;
    const after = withPlainNumbers(before);
    if (after === before) continue;
    copy ??= { ...value };
    copy[field] = after;
  }
  return copy ?? value;
}

function listWithPlainNumbers(list: readonly unknown[]): readonly unknown[] {
  const plain = list.map(withPlainNumbers);
  return plain.some((element, index) => element !== list[index]) ? plain : list;
}

function syntaxMistake(text: string): { message: string; offset: number } | null {
  try {
    jsonata(text, limits);
    return null;
  } catch (error) {
    return readMistake(error, text);
  }
}

const mistakeSchema = z.object({
  message: z.string().default("it is not JSONata"),
  position: z.number().default(0),
  token: z.unknown(),
});

/** JSONata's position lies behind the token it names. */
function readMistake(error: unknown, text: string): { message: string; offset: number } {
  const { message, position, token } = mistakeSchema
    .catch({ message: "it is not JSONata", position: 0, token: undefined })
    .parse(error);
  const length =
    typeof token === "string" && text.slice(position - token.length, position) === token ? token.length : 0;
  return { message, offset: Math.max(0, Math.min(position - length, text.length)) };
}
