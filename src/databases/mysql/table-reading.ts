import { isEpoch, noIsoText } from "../iso-texts.ts";
import { tableNameParts } from "../names.ts";
import type { ColumnKind, PlacedColumn, SqlConnection, TableReading, ValuesWithoutPlace } from "../port.ts";
import { uuidOrder } from "./uuid-order.ts";

const integers = ["tinyint", "smallint", "mediumint", "int", "bigint"];
const numbers = [...integers, "decimal", "float", "double"];
const texts = ["char", "varchar", "tinytext", "text", "mediumtext", "longtext"];
const bytes = ["binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"];

export const mysqlTables: TableReading = {
  transactionCursor: null,
  foldsNames: true,
  rowNames: [],
  orderedTypes: {
    times: ["timestamp", "datetime", "date", ...texts],
    counts: [...numbers, ...texts],
    numbers: [...numbers, "year", "bit"],
    texts: [...texts, ...bytes, "enum", "set", "uuid", "inet4", "inet6"],
  },
  numberTypes: numbers,
  columnType,
  comparedAsText,
  mayHoldIsoTexts: (kind) => kind === "text" || kind === "bytes",
  byLetters: (column) => column,
  uuidOrder,
  valuesWithoutPlace,
  nextId,
};

async function comparedAsText(
  connection: SqlConnection,
  _table: string,
  column: string,
  kind: ColumnKind | undefined,
): Promise<string> {
  const name = connection.dialect.identifier(column);
  // Records give bytes as the text that PostgreSQL writes for them.
  if (kind === "bytes") return `CONCAT('\\\\x', LOWER(HEX(${name})))`;
  // Whatever the column's character set is; its own binary collation would take `a` and `a ` for one. A
  // UUID of MariaDB is sorted by the parts of its time, and its text is not.
  return `CAST(CONVERT(${name} USING utf8mb4) AS BINARY)`;
}

async function columnType(
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

const none: ValuesWithoutPlace = { nulls: null, odd: null };

function valuesWithoutPlace({ column, kind, leading: { type, format } }: PlacedColumn): ValuesWithoutPlace {
  if (type !== "timestamp_utc") return none;
  if (kind === "timestamp" || kind === "date") {
    return { nulls: `(${column} < '0001-01-01')`, odd: null };
  }
  if (kind !== "text" || isEpoch(format.kind)) return none;
  const nulls = `(${column} = '' OR ${column} LIKE '0000-00-00%')`;
  return { nulls, odd: noIsoText(column, column, format.kind) };
}

async function nextId(connection: SqlConnection, table: string, column: string): Promise<bigint | null> {
  const { dialect } = connection;
  // The catalogue's own number may be a day old on MySQL 8.
  const [row] = await connection.query(`SHOW CREATE TABLE ${dialect.table(table)}`);
  const made = String(row?.["Create Table"] ?? "");
  const own = made.split("\n").find((line) => line.trim().startsWith(`${dialect.identifier(column)} `));
  if (own === undefined || !/\bAUTO_INCREMENT\b/.test(own)) return null;
  return BigInt(/^\) .*\bAUTO_INCREMENT=(\d+)/m.exec(made)?.[1] ?? "1");
}
