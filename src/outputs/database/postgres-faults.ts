import type { TidemarkError } from "../../errors.ts";
import { faultFoundHere, type RecordFault } from "./record-fault.ts";

/**
 * Data that cannot be read or does not fit (22), constraints (23), a row met twice in one statement
 * (21000), a view's own condition (44), rows and index entries that are too large or nested too deeply
 * (54), and what a trigger raises (P0001, P0004). All else is about the statement, the table or the server.
 */
const ofRows = /^(?:22|23|44|21000|54000|54001|54011|P0001|P0004)/;

/** A foreign key, a unique key or an exclusion: other rows of the batch may lift them. */
const liftedByOthers = new Set(["23503", "23505", "23P01"]);

/** The detail that names a key's columns: `Key (a, b)=(1, 2) already exists.` */
const keyColumns = /Key \(([^=]*)\)=\(/;

export function postgresFault(error: TidemarkError): RecordFault | null {
  const own = faultFoundHere(error);
  if (own !== null) return own;
  const { sqlState, column } = error.details ?? {};
  if (error.code !== "QUERY_FAILED" || typeof sqlState !== "string") return null;
  if (!ofRows.test(sqlState) && !isOfPolicy(error, sqlState)) return null;
  return { columns: columnsOf(error.message, column), awaitsOthers: liftedByOthers.has(sqlState) };
}

/** A row that a policy of the table does not admit has the state of a missing right; the server's routine tells. */
function isOfPolicy({ cause }: TidemarkError, sqlState: string): boolean {
  if (sqlState !== "42501" || typeof cause !== "object" || cause === null || !("routine" in cause))
    return false;
  return cause.routine === "ExecWithCheckOptions";
}

function columnsOf(message: string, column: unknown): string[] {
  if (typeof column === "string") return [column];
  const [, list] = keyColumns.exec(message) ?? [];
  return list === undefined ? [] : list.split(", ").map(unquoted);
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
