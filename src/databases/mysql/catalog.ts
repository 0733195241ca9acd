import type { Catalog, CatalogTable } from "../catalog.ts";
import {
  assembledTables,
  type FoundColumn,
  type FoundIndexColumn,
  type FoundTable,
} from "../catalog-rows.ts";
import type { SqlConnection, SqlRow } from "../port.ts";
import { commentMarker } from "../table/marker.ts";
import { kindOfDataType } from "./values.ts";

const ownSchemas = ["mysql", "sys", "performance_schema", "information_schema"];

/** The server lists what the user has any right to. */
const tablesQuery = `
SELECT t.table_schema AS \`schema\`, t.table_name AS name, t.table_type AS kind, t.table_rows AS \`rows\`, t.table_comment AS comment
  FROM information_schema.tables t WHERE t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW') AND `;

const columnsQuery = `
SELECT t.table_schema AS \`schema\`, t.table_name AS name, t.column_name AS \`column\`, t.column_type AS type, LOWER(t.data_type) AS base,
       t.character_set_name AS characters, t.is_nullable AS nullable, t.extra AS extra, t.privileges AS privileges
  FROM information_schema.columns t WHERE `;

const indexesQuery = `
SELECT t.table_schema AS \`schema\`, t.table_name AS name, t.index_name AS \`index\`, t.column_name AS \`column\`, t.sub_part AS part,
       t.non_unique AS repeats, t.index_type AS method
  FROM information_schema.statistics t WHERE `;

/** MariaDB keeps JSON as text that a constraint of the column checks. */
const jsonQuery = `
SELECT t.constraint_schema AS \`schema\`, t.table_name AS name, t.constraint_name AS \`column\`
  FROM information_schema.check_constraints t WHERE LOWER(t.check_clause) LIKE 'json\\_valid(%' AND `;

/** The catalog of a server of MySQL or MariaDB, in three queries, or four. */
export async function mysqlCatalog(connection: SqlConnection): Promise<Catalog> {
  const [row] = await connection.query("SELECT DATABASE() AS `schema`, VERSION() AS version");
  const checksJson = /mariadb/i.test(String(row?.version));
  return {
    searchPath: typeof row?.schema === "string" ? [row.schema] : [],
    tables: (schemas, signal) => tablesOf({ connection, schemas, signal, checksJson }),
  };
}

interface Question {
  readonly connection: SqlConnection;
  readonly schemas: readonly string[] | null;
  readonly signal: AbortSignal;
  readonly checksJson: boolean;
}

async function tablesOf({
  connection,
  schemas,
  signal,
  checksJson,
}: Question): Promise<readonly CatalogTable[]> {
  if (schemas?.length === 0) return [];
  const ask = (sql: string, schema: string, order = ""): Promise<SqlRow[]> => {
    signal.throwIfAborted();
    const marks = (names: readonly string[], from: number) =>
      names.map((_, at) => connection.dialect.placeholder(from + at)).join(", ");
    const others = `${schema} NOT IN (${marks(ownSchemas, 1)})`;
    const asked =
      schemas === null ? others : `${others} AND ${schema} IN (${marks(schemas, 1 + ownSchemas.length)})`;
    return connection.query(`${sql}${asked}${order}`, [...ownSchemas, ...(schemas ?? [])]);
  };
  const tables = await ask(tablesQuery, "t.table_schema");
  const inOrder = " ORDER BY t.table_schema, t.table_name, t.ordinal_position";
  const columns = await ask(columnsQuery, "t.table_schema", inOrder);
  const ofIndexes = " ORDER BY t.table_schema, t.table_name, t.index_name, t.seq_in_index";
  const indexes = await ask(indexesQuery, "t.table_schema", ofIndexes);
  const json = checksJson ? await ask(jsonQuery, "t.constraint_schema") : [];
  const isJson = new Set(json.map((row) => `${idOf(row)}\0${row.column}`));
  const unreadable = new Set(columns.filter(({ privileges }) => !mayRead(privileges)).map(idOf));
  const described = new Set(columns.map(idOf));
  return assembledTables({
    // A view that is broken has no columns.
    tables: tables.map((row) => {
      const id = idOf(row);
      return tableOf(row, id, described.has(id) && !unreadable.has(id));
    }),
    columns: columns
      .filter(({ extra }) => !/\bINVISIBLE\b/i.test(String(extra)))
      .map((row) => columnOf(row, isJson.has(`${idOf(row)}\0${row.column}`))),
    indexes: indexes.map(indexColumnOf),
  });
}

function idOf({ schema, name }: SqlRow): string {
  return `${schema}\0${name}`;
}

/** The rights that this user has to a column, in a list. */
function mayRead(privileges: unknown): boolean {
  return String(privileges).toLowerCase().split(",").includes("select");
}

function tableOf(row: SqlRow, id: string, readable: boolean): FoundTable {
  const { schema, name, kind, rows, comment } = row;
  return {
    id,
    schema: String(schema),
    name: String(name),
    kind: kind === "VIEW" ? "view" : "table",
    estimatedRows: rows === null || kind === "VIEW" ? null : Number(rows),
    readable,
    isOurs: String(comment ?? "").startsWith(commentMarker),
  };
}

function columnOf(row: SqlRow, isJson: boolean): FoundColumn {
  const base = String(row.base);
  const type = String(row.type);
  return {
    table: idOf(row),
    name: String(row.column),
    type,
    base,
    kind: isJson ? "json" : kindOfDataType(base, { type, hasCharacters: row.characters !== null }),
    nullable: row.nullable === "YES",
    numbered: /auto_increment/i.test(String(row.extra)),
  };
}

/** An index on the beginning of a column does not have the column's values. */
function indexColumnOf(row: SqlRow): FoundIndexColumn {
  return {
    table: idOf(row),
    index: String(row.index),
    column: row.column === null || row.part !== null ? null : String(row.column),
    isPrimary: row.index === "PRIMARY",
    isUnique: Number(row.repeats) === 0,
    isOrdered: row.method === "BTREE",
  };
}
