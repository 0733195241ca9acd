import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { TidemarkError } from "../../errors.ts";
import { quoted } from "../names.ts";

/** A foreign key of a table, with the statement that looks for the row it refers to. */
export interface ForeignKey {
  readonly columns: readonly string[];
  readonly parent: string;
  readonly find: StatementSync;
}

/** SQLite's result code for a foreign key that is violated. */
const foreignKeyCode = 787;

/** The foreign keys of a table. One whose other table or column is not there is left to SQLite. */
export function foreignKeysOf(
  database: DatabaseSync,
  { schema, name }: { readonly schema: string; readonly name: string },
): ForeignKey[] {
  const rows = database
    .prepare(
      `SELECT k.id, k."table" AS parent, k."from" AS child,
              coalesce(k."to", (SELECT c.name FROM pragma_table_info(k."table", ?2) c WHERE c.pk = k.seq + 1)) AS other
         FROM pragma_foreign_key_list(?1, ?2) k ORDER BY k.id, k.seq`,
    )
    .all(name, schema);
  return [...Map.groupBy(rows, ({ id }) => id).values()].flatMap((parts) => {
    const parent = String(parts[0]?.parent);
    const conditions = parts.map(({ other }) => `${quoted(String(other))} = ?`).join(" AND ");
    try {
      const find = database.prepare(`SELECT 1 FROM ${quoted(schema)}.${quoted(parent)} WHERE ${conditions}`);
      return [{ columns: parts.map(({ child }) => String(child)), parent, find }];
    } catch {
      return [];
    }
  });
}

/** The first of the keys whose row is not there; null where all are. `valueIn` gives what a column holds. */
export function brokenKey(
  keys: readonly ForeignKey[],
  valueIn: (column: string) => SQLInputValue | undefined,
): ForeignKey | null {
  for (const key of keys) {
    const values = key.columns.map(valueIn).filter((value) => value !== undefined && value !== null);
    if (values.length === key.columns.length && key.find.get(...values) === undefined) return key;
  }
  return null;
}

/** The error in the form of SQLite's own for a key that is not deferred. `places` are the indexes of the records. */
export function brokenKeyError(
  table: string,
  { columns, parent }: ForeignKey,
  places: readonly number[],
): TidemarkError {
  return new TidemarkError(
    "QUERY_FAILED",
    `there is no row of ${parent} that it refers to: FOREIGN KEY constraint failed: ${table}.${columns[0] ?? ""}`,
    { details: { errcode: foreignKeyCode, places } },
  );
}

/** What a COMMIT is refused for, where it is a deferred foreign key; the error itself otherwise. */
export function explainedCommit(error: unknown): unknown {
  if (!(error instanceof TidemarkError) || Number(error.details?.errcode) !== foreignKeyCode) return error;
  return new TidemarkError(
    "QUERY_FAILED",
    "a foreign key that is checked at the end of the transaction (DEFERRABLE INITIALLY DEFERRED) is violated, and SQLite does not say by which row",
    {
      cause: error,
      hint: "A row that others refer to was changed or replaced. Write the rows that refer to it first, or look at both tables for such values.",
      ...(error.details === undefined ? {} : { details: error.details }),
    },
  );
}
