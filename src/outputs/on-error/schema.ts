import { z } from "zod";
import { errorPolicies, type OnError } from "../../engine/ports.ts";
import { DeadLetterFile } from "./dead-letter-file.ts";

/** The keys by which every output says what becomes of refused records. */
export const onErrorShape = {
  onError: z
    .enum(errorPolicies)
    .default("fail")
    .describe(
      "What happens to a record that the output refuses or cannot hold, or that cannot be read from the source. `fail` fails the run, and the next begins with that record; `skip` leaves the record out; `deadLetter` writes it to a file with the reason. Both go on with the other records, and a warning counts those refused. A failure that is not about one record (no connection, no right, no space, no such table) always fails the run.",
    ),
  deadLetter: z
    .strictObject({
      path: z
        .string()
        .min(1)
        .describe(
          "The file, relative to the working directory; folders missing on the way are made. A record that is refused again after a failure may stand in it twice, with the same `id`.",
        ),
    })
    .optional()
    .describe(
      "For `onError: deadLetter`, of the output or of a filter: the file to which refused records are added, one JSON object a line with its `id`, when, where and why it was refused, and the `record` itself. It is on the disk before the stream's position moves past the record.",
    ),
} as const;

interface OnErrorConfig {
  readonly onError: (typeof errorPolicies)[number];
  readonly deadLetter?: { readonly path: string } | undefined;
}

/** Refuses an `onError` that lacks its file. A file that nothing is written to is found where the filters are known. */
export function refuseOnErrorMistakes(config: OnErrorConfig, context: z.RefinementCtx): void {
  if (config.onError !== "deadLetter" || config.deadLetter !== undefined) return;
  const message = "`onError: deadLetter` needs `deadLetter: { path }`, the file to write to";
  context.addIssue({ code: "custom", path: ["deadLetter"], message });
}

/** What the keys declare, for `Output.onError`. */
export function onErrorOf({ onError, deadLetter }: OnErrorConfig): OnError {
  if (deadLetter === undefined) return { policy: onError };
  return { policy: onError, deadLetters: () => new DeadLetterFile(deadLetter.path) };
}
