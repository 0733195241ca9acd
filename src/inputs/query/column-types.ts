import { tableNameParts } from "../../databases/names.ts";
import type { SqlConnection, SqlDialect } from "../../databases/port.ts";
import type { CursorField } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { postgresColumn } from "./postgres-column.ts";

/** What a cursor is declared as, in the terms that a column's type is chosen by. */
type Declared = "times" | "counts" | "numbers" | "texts";

type Types = Readonly<Record<Declared, readonly string[]>>;

const postgresNumbers = ["int2", "int4", "int8", "numeric", "float4", "float8"];
const postgresTexts = ["text", "varchar", "bpchar", "name", "citext"];

const mysqlIntegers = ["tinyint", "smallint", "mediumint", "int", "bigint"];
const mysqlNumbers = [...mysqlIntegers, "decimal", "float", "double"];
const mysqlTexts = ["char", "varchar", "tinytext", "text", "mediumtext", "longtext"];
const mysqlBytes = ["binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"];

/** The types of columns whose order is that of the cursor, or can be compared in that order. */
const followed: Readonly<Record<Exclude<SqlDialect["name"], "sqlite">, Types>> = {
  postgres: {
    times: ["timestamptz", "timestamp", "date", ...postgresTexts],
    counts: [...postgresNumbers, ...postgresTexts],
    numbers: [...postgresNumbers, "oid", "xid8"],
    // The rest is refused where the column's comparison is chosen.
    texts: [],
  },
  mysql: {
    times: ["timestamp", "datetime", "date", ...mysqlTexts],
    counts: [...mysqlNumbers, ...mysqlTexts],
    numbers: [...mysqlNumbers, "year", "bit"],
    texts: [...mysqlTexts, ...mysqlBytes, "enum", "set", "uuid", "inet4", "inet6"],
  },
};

function declaredAs({ type, format }: CursorField): Declared | null {
  if (type === "text") return "texts";
  if (type === "numeric_id") return "numbers";
  if (type !== "timestamp_utc") return null;
  return format.kind.startsWith("epoch") ? "counts" : "times";
}

const inWords: Readonly<Record<Declared, { readonly cursor: string; readonly column: string }>> = {
  times: { cursor: "a timestamp", column: "timestamps or dates" },
  counts: { cursor: "a timestamp", column: "numbers" },
  numbers: { cursor: "a number", column: "whole numbers or decimals" },
  texts: { cursor: "`type: text`", column: "texts" },
};

/**
 * Refuses a column by its type, with `CONFIG_INCOHERENT`: most types have an order of their own, or none. Rows
 * would be left out, or the database would refuse the bound in words that name no remedy.
 */
export async function refuseOtherTypes(
  connection: SqlConnection,
  table: string,
  leading: CursorField,
): Promise<void> {
  const declared = declaredAs(leading);
  const column = leading.path?.at(-1);
  const { name: database } = connection.dialect;
  if (declared === null || column === undefined || database === "sqlite") return;
  const types = followed[database][declared];
  if (types.length === 0) return;
  const found =
    database === "mysql"
      ? await mysqlColumn(connection, table, column)
      : await postgresColumn(connection, connection.dialect.table(table), column);
  if (found === null || types.includes(found.base)) return;
  const { cursor, column: needed } = inWords[declared];
  const isNumber = [...postgresNumbers, ...mysqlNumbers].includes(found.base);
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

async function mysqlColumn(
  connection: SqlConnection,
  table: string,
  column: string,
): Promise<{ readonly base: string; readonly type: string } | null> {
  const parts = tableNameParts(table);
  const at = (n: number): string => connection.dialect.placeholder(n);
  const [row] = await connection.query(
    `SELECT LOWER(data_type) AS base, LOWER(column_type) AS type FROM information_schema.columns
      WHERE table_schema = COALESCE(${at(1)}, DATABASE()) AND table_name = ${at(2)} AND column_name = ${at(3)}`,
    [parts.length > 1 ? (parts[0] ?? null) : null, parts.at(-1) ?? table, column],
  );
  return row === undefined ? null : { base: String(row.base), type: String(row.type) };
}
