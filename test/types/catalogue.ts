import type { SqlConnection } from "../../src/databases/port.ts";
import { mysqlLaterTypes, mysqlOtherTopics, mysqlRows } from "./mysql-rows.ts";
import { postgresRows, postgresWithoutInput } from "./postgres-rows.ts";

/** The types in PostgreSQL's catalogue, arrays apart, that have no row. */
export async function forgottenByPostgres(connection: SqlConnection): Promise<string[]> {
  const found = await connection.query(
    `SELECT t.typname::text AS name FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
      WHERE n.nspname IN ('pg_catalog', 'information_schema') AND t.typtype IN ('b', 'd', 'e', 'r', 'm')
        AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)`,
  );
  const known = new Set([...postgresRows.flatMap(({ catalogue }) => catalogue), ...postgresWithoutInput]);
  return found.map(({ name }) => String(name)).filter((name) => !known.has(name));
}

/** The topics on data types in MariaDB's help, and its types that are plugins, that have no row. */
export async function forgottenByMariadb(connection: SqlConnection): Promise<string[]> {
  const topics = await connection.query(
    `SELECT t.name FROM mysql.help_topic t JOIN mysql.help_category c USING (help_category_id) WHERE c.name = 'Data Types'`,
  );
  const plugins = await connection.query(
    "SELECT plugin_name AS name FROM information_schema.plugins WHERE plugin_type = 'DATA TYPE'",
  );
  const known = new Set([
    ...mysqlRows.flatMap(({ catalogue, type }) => [...catalogue, type]),
    ...mysqlOtherTopics,
    ...mysqlLaterTypes,
  ]);
  return [
    ...topics.map(({ name }) => String(name)),
    ...plugins.map(({ name }) => String(name).toUpperCase()),
  ].filter((name) => !known.has(name) && !known.has(`${name} Data Type`));
}
