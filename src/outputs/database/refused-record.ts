import { TidemarkError } from "../../errors.ts";
import { stringifyJson } from "../../model/json.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { Target } from "./table-store.ts";

/**
 * What a database said to a write, as the output's own error: in its words, with the table and the
 * record, or the first of the records, that it was about. Errors of another kind stay as they are.
 */
export function refusedRecord(
  error: TidemarkError,
  target: Target,
  record: SourceRecord | null,
): TidemarkError {
  if (error.code !== "QUERY_FAILED") return error;
  const which = record === null ? "" : ` ${nameOf(target, record)}`;
  return new TidemarkError(
    "OUTPUT_FAILED",
    `the table ${target.table} refused${which || " a row"}: ${error.message}`,
    {
      cause: error,
      ...(error.details === undefined ? {} : { details: { ...error.details, table: target.table } }),
    },
  );
}

function nameOf(target: Target, record: SourceRecord): string {
  const fields =
    target.key.length > 0
      ? target.columns.filter(({ name }) => target.key.includes(name)).map(({ field }) => field)
      : Object.keys(record).slice(0, 3);
  const shown = fields.map((field) => `${field} ${stringifyJson(record[field] ?? null)}`).join(", ");
  return `the record with ${shown.length > 200 ? `${shown.slice(0, 200)}…` : shown}`;
}
