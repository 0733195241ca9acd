import type { FieldColumn } from "../../databases/table/column.ts";
import type { RecordFault } from "../../databases/table/record-fault.ts";
import type { TableStore, Target } from "../../databases/table/store.ts";
import { declaredOf, shown } from "../../databases/table/value-checks.ts";
import type { Refusal } from "../../engine/ports.ts";
import { errorCodes, TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import { recordName } from "../dead-letters/record-name.ts";
import { fieldByElimination } from "./field-at-fault.ts";
import { textProblem } from "./text-problems.ts";

interface RefusedRow {
  readonly store: TableStore;
  readonly target: Target;
  readonly record: SourceRecord;
}

const whatToDo =
  "Change what the pipeline makes of such a record with a filter, or declare `onError: deadLetter`; until then each run fails at it.";

/** The refusal for a single record that the database does not accept, with the faulty field where it can be found. */
export async function refusalOf(error: TidemarkError, fault: RecordFault, row: RefusedRow): Promise<Refusal> {
  const { store, target, record } = row;
  const collision = await collisionOf(row);
  const text =
    fault.ofText === true ? textProblem(record, target.columns, store.rules.refusesNul === true) : null;
  const field = collision?.field ?? text?.field ?? (await fieldOf(error, fault, row));
  // Then the error is about the statement or the server.
  if (fault.onlyByValue === true && field === null) throw error;
  const message = collision?.message ?? text?.message ?? error.message;
  const hint =
    collision?.hint ?? text?.hint ?? (error.hint === errorCodes.QUERY_FAILED.hint ? whatToDo : error.hint);
  return refusedRow({ target, record }, { message, field, hint, error });
}

/** The refusal for a record that cannot be written to any table. */
export function refusalBefore(
  error: TidemarkError,
  target: Pick<Target, "table" | "key">,
  record: SourceRecord,
): Refusal {
  const name = recordName(
    record,
    target.key.map((field) => [field]),
  );
  const failure = new TidemarkError(
    error.code,
    `${name} cannot be written to the table ${target.table}: ${error.message}`,
    {
      cause: error,
      hint: error.hint,
      details: { ...error.details, table: target.table },
    },
  );
  // The error about a value already names the record and the table.
  return { record, name, reason: error, failure: error.details?.table === undefined ? failure : error };
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
  const whose = recordName(
    record,
    key.map((field) => [field]),
  );
  return new TidemarkError(
    "RECORD_INVALID",
    `the column ${name} (${type}) of the table ${table} cannot hold ${shown(record[field])} as it is, the field \`${field}\` of ${whose}: ${problem}`,
    {
      hint: `Give the column a type that holds the value (\`columns: { ${field}: text }\` where Tidemark makes it), or change the field with a filter.`,
      details: { table, column: name, type, field },
    },
  );
}

interface Why {
  readonly message: string;
  readonly field: string | null;
  readonly hint: string;
  readonly error: TidemarkError;
}

function refusedRow(
  { target, record }: Omit<RefusedRow, "store">,
  { message, field, hint, error }: Why,
): Refusal {
  const name = recordName(record, keyFields(target));
  const at = field === null ? "" : `the field \`${field}\`: `;
  const code = error.code === "QUERY_FAILED" ? "OUTPUT_FAILED" : error.code;
  const details = { ...error.details, table: target.table, ...(field === null ? {} : { field }) };
  const failed = (message: string) => new TidemarkError(code, message, { cause: error, hint, details });
  return {
    record,
    name,
    reason: failed(`${at}${message}`),
    failure: failed(`the table ${target.table} refused ${name}: ${at}${message}`),
  };
}

/** The fields that make up the key. */
function keyFields({ columns, key }: Target): string[][] {
  return columns.filter(({ name }) => key.includes(name)).map(({ field }) => [field]);
}

async function fieldOf(
  error: TidemarkError,
  fault: RecordFault,
  { store, target, record }: RefusedRow,
): Promise<string | null> {
  const [name] = fault.columns;
  const named = target.columns.find((column) => column.name === name);
  if (named !== undefined) return named.field;
  const found = (await store.fieldAtFault?.(error, target, record)) ?? null;
  return (
    found ?? (fault.ofOneValue === true ? await fieldByElimination(error, { store, target, record }) : null)
  );
}

/**
 * No row can have a key that the database cannot compare, such as a letter that is not in the column's character set.
 */
async function storedKeyOf({ store, target, record }: RefusedRow) {
  try {
    return await store.savepoint(() => store.storedKey(target, record));
  } catch (error) {
    if (error instanceof TidemarkError && store.faultOf(error) !== null) return null;
    throw error;
  }
}

/** Whether the record's key collides with a different key of an existing row, which the column treats as equal. */
async function collisionOf({
  store,
  target,
  record,
}: RefusedRow): Promise<{ message: string; field: string; hint: string } | null> {
  const inexact = target.inexact ?? [];
  if (inexact.length === 0) return null;
  const stored = await storedKeyOf({ store, target, record });
  if (stored === null) return null;
  for (const { column, because } of inexact) {
    const field = target.columns.find(({ name }) => name === column)?.field ?? column;
    const other = stored[column];
    if (other === undefined || other === String(record[field])) continue;
    return {
      field,
      message: `its key ${JSON.stringify(record[field])} is one with ${JSON.stringify(other)}, the key of a row that is there, since ${because}`,
      hint: `Give the column \`${column}\` a type and a collation that distinguish them, or choose another \`key\`.`,
    };
  }
  return null;
}
