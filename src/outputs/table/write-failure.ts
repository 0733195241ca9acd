import { isTidemarkError, TidemarkError } from "../../errors.ts";

/**
 * Converts an error of the output's own statements: the message names the output and its table. More specific errors,
 * such as one for missing rights, are not changed.
 */
export function writeFailure(error: unknown, table: string): unknown {
  if (!isTidemarkError(error, "QUERY_FAILED")) return error;
  return new TidemarkError("OUTPUT_FAILED", `writing to the table ${table} failed: ${error.message}`, {
    cause: error,
    details: { ...error.details, table },
  });
}
