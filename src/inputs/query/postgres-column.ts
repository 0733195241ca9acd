import type { SqlConnection } from "../../databases/port.ts";

/** The type of a column of PostgreSQL. */
export interface PostgresColumn {
  /** The name of the type itself; of a domain, that of the type behind all domains. */
  readonly base: string;
  /** As PostgreSQL writes it down: `character(8)`. */
  readonly type: string;
  readonly isEnum: boolean;
  readonly isCollatable: boolean;
}

/** Null for a column that is not there. `table` is quoted. */
export async function postgresColumn(
  connection: SqlConnection,
  table: string,
  column: string,
): Promise<PostgresColumn | null> {
  const [row] = await connection.query(
    `WITH RECURSIVE step AS (
       SELECT a.atttypid AS oid, format_type(a.atttypid, a.atttypmod) AS type
         FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = to_regclass($1) AND a.attname = $2 AND NOT a.attisdropped
       UNION ALL
       SELECT t.typbasetype, step.type
         FROM step JOIN pg_catalog.pg_type t ON t.oid = step.oid WHERE t.typbasetype <> 0
     )
     SELECT t.typname AS base, step.type, t.typtype = 'e' AS enum, t.typcollation <> 0 AS collatable
       FROM step JOIN pg_catalog.pg_type t ON t.oid = step.oid WHERE t.typbasetype = 0`,
    [table, column],
  );
  if (row === undefined) return null;
  return {
    base: String(row.base),
    type: String(row.type),
    isEnum: row.enum === true,
    isCollatable: row.collatable === true,
  };
}
