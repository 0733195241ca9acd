import { z } from "zod";
import { defaultBatchSize, mostBatchSize } from "../../engine/connector/connector-input.ts";
import { keySchema } from "../path-schema.ts";
import { storagePathSchema } from "../storage-path.ts";

/** The keys of a `module` input. */
export const moduleInputSchema = z
  .strictObject({
    type: z.literal("module").describe("Reads records by your connector."),
    path: z
      .string()
      .min(1)
      .describe(
        "A .ts, .js or .mjs file, relative to the pipeline file, whose default export is a connector: what `defineConnector` makes, or an object like it.",
      ),
    config: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("Settings for the connector, checked by its `configSchema`."),
    key: keySchema.optional(),
    batchSize: z
      .int()
      .min(1)
      .max(mostBatchSize)
      .default(defaultBatchSize)
      .describe("Records that are written between two checkpoints, as far as the cursors allow."),
    statePersistence: z
      .strictObject({
        storagePath: storagePathSchema.optional(),
      })
      .prefault({})
      .describe("What is kept between runs. The connector decides what its cursor is."),
  })
  .describe("Reads records by a connector in code.");

export type ModuleInputConfig = z.infer<typeof moduleInputSchema>;
