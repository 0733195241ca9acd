import type { ColumnKind, SqlConnection } from "../../databases/port.ts";
import { TidemarkError } from "../../errors.ts";
import { postgresColumn } from "./postgres-column.ts";

/** Types of PostgreSQL that compare code point by code point under the collation `C`. */
const collated = new Set(["text", "varchar", "bpchar", "name"]);
/** Those that have no collation, and sort as their texts do. */
const sortsAsText = new Set(["uuid", "bytea", "macaddr", "macaddr8"]);

/**
 * A table's column as it is compared and sorted by code point, which is how cursors of type `text` are. Where
 * the database sorts the column so by itself it is taken bare, and its index is used.
 *
 * Throws `CONFIG_INCOHERENT` for a column whose values are no texts and sort otherwise.
 */
export async function comparedAsText(
  connection: SqlConnection,
  table: string,
  column: string,
  kind: ColumnKind | undefined,
): Promise<string> {
  const name = connection.dialect.identifier(column);
  switch (connection.dialect.name) {
    case "sqlite":
      return `${name} COLLATE BINARY`;
    case "mysql":
      // Records give bytes as the text that PostgreSQL writes for them.
      if (kind === "bytes") return `CONCAT('\\\\x', LOWER(HEX(${name})))`;
      // Whatever the column's character set is; its own binary collation would take `a` and `a ` for one. A
      // UUID of MariaDB is sorted by the parts of its time, and its text is not.
      return `CAST(CONVERT(${name} USING utf8mb4) AS BINARY)`;
    case "postgres":
      return comparedOnPostgres(connection, table, column);
  }
}

async function comparedOnPostgres(connection: SqlConnection, table: string, column: string): Promise<string> {
  const name = connection.dialect.identifier(column);
  const found = await postgresColumn(connection, connection.dialect.table(table), column);
  const base = found?.base ?? "text";
  if (collated.has(base)) return `${name} COLLATE "C"`;
  if (sortsAsText.has(base)) return name;
  // `citext` compares without case, and an enum by the order in which its words were declared.
  if (found?.isCollatable || found?.isEnum) return `CAST(${name} AS text) COLLATE "C"`;
  throw new TidemarkError(
    "CONFIG_INCOHERENT",
    `the column ${column} of ${table} is of type ${found?.type}, which PostgreSQL does not sort as text, and the cursor is declared \`type: text\``,
    {
      hint: 'Declare `type: numeric` for numbers, and `cursor` or `timestamp` for times. Otherwise give a `query` that compares and sorts `CAST(… AS text) COLLATE "C"`.',
    },
  );
}
