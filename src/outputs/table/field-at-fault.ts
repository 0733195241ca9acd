import type { FieldColumn } from "../../databases/table/column.ts";
import type { TableStore, Target } from "../../databases/table/store.ts";
import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";

interface Row {
  readonly store: TableStore;
  readonly target: Target;
  readonly record: SourceRecord;
}

/**
 * Finds the field without which the database accepts the record or reports another error: for errors that name no
 * column. Key fields are tried last. Within a transaction.
 */
export async function fieldByElimination(
  error: TidemarkError,
  { store, target, record }: Row,
): Promise<string | null> {
  const isKey = ({ name }: FieldColumn) => target.key.includes(name);
  const columns = [...target.columns.filter((column) => !isKey(column)), ...target.columns.filter(isKey)];
  for (const { field } of columns) {
    if (record[field] === null || record[field] === undefined) continue;
    const said = await tried({ store, target, record: { ...record, [field]: null } });
    if (said?.message !== error.message) return field;
  }
  return null;
}

const taken = "the record is taken";

/** The database's error for a record, which is never written; null where it accepts it. */
async function tried({ store, target, record }: Row): Promise<TidemarkError | null> {
  try {
    await store.savepoint(async () => {
      await store.insert(target, [record]);
      // An error rolls back the savepoint.
      throw new TidemarkError("RECORD_INVALID", taken);
    });
  } catch (error) {
    if (!(error instanceof TidemarkError) || store.faultOf(error) === null) throw error;
    return error.message === taken ? null : error;
  }
  return null;
}
