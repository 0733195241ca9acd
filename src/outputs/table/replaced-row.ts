import type { InexactKey, TableStore } from "../../databases/table/store.ts";
import type { OutputContext } from "../../engine/ports.ts";
import { isTidemarkError, TidemarkError } from "../../errors.ts";
import { type SourceRecord, valueAt } from "../../model/record.ts";
import type { NewestGuard } from "./newest-guard.ts";
import type { TablePlan } from "./table-plan.ts";

interface Parts {
  readonly store: TableStore;
  readonly table: string;
  readonly key: readonly string[];
  readonly context: Pick<OutputContext, "cursorPath">;
  readonly plan: TablePlan;
  readonly newest: NewestGuard;
  readonly inexact: readonly InexactKey[];
}

/** What an upsert of one record would replace; see `OutputSession.replaces`. Changes nothing. */
export async function replacedBy(
  record: SourceRecord,
  { store, table, key, context, plan, newest, inexact }: Parts,
): Promise<"nothing" | "older" | "anything"> {
  if (key.length === 0 || (await store.describe(table)) === null) return "nothing";
  const before = plan.snapshot();
  try {
    plan.fit([record]);
    newest.look([record], plan);
    const target = { table, columns: plan.columns, key: plan.key, inexact };
    if ((await store.storedKey(target, record)) === null) return "nothing";
    return newest.canCompare(plan) && hasCursor(record, context) ? "older" : "anything";
  } catch (error) {
    const isOfRecord = error instanceof TidemarkError && store.faultOf(error) !== null;
    // The write then reports the error.
    if (isOfRecord || isTidemarkError(error, "RECORD_INVALID")) return "nothing";
    // A key of another type than the column's cannot be searched before the column is widened.
    if (isTidemarkError(error, "QUERY_FAILED")) return "anything";
    throw error;
  } finally {
    plan.restore(before);
  }
}

/** Without a cursor it does not count as newer than any row. */
function hasCursor(record: SourceRecord, { cursorPath }: Pick<OutputContext, "cursorPath">): boolean {
  const value = cursorPath === null || cursorPath === undefined ? null : valueAt(record, cursorPath);
  return value !== null && value !== undefined;
}
