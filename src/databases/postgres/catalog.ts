import type { Catalog, CatalogTable } from "../catalog.ts";
import {
  assembledTables,
  type FoundColumn,
  type FoundIndexColumn,
  type FoundTable,
} from "../catalog-rows.ts";
import type { SqlConnection, SqlRow } from "../port.ts";
import { commentMarker } from "../table/marker.ts";
import { kindOfType } from "./values.ts";

/** `$1` is a JSON list of schemas, or null for all. Names that begin with `pg_` are the server's own, also those for temporary tables. */
const listed = `
  c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND ($1::json IS NULL OR n.nspname IN (SELECT json_array_elements_text($1::json)))`;

const relations = `pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`;

/** Before version 14 a table that was never counted looks like an empty one. */
const counted = (table: string) => `
  CASE WHEN ${table}.reltuples > 0 THEN ${table}.reltuples
       WHEN ${table}.reltuples = 0 AND current_setting('server_version_num')::integer >= 140000 THEN 0 END`;

/** A partitioned table has as many rows as its partitions. */
const tablesQuery = `
SELECT c.oid::text AS id, n.nspname AS schema, c.relname AS name, c.relkind IN ('r', 'p') AS "table",
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
       obj_description(c.oid, 'pg_class') AS comment,
       CASE c.relkind WHEN 'v' THEN NULL WHEN 'p' THEN (
         WITH RECURSIVE part(oid) AS (
           SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid
           UNION ALL
           SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN part ON i.inhparent = part.oid
         )
         SELECT sum(${counted("leaf")}) FROM part JOIN pg_catalog.pg_class leaf ON leaf.oid = part.oid AND leaf.relkind <> 'p'
       ) ELSE ${counted("c")} END AS rows
  FROM ${relations} WHERE ${listed}`;

/** A domain may be made of another, and each of them may exclude NULL. */
const columnsQuery = `
WITH RECURSIVE step(type, base, never_null) AS (
  SELECT t.oid, t.typbasetype, t.typnotnull FROM pg_catalog.pg_type t WHERE t.typtype = 'd'
  UNION ALL
  SELECT s.type, t.typbasetype, s.never_null OR t.typnotnull
    FROM step s JOIN pg_catalog.pg_type t ON t.oid = s.base AND t.typtype = 'd'
)
SELECT c.oid::text AS "table", a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       t.typname AS base, t.oid AS kind, a.attnotnull OR COALESCE(d.never_null, false) AS never_null,
       a.attidentity <> '' OR COALESCE(pg_get_expr(v.adbin, v.adrelid) LIKE 'nextval(%', false) AS numbered
  FROM ${relations}
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN (SELECT s.* FROM step s JOIN pg_catalog.pg_type b ON b.oid = s.base AND b.typtype <> 'd') d ON d.type = a.atttypid
  JOIN pg_catalog.pg_type t ON t.oid = COALESCE(d.base, a.atttypid)
  LEFT JOIN pg_catalog.pg_attrdef v ON v.adrelid = a.attrelid AND v.adnum = a.attnum
 WHERE ${listed} ORDER BY c.oid, a.attnum`;

/** Columns that an index only carries along are none of its key. */
const indexesQuery = `
SELECT c.oid::text AS "table", i.indexrelid::text AS index, a.attname AS column, i.indisprimary AS primary,
       i.indisunique AND i.indisvalid AND i.indpred IS NULL AS "unique",
       m.amname = 'btree' AND i.indisvalid AND i.indpred IS NULL AS ordered
  FROM ${relations}
  JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  JOIN pg_catalog.pg_am m ON m.oid = x.relam
 CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS k(at)
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.at] AND a.attnum > 0
 WHERE ${listed} ORDER BY c.oid, i.indexrelid, k.at`;

/** The catalog of a database of PostgreSQL, in three queries. */
export async function postgresCatalog(connection: SqlConnection): Promise<Catalog> {
  const path = await connection.query("SELECT unnest(current_schemas(false))::text AS schema");
  return {
    searchPath: path.map(({ schema }) => String(schema)),
    tables: (schemas, signal) => tablesOf(connection, schemas, signal),
  };
}

async function tablesOf(
  connection: SqlConnection,
  schemas: readonly string[] | null,
  signal: AbortSignal,
): Promise<readonly CatalogTable[]> {
  const asked = [schemas === null ? null : JSON.stringify(schemas)];
  const ask = (sql: string): Promise<SqlRow[]> => {
    signal.throwIfAborted();
    return connection.query(sql, asked);
  };
  return assembledTables({
    tables: (await ask(tablesQuery)).map(tableOf),
    columns: (await ask(columnsQuery)).map(columnOf),
    indexes: (await ask(indexesQuery)).map(indexColumnOf),
  });
}

function tableOf({ id, schema, name, table, rows, readable, comment }: SqlRow): FoundTable {
  return {
    id: String(id),
    schema: String(schema),
    name: String(name),
    kind: table === true ? "table" : "view",
    estimatedRows: rows === null ? null : Math.round(Number(rows)),
    readable: readable === true,
    isOurs: String(comment ?? "").startsWith(commentMarker),
  };
}

function columnOf({ table, name, type, base, kind, never_null, numbered }: SqlRow): FoundColumn {
  return {
    table: String(table),
    name: String(name),
    type: String(type),
    base: String(base),
    kind: kindOfType(Number(kind)),
    nullable: never_null !== true,
    numbered: numbered === true,
  };
}

function indexColumnOf({ table, index, column, primary, unique, ordered }: SqlRow): FoundIndexColumn {
  return {
    table: String(table),
    index: String(index),
    column: column === null ? null : String(column),
    isPrimary: primary === true,
    isUnique: unique === true,
    isOrdered: ordered === true,
  };
}
