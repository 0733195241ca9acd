import type { SQLInputValue } from "node:sqlite";
import { tableNameParts } from "../../databases/names.ts";
import type { Column, SqlRow, SqlValue, StreamOptions } from "../../databases/port.ts";
import { SqliteConnection } from "../../databases/sqlite/connection.ts";
import { bindableAll } from "../../databases/sqlite/values.ts";
import type { CursorField } from "../../engine/ports.ts";
import { formatPath } from "../../model/record.ts";
import type { DatabaseInputConfig } from "./schema.ts";

/** A table with a cursor whose index gives its rows page by page. */
export interface PagedTable {
  readonly connection: SqliteConnection;
  readonly config: DatabaseInputConfig;
  /** What the rows meet besides the bounds. */
  readonly conditions: readonly string[];
  /** The cursor's column, quoted. */
  readonly column: string;
  /** Whether the cursor alone tells rows apart; otherwise `rowid` does. */
  readonly unique: boolean;
}

/** Both are inclusive. */
export interface PageBounds {
  readonly lower: SqlValue | null;
  readonly upper: SqlValue | null;
}

/**
 * A table of a SQLite file that is read page by page, each page by a query of its own, so that writers get in
 * between: where a read that is held open would keep them out, and an index finds each page's beginning. Null for
 * any other; it is then read as every query is.
 */
export async function pagedTable(
  connection: unknown,
  config: DatabaseInputConfig,
  leading: CursorField | undefined,
  conditions: readonly string[],
): Promise<PagedTable | null> {
  if (!(connection instanceof SqliteConnection) || leading === undefined || leading.path === null)
    return null;
  if (leading.type === "text" || !connection.readsKeepWritersOut()) return null;
  const name = formatPath(leading.path);
  const key = await rowKeyOf(connection, config.table ?? "", name);
  if (key === null) return null;
  const column = connection.dialect.identifier(name);
  const paged = { connection, config, conditions, column, unique: key === name };
  const plan = await connection.query(`EXPLAIN QUERY PLAN ${pageSql(paged, nextPage(paged, 1))}`);
  const steps = plan.map(({ detail }) => String(detail));
  return steps.every((step) => step.startsWith("SEARCH")) ? paged : null;
}

/** What tells the rows of one cursor apart: the cursor itself, or `rowid`; null where the table has neither. */
async function rowKeyOf(connection: SqliteConnection, table: string, cursor: string): Promise<string | null> {
  const parts = tableNameParts(table);
  const name = parts.at(-1) ?? table;
  const schema = parts.length > 1 ? (parts[0] ?? "main") : "main";
  const columns = await connection.query("SELECT name, pk FROM pragma_table_xinfo(?1, ?2)", [name, schema]);
  const keys = columns.filter(({ pk }) => pk !== 0).map((column) => String(column.name));
  if (keys.length === 1 && keys[0] === cursor) return cursor;
  if (columns.some((column) => String(column.name).toLowerCase() === "rowid")) return null;
  const tables = await connection.query(
    "SELECT 1 FROM pragma_table_list(?1) WHERE schema = ?2 AND type = 'table' AND wr = 0",
    [name, schema],
  );
  return tables.length === 0 ? null : "rowid";
}

/**
 * Reads what lies between two bounds, in ascending order. The end is the highest cursor that there is when the
 * read begins, so that rows which are committed meanwhile are left to a later run, as from a snapshot.
 */
export async function* readPages(
  paged: PagedTable,
  { lower, upper }: PageBounds,
  { pageSize, signal, onColumns }: StreamOptions,
): AsyncGenerator<{ columns: readonly Column[]; rows: SqlRow[] }> {
  const { connection, column, unique } = paged;
  const bounds = bindableAll([lower, upper].filter((bound) => bound !== null));
  const from = lower === null ? `${column} IS NOT NULL` : `${column} >= ?1`;
  const below = upper === null ? [] : [`${column} <= ?${bounds.length}`];
  const [end] = connection.pageQuery(endSql(paged, [from, ...below]), 1)(bounds).last;
  const hidden = unique ? 1 : 2;
  // Also where there is nothing to read, the columns are looked at.
  const firstOf = connection.pageQuery(
    pageSql(paged, [from, `${column} <= ?${at(lower, 1)}`], `?${at(lower, 2)}`),
    hidden,
    onColumns,
  );
  if (end === undefined) return;
  const nextOf = connection.pageQuery(pageSql(paged, nextPage(paged, 1), `?${hidden + 2}`), hidden);
  const rows = BigInt(pageSize);
  let page = firstOf([...bounds.slice(0, lower === null ? 0 : 1), end, rows]);
  for (;;) {
    signal?.throwIfAborted();
    if (page.rows.length > 0) yield { columns: page.columns, rows: page.rows };
    if (page.rows.length < pageSize) return;
    const last: readonly SQLInputValue[] = page.last;
    page = nextOf([...last, end, rows]);
  }
}

/** The number of the n-th parameter behind the lower bound. */
function at(lower: SqlValue | null, n: number): number {
  return (lower === null ? 0 : 1) + n;
}

/** The conditions for the rows behind a row and up to the end, with the parameters from the given number on. */
function nextPage({ column, unique }: PagedTable, first: number): string[] {
  return unique
    ? [`${column} > ?${first}`, `${column} <= ?${first + 1}`]
    : [`(${column}, rowid) > (?${first}, ?${first + 1})`, `${column} <= ?${first + 2}`];
}

function pageSql(paged: PagedTable, conditions: readonly string[], limit = "10"): string {
  const { config, connection, column, unique } = paged;
  const columns = config.columns?.map((name) => connection.dialect.identifier(name)).join(", ") ?? "*";
  const own = unique ? `${column} AS tidemark_cursor` : `${column} AS tidemark_cursor, rowid AS tidemark_row`;
  const order = unique ? column : `${column}, rowid`;
  return `SELECT ${columns}, ${own} ${whereOf(paged, conditions)} ORDER BY ${order} LIMIT ${limit}`;
}

function endSql(paged: PagedTable, conditions: readonly string[]): string {
  const { column } = paged;
  return `SELECT ${column} AS tidemark_cursor ${whereOf(paged, conditions)} ORDER BY ${column} DESC LIMIT 1`;
}

function whereOf(paged: PagedTable, bounds: readonly string[]): string {
  const table = paged.connection.dialect.table(paged.config.table ?? "");
  return `FROM ${table} WHERE ${[...bounds, ...paged.conditions].join(" AND ")}`;
}
