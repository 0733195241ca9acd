import { isTidemarkError, TidemarkError } from "../../errors.ts";

/**
 * What a failure of the output's own statements is to its user: it says that it is the output, and with which table.
 * Errors that say more already stay as they are, such as that of a missing right.
 */
export function writeFailure(error: unknown, table: string): unknown {
  if (!isTidemarkError(error, "QUERY_FAILED")) return error;
  return new TidemarkError("OUTPUT_FAILED", `writing to the table ${table} failed: ${error.message}`, {
    cause: error,
    details: { ...error.details, table },
  });
}
