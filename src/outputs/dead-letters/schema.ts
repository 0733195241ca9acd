import { z } from "zod";
import { errorPolicies, type OnError, type RefusalLimit } from "../../engine/ports.ts";
import { fileNameError } from "../../file-names.ts";
import { DeadLetterBook } from "./dead-letter-book.ts";
import { DeadLetterFile } from "./dead-letter-file.ts";

/** From above 0% to 100%. */
const share = /^(?!0+(?:\.0+)?%)(?:100|\d{1,2}(?:\.\d{1,9})?)%$/;

/** The keys of every output for refused records. */
export const onErrorShape = {
  onError: z
    .enum(errorPolicies)
    .default("fail")
    .describe(
      "What happens to a record that the output refuses or cannot hold, or that cannot be read from the source. `fail` fails the run, and the next run meets the record again. `skip` leaves the record out. `deadLetter` writes it to a file with the reason. With both, the run goes on, and a warning counts the refused records. A failure that is not about one record (no connection, no right, no space, no such table) always fails the run.",
    ),
  deadLetter: z
    .strictObject({
      path: z
        .string()
        .min(1)
        .superRefine((path, context) => {
          const message = letterPathError(path);
          if (message !== null) context.addIssue({ code: "custom", message });
        })
        .describe(
          "The file, relative to the working directory. Missing folders are created. Placeholders are not filled in. A record that is refused again after a crash may be in it twice, with the same `id`.",
        ),
    })
    .optional()
    .describe(
      "For `onError: deadLetter`, of the output or of a filter: the file to which refused records are added. Each line is a JSON object with an `id`, when, where and why the record was refused, and the `record`. It is on the disk before the position moves past the record.",
    ),
  maxRefused: z
    .union([
      z.int().min(1, { error: "0 is `onError: fail`; give a number from 1, or leave it out" }),
      z.string().regex(share, { error: "is a number of records, or a share such as `5%`, up to `100%`" }),
    ])
    .optional()
    .describe(
      "How many refused records a run may have, of filters, the output and the reading of the source together: a number such as `10`, or a share such as `5%`. Above it the run fails with `TOO_MANY_REFUSED`, and the position stays at the last checkpoint. A share is checked at the end, and at each checkpoint from 100 records on. Default: the run fails if every record was refused. `100%` is no limit.",
    ),
} as const;

/** Letters of all runs are read from one file, so its name must be the same in every run. */
function letterPathError(path: string): string | null {
  const braces = /\{\{[^{}]*(?:\}\})?/.exec(path)?.[0];
  if (braces === undefined) return fileNameError(path, "refused.jsonl");
  return `holds \`${braces}\`, and nothing is filled in here; write one name for all runs, such as \`./refused.jsonl\`, and move the file away when you want a new one`;
}

interface OnErrorConfig {
  readonly onError: (typeof errorPolicies)[number];
  readonly deadLetter?: { readonly path: string } | undefined;
  readonly maxRefused?: number | string | undefined;
}

/** Adds issues for an `onError` without its file. An unused file is reported where the filters are known. */
export function validateOnError(config: OnErrorConfig, context: z.RefinementCtx): void {
  if (config.onError !== "deadLetter" || config.deadLetter !== undefined) return;
  const message = "`onError: deadLetter` needs `deadLetter: { path }`, the file to write to";
  context.addIssue({ code: "custom", path: ["deadLetter"], message });
}

/** The keys as `Output.onError`. */
export function onErrorOf({ onError, deadLetter, maxRefused }: OnErrorConfig): OnError {
  return {
    policy: onError,
    ...(deadLetter === undefined
      ? {}
      : {
          deadLetters: () => new DeadLetterFile(deadLetter.path),
          keptLetters: () => new DeadLetterBook(deadLetter.path),
        }),
    ...(maxRefused === undefined ? {} : { maxRefused: limitOf(maxRefused) }),
  };
}

function limitOf(maxRefused: number | string): RefusalLimit {
  return typeof maxRefused === "number"
    ? { records: maxRefused }
    : { share: Number.parseFloat(maxRefused) / 100 };
}
