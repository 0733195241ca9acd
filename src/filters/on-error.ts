import { z } from "zod";
import { errorPolicies, type Filter } from "../engine/ports.ts";

/** The key of a filter for records that it cannot process. */
export const filterOnErrorShape = {
  onError: z
    .enum(errorPolicies)
    .optional()
    .describe(
      "What happens to a record that the filter cannot take: a value that cannot be transformed or compared, a script that throws. `fail` (default) fails the run, and the next run meets the record again. `skip` leaves the record out. `deadLetter` writes it, as it was read, to the output's `deadLetter` file. With both, the run goes on, and the result counts the refused records.",
    ),
} as const;

/** What the key declares. */
export function filterOnError({
  onError,
}: {
  readonly onError?: (typeof errorPolicies)[number] | undefined;
}): Pick<Filter, "onError"> {
  return onError === undefined || onError === "fail" ? {} : { onError: { policy: onError } };
}
