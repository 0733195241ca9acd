import type { SqlConnection, SqlValue } from "../../databases/port.ts";
import type { CursorField } from "../../engine/ports.ts";
import { formatPath } from "../../model/record.ts";
import type { DatabaseInputConfig } from "./schema.ts";

/**
 * The query for texts that are no date at all and sort below a bound of ISO 8601: `1767225600`, `05.01.2026`.
 * SQLite takes any text into a column, and no later read would meet these. Null where the cursor is no such text.
 *
 * A date begins with four digits and a hyphen. With an index on the column the stretches between the years are
 * looked at one by one, which takes some milliseconds; without one the table is looked at once more.
 */
export async function strayTexts(
  connection: SqlConnection,
  config: DatabaseInputConfig,
  leading: CursorField,
  bound: SqlValue,
): Promise<string | null> {
  const { type, path, format } = leading;
  if (!connection.dialect.tables.takesAnyText || type !== "timestamp_utc" || path === null) return null;
  if (format.kind !== "iso8601" || typeof bound !== "string" || !/^\d{4}-/.test(bound)) return null;
  const column = connection.dialect.identifier(formatPath(path));
  const table = connection.dialect.table(config.table ?? "");
  const between = betweenYears(table, column, Number(bound.slice(0, 4)));
  const plan = await connection.query(`EXPLAIN QUERY PLAN ${between}`);
  const isIndexed = !plan.some(({ detail }) => /^SCAN (?!tidemark_)/.test(String(detail)));
  const stray = isIndexed
    ? `${column} IN (${between})`
    : `${column} > '' AND ${column} < '${bound.slice(0, 5)}' AND ${column} NOT GLOB '[0-9][0-9][0-9][0-9]-*'`;
  const columns = config.columns?.map((name) => connection.dialect.identifier(name)).join(", ") ?? "*";
  const condition = config.where === undefined ? "" : ` AND (${config.where}\n)`;
  return `SELECT ${columns} FROM ${table} WHERE ${stray}${condition}`;
}

/**
 * All years before that of the bound; what lies behind its own year's dates lies above the bound. The colon is
 * the character behind the digits. No text here is a number, so that a column of numbers compares it as text too.
 */
function betweenYears(table: string, column: string, year: number): string {
  return `WITH RECURSIVE tidemark_years(tidemark_year) AS (
      SELECT 0 UNION ALL SELECT tidemark_year + 1 FROM tidemark_years WHERE tidemark_year < ${year - 1}
    )
    SELECT ${column} FROM ${table} WHERE ${column} > '' AND ${column} < '0000-'
    UNION ALL
    SELECT ${column} FROM tidemark_years CROSS JOIN ${table}
     WHERE ${column} >= printf('%04d-:', tidemark_year) AND ${column} < printf('%04d-', tidemark_year + 1)`;
}
