import type { ColumnKind, SqlConnection, SqlRow } from "../port.ts";
import type { TableStore } from "../table/store.ts";

/** A column on its way to a wider type. `definition` begins with its name. */
interface ColumnChange {
  readonly name: string;
  readonly definition: string;
  readonly from: ColumnKind;
  readonly to: ColumnKind;
}

/** A marker in the comment of a column whose type was changed, but whose values are not all converted yet. */
const pending = "Tidemark is turning this to text from ";

/**
 * Gives columns wider types. What becomes text is to read as it did (`true` and not `1`, `0.5` and not `0.500…`), which
 * takes a second step; MySQL commits each step by itself, so the column's comment marks in between that the second is
 * due, and the next writer makes it.
 */
export async function widenColumns(
  connection: SqlConnection,
  table: string,
  changes: readonly ColumnChange[],
): Promise<void> {
  const alter = (columns: readonly string[]) =>
    connection.execute(
      `ALTER TABLE ${connection.dialect.table(table)} ${columns.map((column) => `MODIFY COLUMN ${column}`).join(", ")}`,
    );
  await alter(
    changes.map(({ definition, from, to }) =>
      rewritten(from, to) ? `${definition} COMMENT '${pending}${from}'` : definition,
    ),
  );
  const due = changes.filter(({ from, to }) => rewritten(from, to));
  if (due.length === 0) return;
  await rewrite(connection, table, due);
  await alter(due.map(({ definition }) => definition));
}

function rewritten(from: ColumnKind, to: ColumnKind): boolean {
  return to === "text" && (from === "boolean" || from === "decimal");
}

/** A truth value of a column, as the word for it. */
export function wordOf(column: string): string {
  return `CASE ${column} WHEN '1' THEN 'true' WHEN '0' THEN 'false' ELSE ${column} END`;
}

/** Idempotent, even if it was partly done before. */
async function rewrite(
  connection: SqlConnection,
  table: string,
  columns: readonly { readonly name: string; readonly from: ColumnKind }[],
): Promise<void> {
  const set = columns.map(({ name, from }) => {
    const column = connection.dialect.identifier(name);
    const text =
      from === "boolean"
        ? wordOf(column)
        : `CASE WHEN ${column} LIKE '%.%' THEN TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM ${column})) ELSE ${column} END`;
    return `${column} = ${text}`;
  });
  await connection.execute(`UPDATE ${connection.dialect.table(table)} SET ${set.join(", ")}`);
}

/**
 * Makes the second step where a process was stopped after the first. `columns` are the table's, with
 * their comments. Returns whether there was anything to do.
 */
export async function finishWidening(
  store: TableStore,
  connection: SqlConnection,
  table: string,
  columns: readonly SqlRow[],
): Promise<boolean> {
  if (!columns.some(({ comment }) => String(comment).startsWith(pending))) return false;
  await store.changeTables(async () => {
    const quoted = connection.dialect.table(table);
    const [row] = await connection.query(`SHOW CREATE TABLE ${quoted}`);
    const lines = String(row?.["Create Table"] ?? "").split("\n");
    for (const { name, comment } of columns) {
      const from = String(comment).slice(pending.length);
      if (!String(comment).startsWith(pending) || (from !== "boolean" && from !== "decimal")) continue;
      const column = String(name);
      const line = lines.find((one) => one.trim().startsWith(`${connection.dialect.identifier(column)} `));
      // Another process has made it meanwhile.
      if (line === undefined || !line.includes(pending)) continue;
      await rewrite(connection, table, [{ name: column, from }]);
      const definition = line.trim().replace(/ COMMENT '[^']*',?$/, "");
      await connection.execute(`ALTER TABLE ${quoted} MODIFY COLUMN ${definition}`);
    }
  });
  return true;
}
