import { isTidemarkError } from "../../errors.ts";
import type { Catalog, CatalogTable } from "../catalog.ts";
import {
  assembledTables,
  type FoundColumn,
  type FoundIndexColumn,
  type FoundTable,
} from "../catalog-rows.ts";
import type { SqlConnection, SqlRow } from "../port.ts";
import { textMarker } from "../table/marker.ts";
import { columnKind } from "./values.ts";

const schema = "main";

/** Shadow tables hold what a virtual table is made of. */
const tablesQuery = `
SELECT l.name, l.type, s.sql
  FROM pragma_table_list l LEFT JOIN main.sqlite_schema s ON s.name = l.name AND s.type IN ('table', 'view')
 WHERE l.schema = 'main' AND l.type <> 'shadow' AND lower(substr(l.name, 1, 7)) <> 'sqlite_'`;

/** Hidden columns of virtual tables are their arguments; computed columns are 2 and 3. */
const columnsQuery = (tables: string) => `
SELECT l.name AS "table", c.name, c.type, c."notnull" AS never_null, c.pk
  FROM ${tables} l JOIN pragma_table_xinfo(l.name, 'main') c WHERE c.hidden <> 1 ORDER BY l.name, c.cid`;

const indexesQuery = (tables: string) => `
SELECT l.name AS "table", i.name AS "index", i."unique", i.origin, i.partial, x.cid, x.name AS "column"
  FROM ${tables} l JOIN pragma_index_list(l.name, 'main') i JOIN pragma_index_xinfo(i.name, 'main') x
 WHERE x.key = 1 ORDER BY l.name, i.seq, x.seqno`;

const everyTable = `(SELECT name FROM pragma_table_list WHERE schema = 'main')`;
const oneTable = "(SELECT ?1 AS name)";

/** The catalog of a SQLite file, in four queries. */
export async function sqliteCatalog(connection: SqlConnection): Promise<Catalog> {
  return {
    searchPath: [schema],
    async tables(schemas, signal) {
      if (schemas !== null && !schemas.some((name) => name.toLowerCase() === schema)) return [];
      signal.throwIfAborted();
      return tablesOf(connection);
    },
  };
}

async function tablesOf(connection: SqlConnection): Promise<readonly CatalogTable[]> {
  const tables = await connection.query(tablesQuery);
  const rowsOf = await estimates(connection);
  const parts = (await partsOf(connection, null)) ?? (await partsOneByOne(connection, tables));
  const primary = primaryKeys(parts);
  return assembledTables({
    tables: tables.map(({ name, type, sql }): FoundTable => {
      return {
        id: String(name),
        schema,
        name: String(name),
        kind: type === "view" ? "view" : "table",
        estimatedRows: type === "view" ? null : (rowsOf.get(String(name)) ?? null),
        readable: !parts.broken.has(String(name)),
        isOurs: String(sql ?? "").includes(textMarker),
      };
    }),
    columns: parts.columns.map((row) => columnOf(row, primary)),
    indexes: [...[...primary.values()].flat(), ...parts.indexes.map(indexColumnOf)],
  });
}

interface Parts {
  readonly columns: readonly SqlRow[];
  readonly indexes: readonly SqlRow[];
  /** Views of what is gone, and virtual tables of an unknown module. */
  readonly broken: ReadonlySet<string>;
}

/** Of all tables, or of one; null where SQLite cannot read one of them. */
async function partsOf(connection: SqlConnection, table: string | null): Promise<Parts | null> {
  const from = table === null ? everyTable : oneTable;
  const params = table === null ? [] : [table];
  try {
    return {
      columns: await connection.query(columnsQuery(from), params),
      indexes: await connection.query(indexesQuery(from), params),
      broken: new Set(),
    };
  } catch (error) {
    if (isTidemarkError(error, "QUERY_FAILED")) return null;
    throw error;
  }
}

async function partsOneByOne(connection: SqlConnection, tables: readonly SqlRow[]): Promise<Parts> {
  const columns: SqlRow[] = [];
  const indexes: SqlRow[] = [];
  const broken = new Set<string>();
  for (const { name } of tables) {
    const parts = await partsOf(connection, String(name));
    if (parts === null) broken.add(String(name));
    columns.push(...(parts?.columns ?? []));
    indexes.push(...(parts?.indexes ?? []));
  }
  return { columns, indexes, broken };
}

/** `ANALYZE` counts rows, and makes the table that it keeps them in. */
async function estimates(connection: SqlConnection): Promise<ReadonlyMap<string, number>> {
  const [table] = await connection.query("SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_stat1'");
  if (table === undefined) return new Map();
  const rows = await connection.query(
    'SELECT tbl AS "table", max(CAST(stat AS INTEGER)) AS rows FROM main.sqlite_stat1 GROUP BY tbl',
  );
  return new Map(rows.map(({ table, rows }) => [String(table), Number(rows)]));
}

/** An `INTEGER PRIMARY KEY` is the row's own number, and has no index besides. */
function primaryKeys({ columns, indexes }: Parts): ReadonlyMap<string, FoundIndexColumn[]> {
  const own = new Set(indexes.filter(({ origin }) => origin === "pk").map(({ table }) => String(table)));
  const keys = Map.groupBy(
    columns.filter(({ pk }) => Number(pk) > 0),
    ({ table }) => String(table),
  );
  return new Map(
    [...keys].map(([table, rows]) => [
      table,
      rows
        .toSorted((a, b) => Number(a.pk) - Number(b.pk))
        .map(({ name }) => ({
          table,
          index: "",
          column: String(name),
          isPrimary: true,
          isUnique: true,
          isOrdered: !own.has(table) && rows.length === 1,
        })),
    ]),
  );
}

function columnOf(row: SqlRow, primary: ReadonlyMap<string, FoundIndexColumn[]>): FoundColumn {
  const type = String(row.type);
  const name = String(row.name);
  const [key] = primary.get(String(row.table)) ?? [];
  const isRowNumber = key?.column === name && key.isOrdered && type.toUpperCase() === "INTEGER";
  return {
    table: String(row.table),
    name,
    type,
    base: type.toLowerCase(),
    kind: columnKind(type),
    nullable: Number(row.never_null) === 0 && !isRowNumber,
    numbered: isRowNumber,
  };
}

function indexColumnOf({ table, index, unique, origin, partial, cid, column }: SqlRow): FoundIndexColumn {
  const isWhole = Number(partial) === 0;
  return {
    table: String(table),
    index: String(index),
    column: Number(cid) < 0 ? null : String(column),
    isPrimary: false,
    // The primary key is known by its columns.
    isUnique: Number(unique) === 1 && isWhole && origin !== "pk",
    isOrdered: isWhole,
  };
}
