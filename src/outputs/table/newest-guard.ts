import type { SqlConnection } from "../../databases/port.ts";
import type { FieldColumn, TableColumn } from "../../databases/table/column.ts";
import { CursorTexts, type NewestBy, textOrderOf } from "../../databases/table/newest-row.ts";
import type { ColumnRules, TableDescription } from "../../databases/table/store.ts";
import type { OutputContext } from "../../engine/ports.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { TablePlan } from "./table-plan.ts";

/** How many existing rows are read to see the form of the cursor in the table. */
const rowsLookedAt = 1_000;

export interface NewestGuardOptions {
  readonly table: string;
  readonly keyed: boolean;
  readonly rules: ColumnRules;
  readonly context: Pick<OutputContext, "cursorPath" | "cursorType" | "warn">;
}

/**
 * For a backfill that upserts: the column by which a newer row of a live run is recognised, so that the backfill does
 * not replace it, and a warning where there is none.
 */
export class NewestGuard {
  readonly #options: NewestGuardOptions;
  /** The cursor's field; null where it lies within one. */
  readonly #field: string | null;
  readonly #isNeeded: boolean;
  readonly #texts: CursorTexts;
  #hasWarned = false;

  constructor(options: NewestGuardOptions) {
    const { cursorPath = null, cursorType = null } = options.context;
    this.#options = options;
    this.#isNeeded = options.keyed && cursorPath !== null;
    this.#field = cursorPath?.length === 1 ? (cursorPath[0] ?? null) : null;
    this.#texts = new CursorTexts(textOrderOf(cursorType));
  }

  /** Whether newer rows can be recognised, as far as was seen. */
  canCompare(plan: TablePlan): boolean {
    return this.#isNeeded && !this.#hasWarned && this.#columnOf(plan) !== null;
  }

  by(plan: TablePlan): NewestBy | null {
    const { table, context } = this.#options;
    if (!this.#isNeeded) return null;
    const column = this.#columnOf(plan);
    if (column !== null) {
      return { column: column.name, order: textOrderOf(context.cursorType ?? null) };
    }
    context.warn(
      "BACKFILL_MAY_OVERWRITE",
      `the table ${table} has no column of the cursor ${context.cursorPath?.join(".")}: a record that changes while the backfill reads it may be put back to what it was, until it changes again`,
    );
    return null;
  }

  #columnOf(plan: TablePlan): FieldColumn | null {
    const column = plan.columns.find(({ field }) => field === this.#field);
    const decides = column !== undefined && column.kind !== "json" && !plan.key.includes(column.name);
    return decides ? column : null;
  }

  /** Reads existing rows. Call once, before records are written. */
  async lookAtRows(connection: SqlConnection, { columns }: TableDescription): Promise<void> {
    const { rules, table } = this.#options;
    const field = this.#field;
    if (!this.#isNeeded || field === null) return;
    const column = columns.find(({ name }) => rules.fold(name) === rules.fold(field));
    if (column === undefined || !this.#mayHoldTexts(column)) return;
    const { dialect } = connection;
    const name = dialect.identifier(column.name);
    const rows = await connection.query(
      dialect.fragments.limited(
        `SELECT ${name} AS value FROM ${dialect.table(table)} WHERE ${name} IS NOT NULL`,
        rowsLookedAt,
      ),
    );
    for (const { value } of rows) this.#look(value, column);
  }

  look(records: readonly SourceRecord[], plan: TablePlan): void {
    const field = this.#field;
    if (!this.#isNeeded || field === null || this.#hasWarned) return;
    const column = plan.columns.find((known) => known.field === field);
    if (column === undefined || !this.#mayHoldTexts(column)) return;
    for (const record of records) this.#look(record[field], column);
  }

  #mayHoldTexts({ kind }: TableColumn): boolean {
    return kind === "text" || (this.#options.rules.keepsStorageClasses === true && kind !== "json");
  }

  #look(value: unknown, { name, kind }: TableColumn): void {
    if (this.#hasWarned || (kind !== "text" && typeof value !== "string")) return;
    const texts = this.#texts.unorderedBy(value);
    if (texts === null) return;
    this.#hasWarned = true;
    const { table, context } = this.#options;
    context.warn(
      "BACKFILL_MAY_OVERWRITE",
      `the column ${name} of the table ${table} holds the cursor as texts whose order the database does not know, such as ${texts}: a record that changes while the backfill reads it may be put back to what it was, and an older row may stay, until the record changes again. Run \`tidemark verify\` for the range afterwards; let a filter write times in one form (ISO 8601 in UTC), or give the table a column of times or numbers`,
    );
  }
}
