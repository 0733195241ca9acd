import { isTidemarkError, TidemarkError } from "../../errors.ts";

/** PostgreSQL, MySQL and MariaDB: the user lacks a right for a table, a column, a schema or a database. */
const missingRights = new Set<unknown>(["42501", 1142, 1143, 1227, 1370]);
/** The server, the session or the user may only read. */
const readOnly = new Set<unknown>(["25006", 1290, 1792, 1836]);

const ownTables = "`_tidemark_positions` and `_tidemark_delivered`";

/**
 * What a failure of the output's own statements is to its user: it says that it is the output, with which table, and
 * what to grant or to change. Errors that say more already stay as they are.
 */
export function writeFailure(error: unknown, table: string): unknown {
  if (!isTidemarkError(error, "QUERY_FAILED")) return error;
  const { sqlState, errno } = error.details ?? {};
  const hint = hintFor([sqlState, errno], table);
  return new TidemarkError("OUTPUT_FAILED", `writing to the table ${table} failed: ${error.message}`, {
    cause: error,
    ...(hint === null ? {} : { hint }),
    details: { ...error.details, table },
  });
}

function hintFor(codes: readonly unknown[], table: string): string | null {
  if (codes.some((code) => missingRights.has(code)))
    return `Give the user of the output's connection the rights SELECT, INSERT and UPDATE on ${table}, these and DELETE on Tidemark's own tables beside it (${ownTables}), and CREATE on their schema or database where any of them is missing (GRANT … TO …). A table of another user's that gains columns has to be that user's to change.`;
  if (codes.some((code) => readOnly.has(code)))
    return "The output's server, or its user, may only read. Give the address of the primary server, or lift `default_transaction_read_only` (PostgreSQL), `read_only` or `super_read_only` (MySQL) for this user.";
  return null;
}
