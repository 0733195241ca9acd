import { TidemarkError } from "../../errors.ts";
import { stringifyJson } from "../../model/json.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { FieldColumn, Target } from "./table-store.ts";
import { declaredOf, shown } from "./value-checks.ts";

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

/** A value that a column would change or lose, refused before its batch. `key` are the fields of the record's key. */
export function refusedValue(
  record: SourceRecord,
  column: FieldColumn,
  problem: string,
  { table, key }: { readonly table: string; readonly key: readonly string[] },
): TidemarkError {
  const { field, name } = column;
  const type = declaredOf(column);
  const names = key.length > 0 ? key : Object.keys(record).slice(0, 3);
  return new TidemarkError(
    "RECORD_INVALID",
    `the column ${name} (${type}) of the table ${table} cannot hold ${shown(record[field])} as it is, the field \`${field}\` of ${recordBy(record, names)}: ${problem}`,
    {
      hint: `Give the column a type that holds the value (\`columns: { ${field}: text }\` where Tidemark makes it), or change the field with a filter.`,
      details: { table, column: name, type, field },
    },
  );
}

function nameOf(target: Target, record: SourceRecord): string {
  const fields =
    target.key.length > 0
      ? target.columns.filter(({ name }) => target.key.includes(name)).map(({ field }) => field)
      : Object.keys(record).slice(0, 3);
  return recordBy(record, fields);
}

function recordBy(record: SourceRecord, fields: readonly string[]): string {
  const text = fields.map((field) => `${field} ${stringifyJson(record[field] ?? null)}`).join(", ");
  return `the record with ${text.length > 200 ? `${text.slice(0, 200)}…` : text}`;
}
