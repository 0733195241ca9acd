import { TidemarkError } from "../../errors.ts";
import type { TableColumn } from "./column.ts";

/** An error about the rows of a statement: the database does not accept one of them. */
export interface RecordFault {
  /** The columns that the database names, by name; empty where it names none. */
  readonly columns: readonly string[];
  /** Whether the same row may be taken once other rows are there, as behind a foreign key. */
  readonly awaitsOthers: boolean;
  /**
   * Whether one value by itself is at fault, and no rule that several values may break together: the field can then be
   * found by leaving out one after the other.
   */
  readonly ofOneValue?: boolean;
  /** Whether it may be a character of a text that the database does not take. */
  readonly ofText?: boolean;
  /**
   * Whether the error may be about the statement or the server as well, so that it counts only where one of the
   * record's values causes it by itself.
   */
  readonly onlyByValue?: boolean;
  /** Which of the statement's records are at fault, by place, where that is known of all of them. */
  readonly places?: readonly number[];
}

/** A fault that Tidemark finds itself, before the database is asked. `column` is the name of the column. */
export function ownFault(message: string, column: string, hint: string): TidemarkError {
  return new TidemarkError("RECORD_INVALID", message, { hint, details: { column } });
}

/** A record without a value for a column that the database would fill by itself. */
export function nullFault({ name, nullBecomes }: Pick<TableColumn, "name" | "nullBecomes">): TidemarkError {
  return ownFault(
    `it is null or missing, and the column ${name} would make that ${nullBecomes}`,
    name,
    "Give every record a value with a `set` filter, leave the field out of all records with a `remove` filter, or change the column.",
  );
}

/** The faults that Tidemark finds itself, for all databases. */
export function faultFoundHere(error: TidemarkError): RecordFault | null {
  if (error.code !== "RECORD_INVALID") return null;
  const column = error.details?.column;
  return { columns: typeof column === "string" ? [column] : [], awaitsOthers: false, ofText: true };
}
