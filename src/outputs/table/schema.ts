import { z } from "zod";
import { connectionShape, validateConnection } from "../../databases/connection-string.ts";
import { tableNameParts } from "../../databases/names.ts";
import { columnKinds } from "../../databases/port.ts";
import { anyOf, databases } from "../../databases/registry.ts";
import { ownTablePrefix } from "../../databases/table/marker.ts";
import { onErrorShape, validateOnError } from "../dead-letters/schema.ts";

export const databaseOutputSchema = z
  .strictObject({
    type: z.literal("database").describe("Writes records to a table."),
    ...connectionShape,
    table: z
      .string()
      .min(1)
      .refine((table) => !tableNameParts(table).at(-1)?.toLowerCase().startsWith(ownTablePrefix), {
        error: `names that begin with \`${ownTablePrefix}\` are Tidemark's own`,
      })
      .describe("The table to write to: `events`, or `schema.events`."),
    key: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .optional()
      .describe(
        "The field, or list of fields, of the record as written that identifies a row. With it the output replaces rows.",
      ),
    mode: z
      .enum(["upsert", "append"])
      .optional()
      .describe(
        "`upsert` replaces the row with the record's key, and needs `key`. `append` only adds rows. Default: `upsert` with a `key`, `append` without.",
      ),
    createTable: z
      .boolean()
      .default(true)
      .describe(
        "Whether a missing table is created, and columns are added and widened for new fields and values. With false a field without a column is an error.",
      ),
    columns: z
      .record(z.string().min(1), z.enum(columnKinds))
      .optional()
      .describe(
        "The types of new columns, by field: `{ created: timestamp }`. Default: the type of the source's column, or what the values need.",
      ),
    ...onErrorShape,
  })
  .superRefine(validateOnError)
  .superRefine((config, context) => {
    validateConnection(config, (path, message) => context.addIssue({ code: "custom", path, message }));
    if (config.mode === "upsert" && config.key === undefined) {
      context.addIssue({ code: "custom", path: ["key"], message: "`mode: upsert` needs `key`" });
    }
  })
  .describe(`Writes records to a table of ${anyOf(databases.map(({ title }) => title))}, each exactly once.`);

export type DatabaseOutputConfig = z.infer<typeof databaseOutputSchema>;
