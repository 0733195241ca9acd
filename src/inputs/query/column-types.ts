import type { ColumnKind, CursorKind, SqlConnection, TableReading } from "../../databases/port.ts";
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
  const column = leading.path?.at(-1);
  const { tables } = connection.dialect;
  if (column === undefined || typesFor(leading, tables) === null) return;
  const found = await tables.columnType(connection, table, column);
  const problem = found === null ? null : typeProblem({ ...found, name: column }, table, leading, tables);
  if (problem !== null) throw problem;
}

interface TypedColumn {
  readonly name: string;
  readonly base: string;
  readonly type: string;
}

type Ordering = Pick<TableReading, "orderedTypes" | "numberTypes">;

/** Why a column's type has not the order of the declared cursor; null where it has. */
export function typeProblem(
  { name, base, type }: TypedColumn,
  table: string,
  leading: CursorField,
  tables: Ordering,
): TidemarkError | null {
  const declared = declaredAs(leading);
  const types = typesFor(leading, tables);
  if (declared === null || types === null || types.includes(base)) return null;
  const { cursor, column: needed } = descriptions[declared];
  const isNumber = tables.numberTypes.includes(base);
  return new TidemarkError(
    "CONFIG_INCOHERENT",
    `the column ${name} of ${table} is of type ${type}, and the cursor is declared ${cursor}`,
    {
      hint:
        isNumber && declared === "times"
          ? "Declare `statePersistence: { id: { field: … } }` for ids, or `format: epoch_s`, `epoch_ms` … for times."
          : `Choose a column of ${needed}, declare the cursor as what the column holds, or give a \`query\` that selects, compares and sorts what makes one of it.`,
    },
  );
}

/** The types that a cursor's column may have; null where any will do. */
function typesFor(leading: CursorField, { orderedTypes }: Ordering): readonly string[] | null {
  const declared = declaredAs(leading);
  if (declared === null || orderedTypes === null) return null;
  const types = orderedTypes[declared];
  return types.length === 0 ? null : types;
}

/** Why the kind of a column cannot hold the declared cursor; null where it can. */
export function kindProblem(
  kind: ColumnKind | undefined,
  leading: CursorField | undefined,
  table: string,
): TidemarkError | null {
  const column = leading?.path?.join(".");
  if (leading?.type === "timestamp_utc" && leading.format.kind === "iso8601" && kind === "integer") {
    return new TidemarkError(
      "CONFIG_INCOHERENT",
      `the column ${column} of ${table} holds numbers, and the cursor is declared a timestamp`,
      {
        hint: "Declare `statePersistence: { id: { field: … } }` for ids, or `format: epoch_ms` for times.",
      },
    );
  }
  if (leading?.type !== "numeric_id" || kind !== "text") return null;
  return new TidemarkError(
    "CONFIG_INCOHERENT",
    `the column ${column} of ${table} holds text, which the database does not compare as numbers`,
    { hint: "Declare `statePersistence.id.type: text`, or give a `query` that casts it." },
  );
}
