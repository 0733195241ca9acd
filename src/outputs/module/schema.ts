import { z } from "zod";
import { onErrorShape, validateOnError } from "../dead-letters/schema.ts";

/** The keys of a `module` output. */
export const moduleOutputSchema = z
  .strictObject({
    type: z.literal("module").describe("Writes records by your output."),
    path: z
      .string()
      .min(1)
      .describe(
        "A .ts, .js or .mjs file, relative to the pipeline file, whose default export is an output module: what `defineOutputModule` makes, or an object like it.",
      ),
    config: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("Settings for the module, checked by its `configSchema`."),
    ...onErrorShape,
  })
  .superRefine(validateOnError)
  .describe("Writes records by your output. The module says what it guarantees.");

export type ModuleOutputConfig = z.infer<typeof moduleOutputSchema>;
