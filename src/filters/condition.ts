import { z } from "zod";
import type { Filter } from "../engine/ports.ts";
import { expressionLimits } from "../model/bounded-jsonata.ts";
import { expressionError, expressionSchemaOf, withoutSecret } from "../model/jsonata-errors.ts";
import type { SourceRecord } from "../model/record.ts";
import { Condition } from "./condition/condition.ts";
import { type FilterParts, onFailedRecord } from "./failure.ts";
import { filterOnError, filterOnErrorShape } from "./on-error.ts";
import { noteSeen } from "./seen-fields.ts";

export const conditionFilterSchema = z
  .strictObject({
    type: z.literal("condition").describe("Keeps the records for which an expression is true."),
    expression: expressionSchemaOf(expressionError).describe(
      "A JSONata expression over the record, such as `amount > 10`. The record is kept if JSONata's $boolean of the result is true. A comparison with a missing field is not true.",
    ),
    ...filterOnErrorShape,
  })
  .describe("Keeps the records for which an expression is true.");

export type ConditionFilterConfig = z.infer<typeof conditionFilterSchema>;

/**
 * Keeps the records for which the expression is true, as JSONata's `$boolean` casts it: a missing value, null, false,
 * 0, "", and empty lists and objects are false. Numbers compare with every digit. A record for which the expression
 * throws is refused, by `onError`.
 *
 * JSONata evaluates asynchronously, record by record; this is about four microseconds a record. Evaluating many at once
 * was measured and gains nothing.
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
          else await condition.warnMissing(record, context);
        } catch (thrown) {
          const cause = withoutSecret(thrown, config.expression);
          onFailedRecord(name, record, index + 1, { parts, context, cause });
        }
      }
      return kept;
    },
  };
}
