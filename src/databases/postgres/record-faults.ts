import type { TidemarkError } from "../../errors.ts";
import { faultFoundHere, type RecordFault } from "../table/record-fault.ts";

/**
 * Data that cannot be read or does not fit (22), constraints (23), a row met twice in one statement
 * (21000), a view's own condition (44), rows and index entries that are too large or nested too deeply
 * (54), and what a trigger raises (P0) or meets in a language of its own (38). All else is about the
 * statement, the table or the server, but for what follows.
 */
const ofRows = /^(?:22|23|38|44|P0|21000|54000|54001|54011)/;

/**
 * A row that a policy of the table does not admit has the state of a missing right, and a function in PL/pgSQL may
 * raise any state. The server's routine name identifies it, in every language of its messages.
 */
const routinesOfRows = new Set<unknown>(["ExecWithCheckOptions", "exec_stmt_raise"]);

/**
 * What the input functions of some types say of a text: `tsvector`, `hstore` and `ltree` have syntax errors, and
 * `regclass` and its like miss a table, a type, a function or a schema. Statements have these errors too, with the
 * position of the mistake.
 */
const ofSomeTexts = /^(?:42601|42602|42704|42725|42883|42P01|3F000|0A000|XX000)/;

/** What a value by itself may be refused for, where no column is named. */
const ofValues = /^(?:22|42)/;

/** An invalid byte or escape in a text or in JSON. */
const ofTexts = new Set(["22021", "22P02", "22P05"]);

/** A foreign key, a unique key or an exclusion: other rows of the batch may lift them. */
const liftedByOthers = new Set(["23503", "23505", "23P01"]);

/** The detail that names a key's columns: `Key (a, b)=(1, 2) already exists.` */
const keyColumns = /Key \(([^=]*)\)=\(/;

export function postgresFault(error: TidemarkError): RecordFault | null {
  const own = faultFoundHere(error);
  if (own !== null) return own;
  const { sqlState, column } = error.details ?? {};
  if (error.code !== "QUERY_FAILED" || typeof sqlState !== "string") return null;
  const { routine, position } = serverError(error.cause);
  const isOfRows = ofRows.test(sqlState) || routinesOfRows.has(routine);
  const onlyByValue = !isOfRows && position === undefined && ofSomeTexts.test(sqlState);
  if (!isOfRows && !onlyByValue) return null;
  return {
    columns: columnsOf(error.message, column),
    awaitsOthers: liftedByOthers.has(sqlState),
    ofOneValue: ofValues.test(sqlState),
    ofText: ofTexts.has(sqlState),
    onlyByValue,
  };
}

function serverError(cause: unknown): { readonly routine?: unknown; readonly position?: unknown } {
  return typeof cause === "object" && cause !== null ? cause : {};
}

function columnsOf(message: string, column: unknown): string[] {
  if (typeof column === "string") return [column];
  const [, list] = keyColumns.exec(message) ?? [];
  return list === undefined ? [] : list.split(", ").map(unquoted);
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
