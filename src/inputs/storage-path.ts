import { z } from "zod";
import { folderNameError } from "../file-names.ts";

/** Where a pipeline keeps its own state. */
export const storagePathSchema = z
  .string()
  .min(1)
  .superRefine((path, context) => {
    const message = folderNameError(path);
    if (message !== null) context.addIssue({ code: "custom", message });
  })
  .describe("A folder for this pipeline's state, one file per stream. It has priority over `--state`.");
