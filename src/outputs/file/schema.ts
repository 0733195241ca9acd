import { z } from "zod";

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
      .enum(["jsonl"])
      .default("jsonl")
      .describe("How records are written: `jsonl` is one JSON object a line."),
    mode: z.enum(["append"]).default("append").describe("Records are added at the end."),
  })
  .describe("Appends records to a file, each exactly once.");

export type FileOutputConfig = z.infer<typeof fileOutputSchema>;
