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
 * The field without which the database says something else of the record, or takes it: for errors that name no
 * column. The fields of the key come last. Within a transaction.
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

/** What the database says of a record, which is not written in any case; null where it takes it. */
async function tried({ store, target, record }: Row): Promise<TidemarkError | null> {
  try {
    await store.savepoint(async () => {
      await store.insert(target, [record]);
      // A fault has the savepoint undone.
      throw new TidemarkError("RECORD_INVALID", taken);
    });
  } catch (error) {
    if (!(error instanceof TidemarkError) || store.faultOf(error) === null) throw error;
    return error.message === taken ? null : error;
  }
  return null;
}
