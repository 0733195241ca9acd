import type { SqlConnection, UndatedTexts } from "../port.ts";

/**
 * The query for texts that are not dates and sort below an ISO 8601 bound: `1767225600`, `05.01.2026`. SQLite takes any
 * text into a column.
 *
 * A date begins with four digits and a hyphen. With an index on the column the ranges between the years are looked at
 * one by one, which takes some milliseconds; without one the table is read once more.
 */
export async function undatedTexts(
  connection: SqlConnection,
  { table, columns, where, cursor, bound }: UndatedTexts,
): Promise<string> {
  const { dialect } = connection;
  const column = dialect.identifier(cursor);
  const from = dialect.table(table);
  const between = betweenYears(from, column, Number(bound.slice(0, 4)));
  const plan = await connection.query(`EXPLAIN QUERY PLAN ${between}`);
  const isIndexed = !plan.some(({ detail }) => /^SCAN (?!tidemark_)/.test(String(detail)));
  const undated = isIndexed
    ? `${column} IN (${between})`
    : `${column} > '' AND ${column} < '${bound.slice(0, 5)}' AND ${column} NOT GLOB '[0-9][0-9][0-9][0-9]-*'`;
  const selected = columns?.map((name) => dialect.identifier(name)).join(", ") ?? "*";
  const condition = where === undefined ? "" : ` AND (${where}\n)`;
  return `SELECT ${selected} FROM ${from} WHERE ${undated}${condition}`;
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
