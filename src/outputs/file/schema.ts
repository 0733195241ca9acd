import { resolve } from "node:path";
import { z } from "zod";
import { onErrorShape, refuseOnErrorMistakes } from "../on-error/schema.ts";

export const fileOutputSchema = z
  .strictObject({
    type: z.literal("file").describe("Appends records to a file."),
    path: z
      .string()
      .min(1)
      .describe(
        "The file, relative to the working directory; folders missing on the way are made. What is committed to it is recorded beside it, in `<path>.tidemark`.",
      ),
    format: z
      .enum(["jsonl", "csv"])
      .default("jsonl")
      .describe(
        "How records are written: `jsonl` is one JSON object a line, `csv` comma-separated values under a header.",
      ),
    columns: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe(
        "For `csv`: the columns of a new file, in order. Default: the fields of the first records. A header cannot change later, so declare what records may have.",
      ),
    formulas: z
      .enum(["keep", "escape"])
      .optional()
      .describe(
        "For `csv`: what becomes of texts that a spreadsheet would run as formulas, which begin with `=`, `+`, `-` or `@`. `keep` (default) writes them as they are. `escape` puts an apostrophe in front; declare it before the file is made.",
      ),
    mode: z.enum(["append"]).default("append").describe("Records are added at the end."),
    ...onErrorShape,
  })
  .superRefine(refuseOnErrorMistakes)
  .superRefine(({ path, deadLetter }, context) => {
    if (deadLetter === undefined || resolve(deadLetter.path) !== resolve(path)) return;
    context.addIssue({
      code: "custom",
      path: ["deadLetter", "path"],
      message: "is the file that the records themselves are written to",
    });
  })
  .superRefine(({ format, formulas }, context) => {
    if (formulas === undefined || format === "csv") return;
    context.addIssue({ code: "custom", path: ["formulas"], message: "goes with `format: csv`" });
  })
  .superRefine(({ format, columns }, context) => {
    if (columns === undefined) return;
    const again = columns.find((name, at) => columns.indexOf(name) < at);
    const refuse = (message: string) => context.addIssue({ code: "custom", path: ["columns"], message });
    if (format !== "csv") refuse("only `format: csv` has columns");
    else if (again !== undefined) refuse(`names ${again} twice`);
  })
  .describe("Appends records to a file, each exactly once.");

export type FileOutputConfig = z.infer<typeof fileOutputSchema>;
