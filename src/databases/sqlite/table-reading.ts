import { isEpoch } from "../iso-texts.ts";
import { quoted } from "../names.ts";
import type { PlacedColumn, SqlConnection, TableReading, ValuesWithoutPlace } from "../port.ts";
import { nameOf } from "./table-keys.ts";
import { undatedTexts } from "./undated-texts.ts";

export const sqliteTables: TableReading = {
  transactionCursor: null,
  foldsNames: true,
  rowNames: ["rowid", "oid", "_rowid_"],
  orderedTypes: null,
  numberTypes: [],
  columnType: async () => null,
  comparedAsText: async (connection, _table, column) =>
    `${connection.dialect.identifier(column)} COLLATE BINARY`,
  mayHoldIsoTexts: () => true,
  byLetters: (column) => column,
  uuidOrder: null,
  undatedTexts,
  valuesWithoutPlace,
  nextId,
};

/** SQLite keeps values of any class in one column, and sorts numbers before texts, and texts before bytes. */
function valuesWithoutPlace({ column, kind, leading, hasUpper }: PlacedColumn): ValuesWithoutPlace {
  const { type, format } = leading;
  const isText = kind === "text";
  if (type === "text") return { nulls: null, odd: isText ? null : `(${column} < '')` };
  if (type === "timestamp_utc" && !isEpoch(format.kind)) {
    return {
      nulls: `(${column} = '' OR (${column} >= '0000-00' AND ${column} < '0000-01'))`,
      odd: isText ? null : `(${column} < '')`,
    };
  }
  return { nulls: null, odd: hasUpper && !isText ? `(${column} >= '')` : null };
}

async function nextId(connection: SqlConnection, table: string, column: string): Promise<bigint | null> {
  const { schema, name } = nameOf(table);
  const columns = await connection.query("SELECT name, type, pk FROM pragma_table_info(?1, ?2)", [
    name,
    schema,
  ]);
  const keys = columns.filter(({ pk }) => Number(pk) > 0);
  const [key] = keys;
  const isRowid =
    keys.length === 1 &&
    /^integer$/i.test(String(key?.type)) &&
    String(key?.name).toLowerCase() === column.toLowerCase();
  if (!isRowid) return null;
  const [made] = await connection.query(
    `SELECT sql FROM ${quoted(schema)}.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE`,
    [name],
  );
  const counts = /\bAUTOINCREMENT\b/i.test(String(made?.sql));
  const [row] = counts
    ? await connection.query(
        `SELECT seq AS last FROM ${quoted(schema)}.sqlite_sequence WHERE name = ?1 COLLATE NOCASE`,
        [name],
      )
    : await connection.query(`SELECT max(rowid) AS last FROM ${connection.dialect.table(table)}`);
  return BigInt(String(row?.last ?? 0)) + 1n;
}
