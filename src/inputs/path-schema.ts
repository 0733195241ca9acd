import { z } from "zod";

/** A dotted path into a record or an answer: `event.id`. */
export const pathSchema = z
  .string()
  .min(1)
  .refine((path) => path.split(".").every((step) => step !== ""), {
    error: "a path is names joined by single dots, as in `event.id`",
  });

/** What makes a record itself: a dotted path, or several that do so together. */
export const keySchema = z
  .union([pathSchema, z.array(pathSchema).min(1)])
  .describe(
    "Dotted path of the field that identifies a record, or a list of paths. Declare it if the source has one. Default: records are compared by their complete content.",
  );
