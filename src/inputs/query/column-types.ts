import type { CursorKind, SqlConnection } from "../../databases/port.ts";
import type { CursorField } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";

function declaredAs({ type, format }: CursorField): CursorKind | null {
  if (type === "text") return "texts";
  if (type === "numeric_id") return "numbers";
  if (type !== "timestamp_utc") return null;
  return format.kind.startsWith("epoch") ? "counts" : "times";
}

const descriptions: Readonly<Record<CursorKind, { readonly cursor: string; readonly column: string }>> = {
  times: { cursor: "a timestamp", column: "timestamps or dates" },
  counts: { cursor: "a timestamp", column: "numbers" },
  numbers: { cursor: "a number", column: "whole numbers or decimals" },
  texts: { cursor: "`type: text`", column: "texts" },
};

/**
 * Throws `CONFIG_INCOHERENT` for a column whose type does not fit the declared cursor type: most types have an order of
 * their own, or none. Rows would be left out, or the database would reject the bound with an error that does not help.
 */
export async function assertOrderedType(
  connection: SqlConnection,
  table: string,
  leading: CursorField,
): Promise<void> {
  const declared = declaredAs(leading);
  const column = leading.path?.at(-1);
  const { orderedTypes, numberTypes, columnType } = connection.dialect.tables;
  if (declared === null || column === undefined || orderedTypes === null) return;
  const types = orderedTypes[declared];
  if (types.length === 0) return;
  const found = await columnType(connection, table, column);
  if (found === null || types.includes(found.base)) return;
  const { cursor, column: needed } = descriptions[declared];
  const isNumber = numberTypes.includes(found.base);
  throw new TidemarkError(
    "CONFIG_INCOHERENT",
    `the column ${column} of ${table} is of type ${found.type}, and the cursor is declared ${cursor}`,
    {
      hint:
        isNumber && declared === "times"
          ? "Declare `statePersistence: { id: { field: … } }` for ids, or `format: epoch_s`, `epoch_ms` … for times."
          : `Choose a column of ${needed}, declare the cursor as what the column holds, or give a \`query\` that selects, compares and sorts what makes one of it.`,
    },
  );
}
