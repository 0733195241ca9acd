import { z } from "zod";
import { headerNameSchema } from "../../../http/header-name.ts";
import { expressionSchema } from "./expressions.ts";
import { fieldThatMayBeMissing, missingMessage } from "./missing.ts";

const statusClass = z.string().regex(/^[1-5]xx$/, "expected a status such as 303, or a class such as `2xx`");
const status = z.union([z.int().min(100).max(599), statusClass]);
const anyOf = <T extends z.ZodType>(one: T) => z.union([one, z.array(one).min(1)]);

const conditionObject = z.strictObject({
  status: anyOf(status)
    .optional()
    .describe(
      "The statuses for which the condition holds: numbers, or classes such as `2xx`. Default: every 2xx.",
    ),
  header: z
    .record(headerNameSchema, anyOf(z.string()))
    .optional()
    .describe("Headers and the value that each must have, or a list of values of which one is enough."),
  expression: expressionSchema.optional().describe("A JSONata expression over the body that must be true."),
});

const condition = z.union([
  expressionSchema,
  conditionObject.refine((object) => Object.keys(object).length > 0, "an empty condition says nothing"),
]);

/** The keys for the meaning of one answer, or of one result in it; `T` is the form of a condition. */
const conditions = anyOf(condition);
const resultConditions = anyOf(expressionSchema);

const matchSchema = z.union([
  z.literal("order"),
  z.strictObject({
    result: expressionSchema.describe("The value in a result that names the record."),
    record: z
      .string()
      .min(1)
      .refine((path) => !path.includes("{{"), "is a path such as `order.id`, without braces")
      .describe("The dotted path of the same value in the record, as it reaches the output."),
  }),
  z.strictObject({
    position: expressionSchema.describe("The record's place in the request, in a result."),
    from: z
      .union([z.literal(0), z.literal(1)])
      .default(0)
      .describe("The number of the first record."),
  }),
]);

const resultsSchema = z
  .strictObject({
    list: expressionSchema
      .default("$")
      .describe("The list of results, as a path or a JSONata expression over the body. Default: the body."),
    match: matchSchema
      .default("order")
      .describe(
        "Which record a result is about. `order`: as many results as records, in the same order. `{ result, record }`: both hold the same value. `{ position, from }`: the result says the record's place in the request.",
      ),
    unnamed: z
      .enum(["fail", "success"])
      .default("fail")
      .describe(
        "For `match` by value or position: what a record without a result means. `success` is for targets that list failures only.",
      ),
    success: resultConditions.optional().describe("Expressions over a result: the target took the record."),
    retry: resultConditions
      .optional()
      .describe("Expressions over a result: the record is sent again, without those that were taken."),
    refused: resultConditions
      .optional()
      .describe("Expressions over a result: the target refuses the record."),
    reason: expressionSchema
      .optional()
      .describe("The target's words in a result. Default: the result itself."),
  })
  .superRefine((results, context) => {
    const addIssue = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    const { success, refused, match, unnamed } = results;
    if (success === undefined && refused === undefined)
      addIssue("success", "needs `success` or `refused`: which results mean that a record was not taken");
    validateRefused(refused, context);
    if (unnamed === "success" && match === "order")
      addIssue(
        "unnamed",
        "needs `match: { result, record }` or `match: { position }`; in order, all are named",
      );
  });

/** What the answers of an endpoint mean. */
export const answerSchema = z
  .strictObject({
    success: z
      .union([z.literal("always"), conditions])
      .optional()
      .describe(
        "The answers that mean delivered: a JSONata expression over the body, such as `ok`, or `{ status, header, expression }`, or a list of which one is enough. `always`: every 2xx, and its body is not looked at. Any other 2xx is a refusal, or fails the run if `refused` is declared too.",
      ),
    retry: conditions
      .optional()
      .describe("The answers after which the same request is made again, under `retry`. Checked first."),
    refused: conditions
      .optional()
      .describe("The answers that refuse what was sent. The records go to `onError`. Checked after `retry`."),
    reason: expressionSchema
      .optional()
      .describe(
        "A path or JSONata expression to the target's own words, for messages and dead letters. Default: the beginning of the answer.",
      ),
    unreadable: z
      .enum(["refused", "success"])
      .default("refused")
      .describe(
        "What a 2xx means if its body is needed and cannot be read after all attempts. `refused`: nobody knows whether the records arrived, and they go to `onError`. `success`: they count as delivered.",
      ),
    results: resultsSchema
      .optional()
      .describe(
        "For `batch`: the result of each record in a successful answer, for targets that take some records and not others.",
      ),
  })
  .superRefine(({ refused }, context) => validateRefused(refused, context));

/** A refusal must not be overlooked where its field is missing. */
function validateRefused(refused: z.infer<typeof conditions> | undefined, context: z.RefinementCtx): void {
  for (const one of [refused ?? []].flat()) {
    const field = fieldThatMayBeMissing(typeof one === "string" ? one : (one.expression ?? ""));
    if (field !== null)
      context.addIssue({ code: "custom", path: ["refused"], message: missingMessage(field) });
  }
}

export type AnswerConfig = z.infer<typeof answerSchema>;
export type ConditionConfig = z.infer<typeof condition>;
export type ResultsConfig = z.infer<typeof resultsSchema>;
