import type { ColumnKind, SqlConnection } from "../../databases/port.ts";
import type { Incremental } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { assertOrderedType, kindProblem } from "./column-types.ts";
import { requireColumns } from "./known-columns.ts";

/**
 * Checks a table before its generated query runs: SQLite reads the name of a missing column as a string, and errors of
 * other databases do not list the columns. Returns the kind of the leading cursor's column, if there is one.
 *
 * Throws `FIELD_UNKNOWN` for a cursor or a key that the table does not have, `CONFIG_INCOHERENT` for a column whose
 * type cannot hold the declared cursor, which would otherwise show only in its first record, and `QUERY_FAILED` where
 * the table does not exist.
 */
export async function checkTable(
  connection: SqlConnection,
  table: string,
  incremental: Pick<Incremental, "cursors" | "key">,
): Promise<ColumnKind | undefined> {
  const columns = await connection.columns(table);
  if (columns === null) {
    throw new TidemarkError("QUERY_FAILED", `the table ${table} does not exist`, {
      hint: "Check its name and schema, and that the user may see it.",
    });
  }
  const names = columns.map(({ name }) => name);
  const { foldsNames, rowNames } = connection.dialect.tables;
  requireColumns(names, incremental, {
    where: `the columns of the table ${table}`,
    anyCase: foldsNames,
    besides: rowNames,
  });
  const [leading] = incremental.cursors;
  const kind = columns.find(({ name }) => name === leading?.path?.at(-1))?.kind;
  const problem = kindProblem(kind, leading, table);
  if (problem !== null) throw problem;
  if (leading !== undefined) await assertOrderedType(connection, table, leading);
  return kind;
}
