import { z } from "zod";
import { concurrencyPolicies } from "../engine/ports.ts";
import { conditionFilterSchema } from "../filters/condition.ts";
import { mappingFilterSchema } from "../filters/mapping.ts";
import { removeFilterSchema } from "../filters/remove.ts";
import { scriptFilterSchema } from "../filters/script.ts";
import { setFilterSchema } from "../filters/set.ts";
import { httpPollingSchema } from "../inputs/http/schema.ts";
import { moduleInputSchema } from "../inputs/module/schema.ts";
import { databaseInputSchema } from "../inputs/query/schema.ts";
import { streamNameProblem } from "../model/stream-key.ts";
import { consoleOutputSchema } from "../outputs/console.ts";
import { fileOutputSchema } from "../outputs/files/schema.ts";
import { httpRequestOutputSchema } from "../outputs/http-request/schema.ts";
import { moduleOutputSchema } from "../outputs/module/schema.ts";
import { databaseOutputSchema } from "../outputs/table/schema.ts";
import { deadlineSchema } from "./deadline.ts";
import { scheduleKeys } from "./schedule-keys.ts";

const streamName = z.string().superRefine((name, context) => {
  const problem = streamNameProblem(name);
  if (problem !== null) context.addIssue({ code: "custom", message: `cannot be a name: ${problem}` });
});

/** The inputs that are declared and no more; in code these are all, since a connector can be given itself. */
export const builtInInputSchema = z
  .discriminatedUnion("type", [
    httpPollingSchema.safeExtend(scheduleKeys),
    databaseInputSchema.safeExtend(scheduleKeys),
  ])
  .describe("Where records are read.");

/** The keys of a file's input that no other input has. */
const fileKeys = {
  ...scheduleKeys,
  streams: z
    .unknown()
    .optional()
    .describe(
      "The streams of this pipeline: each a name, or a map of its `name` and the keys of the input that are different for it. Each has its own position, run and history.",
    ),
};

const inputSchema = z
  .discriminatedUnion("type", [
    httpPollingSchema.safeExtend(fileKeys),
    databaseInputSchema.safeExtend(fileKeys),
    moduleInputSchema.safeExtend(fileKeys),
  ])
  .describe("Where records are read.");

export const filterSchema = z
  .discriminatedUnion("type", [
    mappingFilterSchema,
    conditionFilterSchema,
    setFilterSchema,
    removeFilterSchema,
    scriptFilterSchema,
  ])
  .describe("Changes, drops or multiplies records.");

/** The outputs that are declared and no more; in code these are all, since an output can be given itself. */
export const builtInOutputSchema = z
  .discriminatedUnion("type", [
    databaseOutputSchema,
    fileOutputSchema,
    httpRequestOutputSchema,
    consoleOutputSchema,
  ])
  .describe("Where records are written.");

const outputSchema = z
  .discriminatedUnion("type", [...builtInOutputSchema.options, moduleOutputSchema])
  .describe("Where records are written.");

/** How many streams of a file with `input.streams` run at once. */
export const concurrencySchema = z
  .int()
  .min(1)
  .max(100)
  .describe("With `input.streams`: how many streams run at once. Each keeps pages in memory. Default: 4.");

/** The keys of a pipeline except input, filters and output. */
export const frameSchema = z.strictObject({
  name: streamName.describe("The pipeline's name."),
  connector: streamName
    .optional()
    .describe(
      "The integration instance, such as `sap_eu`; the first half of the stream's key. Default: the name.",
    ),
  stream: streamName
    .default("default")
    .describe("The kind of data, such as `suppliers`; the second half of the stream's key."),
  onConcurrentRun: z
    .enum(concurrencyPolicies)
    .default("skip")
    .describe(
      "What a run does while another run of the stream is at work. `skip` ends at once with the status `skipped`, `wait` waits, `takeover` shuts the other run out. An expired lease is always taken over.",
    ),
  leaseSeconds: z
    .int()
    .min(1)
    .max(86_400)
    .default(60)
    .describe(
      "How many seconds a run may be silent before another run may take over. Raise it if runs are paused, for example on a laptop.",
    ),
  concurrency: concurrencySchema.optional(),
  deadline: deadlineSchema,
});

/** The whole of a pipeline file's document. */
export const pipelineSchema = z.strictObject({
  ...frameSchema.shape,
  input: inputSchema,
  filters: z.array(filterSchema).default([]).describe("Filters that change or drop records, in order."),
  output: outputSchema,
});

/** A pipeline as declared, with defaults filled in. */
export type PipelineConfig = z.infer<typeof pipelineSchema>;
export type Frame = z.infer<typeof frameSchema>;
export type InputConfig = z.infer<typeof inputSchema>;
export type BuiltInInputConfig = z.infer<typeof builtInInputSchema>;
export type FilterConfig = z.infer<typeof filterSchema>;
export type OutputConfig = z.infer<typeof outputSchema>;
export type BuiltInOutputConfig = z.infer<typeof builtInOutputSchema>;
