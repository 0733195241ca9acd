import { resolve } from "node:path";
import { z } from "zod";
import { messageOf } from "../../errors.ts";
import { checkTimeZone } from "../../model/time-zone.ts";
import { onErrorShape, validateOnError } from "../dead-letters/schema.ts";
import { asideOf } from "./committed-file.ts";
import { delimiters } from "./csv.ts";
import { isTemplate } from "./path-template.ts";
import { placeError } from "./place-error.ts";

export const fileOutputSchema = z
  .strictObject({
    type: z.literal("file").describe("Appends records to a file."),
    path: z
      .string()
      .min(1)
      .describe(
        "The file, relative to the working directory. Missing folders are created. `{{ date }}`, `{{ hour }}`, `{{ month }}` and `{{ year }}` are the time at which a run begins: `orders-{{ date }}.csv` is a file per day. The folder `<path>.tidemark` next to it records what is committed.",
      ),
    timezone: z
      .string()
      .optional()
      .describe("The time zone of the placeholders in `path`, such as Europe/Berlin. Default: UTC."),
    format: z
      .enum(["jsonl", "csv"])
      .default("jsonl")
      .describe(
        "How records are written: `jsonl` is one JSON object per line, `csv` is comma-separated values under a header.",
      ),
    columns: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe(
        "For `csv`: the columns of a new file, in order. Default: the fields of the first records. A header cannot change later, so declare all fields that records may have.",
      ),
    delimiter: z
      .enum(delimiters)
      .optional()
      .describe('For `csv`: the text between values: `","` (default), `";"`, `"\\t"` or `"|"`.'),
    newline: z
      .enum(["lf", "crlf"])
      .optional()
      .describe("For `csv`: the end of a line. Default: that of an existing file, and `lf` in a new one."),
    bom: z
      .boolean()
      .optional()
      .describe(
        "For `csv`: begin a new file with a byte order mark, so that Excel recognises UTF-8. Default: false.",
      ),
    formulas: z
      .enum(["keep", "escape"])
      .optional()
      .describe(
        "For `csv`: what happens to texts that a spreadsheet would run as formulas, because they begin with `=`, `+`, `-` or `@`. `keep` (default) does not change them. `escape` puts an apostrophe in front. Declare it before the file is made.",
      ),
    mode: z.enum(["append"]).default("append").describe("Records are added at the end."),
    ...onErrorShape,
  })
  .superRefine(validateOnError)
  .superRefine(({ path, deadLetter }, context) => {
    const message = deadLetter === undefined ? null : takenName(resolve(deadLetter.path), resolve(path));
    if (message !== null) context.addIssue({ code: "custom", path: ["deadLetter", "path"], message });
  })
  .superRefine((config, context) => {
    if (config.format === "csv") return;
    for (const key of ["delimiter", "newline", "bom", "formulas"] as const) {
      if (config[key] === undefined) continue;
      context.addIssue({ code: "custom", path: [key], message: "goes with `format: csv`" });
    }
  })
  .superRefine(({ path, timezone }, context) => {
    const error = placeError(path);
    if (error !== null) context.addIssue({ code: "custom", path: ["path"], message: error });
    if (timezone === undefined) return;
    const refuse = (message: string) => context.addIssue({ code: "custom", path: ["timezone"], message });
    if (!isTemplate(path)) refuse("is for placeholders in `path`, which has none");
    try {
      checkTimeZone(timezone);
    } catch (error) {
      refuse(messageOf(error));
    }
  })
  .superRefine(({ format, columns }, context) => {
    if (columns === undefined) return;
    const again = columns.find((name, at) => columns.indexOf(name) < at);
    const refuse = (message: string) => context.addIssue({ code: "custom", path: ["columns"], message });
    if (format !== "csv") refuse("only `format: csv` has columns");
    else if (again !== undefined) refuse(`names ${again} twice`);
  })
  .describe("Appends records to a file, each exactly once.");

/** Why refused records cannot go to this file next to the output's own. */
function takenName(letters: string, records: string): string | null {
  if (letters === records) return "is the file that the records themselves are written to";
  if (letters !== asideOf(records)) return null;
  return "is the file to which lines that are not the output's own are moved; write another name";
}

export type FileOutputConfig = z.infer<typeof fileOutputSchema>;
