import { z } from "zod";
import type { Filter } from "../engine/ports.ts";
import { boundedJsonata, expressionLimits } from "../model/bounded-jsonata.ts";
import type { SourceRecord } from "../model/record.ts";
import { Condition } from "./condition/condition.ts";
import { type FilterParts, refuseRecord } from "./failure.ts";
import { filterOnError, filterOnErrorShape } from "./on-error.ts";
import { noteSeen } from "./seen-fields.ts";

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
 * null, false, 0, "", and lists and objects without content are false. Numbers compare with every digit. A record
 * for which the expression throws is refused, by `onError`.
 *
 * JSONata evaluates asynchronously, record by record; this is about four microseconds a record.
 * Evaluating many at once was measured and gains nothing.
 */
export function createConditionFilter(config: ConditionFilterConfig, parts: FilterParts): Filter {
  const condition = new Condition(config.expression, expressionLimits);
  const name = `condition \`${config.expression}\``;
  return {
    kind: "condition",
    name: config.expression,
    fields: condition.fields.map(({ name }) => name),
    ...filterOnError(config),
    async apply(records, context) {
      noteSeen(context, condition.fields, records);
      const kept: SourceRecord[] = [];
      for (let index = 0; index < records.length; index++) {
        const record = records[index];
        if (record === undefined) continue;
        try {
          if (await condition.isTrueOf(record)) kept.push(record);
          else await condition.tellMissing(record, context);
        } catch (cause) {
          refuseRecord(name, record, index + 1, { parts, context, cause });
        }
      }
      return kept;
    },
  };
}

function syntaxMistake(text: string): { message: string; offset: number } | null {
  try {
    boundedJsonata(text);
    return null;
  } catch (error) {
    return readMistake(error, text);
  }
}

const mistakeSchema = z.object({
  message: z.string().default("it is not JSONata"),
  position: z.number().default(0),
  token: z.unknown().optional(),
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
