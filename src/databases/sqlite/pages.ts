import type { SQLInputValue } from "node:sqlite";
import type { Column, PageBounds, PagedRead, SqlRow, SqlValue, StreamOptions, TableToPage } from "../port.ts";
import type { SqliteSession } from "./session.ts";
import { nameOf } from "./table-keys.ts";
import { bindableAll } from "./values.ts";

/** A table with a cursor whose index gives its rows page by page. */
interface PagedTable {
  readonly session: SqliteSession;
  readonly read: TableToPage;
  /** The cursor's column, quoted. */
  readonly column: string;
  /** Whether the cursor alone is unique; otherwise `rowid` is used too. */
  readonly unique: boolean;
}

/**
 * A table of a SQLite file that is read page by page, each page by a query of its own, so that writers get in
 * between: where a read that is held open would keep them out, and an index finds each page's beginning. Null for
 * any other table; one query reads it.
 */
export async function pagedTable(session: SqliteSession, read: TableToPage): Promise<PagedRead | null> {
  if (!session.readsKeepWritersOut()) return null;
  const key = await rowKeyOf(session, read.table, read.cursor);
  if (key === null) return null;
  const column = session.dialect.identifier(read.cursor);
  const paged = { session, read, column, unique: key === read.cursor };
  const plan = await session.query(`EXPLAIN QUERY PLAN ${pageSql(paged, nextPage(paged, 1))}`);
  const steps = plan.map(({ detail }) => String(detail));
  const isIndexed = steps.every((step) => step.startsWith("SEARCH"));
  return isIndexed ? (bounds, options) => readPages(paged, bounds, options) : null;
}

/** The unique column among rows of one cursor: the cursor itself, or `rowid`; null where the table has neither. */
async function rowKeyOf(session: SqliteSession, table: string, cursor: string): Promise<string | null> {
  const { schema, name } = nameOf(table);
  const columns = await session.query("SELECT name, pk FROM pragma_table_xinfo(?1, ?2)", [name, schema]);
  const keys = columns.filter(({ pk }) => pk !== 0).map((column) => String(column.name));
  if (keys.length === 1 && keys[0] === cursor) return cursor;
  if (columns.some((column) => String(column.name).toLowerCase() === "rowid")) return null;
  const tables = await session.query(
    "SELECT 1 FROM pragma_table_list(?1) WHERE schema = ?2 AND type = 'table' AND wr = 0",
    [name, schema],
  );
  return tables.length === 0 ? null : "rowid";
}

/**
 * Reads what lies between two bounds, in ascending order. The end is the highest cursor that there is when the
 * read begins, so that rows which are committed meanwhile are left to a later run, as from a snapshot.
 */
async function* readPages(
  paged: PagedTable,
  { lower, upper }: PageBounds,
  { pageSize, signal, onColumns }: StreamOptions,
): AsyncGenerator<{ columns: readonly Column[]; rows: SqlRow[] }> {
  const { session, column, unique } = paged;
  const bounds = bindableAll([lower, upper].filter((bound) => bound !== null));
  const from = lower === null ? `${column} IS NOT NULL` : `${column} >= ?1`;
  const below = upper === null ? [] : [`${column} <= ?${bounds.length}`];
  const [end] = session.pageQuery(endSql(paged, [from, ...below]), 1)(bounds).last;
  const hidden = unique ? 1 : 2;
  // Also where there is nothing to read, the columns are looked at.
  const firstOf = session.pageQuery(
    pageSql(paged, [from, `${column} <= ?${at(lower, 1)}`], `?${at(lower, 2)}`),
    hidden,
    onColumns,
  );
  if (end === undefined) return;
  const nextOf = session.pageQuery(pageSql(paged, nextPage(paged, 1), `?${hidden + 2}`), hidden);
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
  const { read, session, column, unique } = paged;
  const columns = read.columns?.map((name) => session.dialect.identifier(name)).join(", ") ?? "*";
  const own = unique ? `${column} AS tidemark_cursor` : `${column} AS tidemark_cursor, rowid AS tidemark_row`;
  const order = unique ? column : `${column}, rowid`;
  return `SELECT ${columns}, ${own} ${whereOf(paged, conditions)} ORDER BY ${order} LIMIT ${limit}`;
}

function endSql(paged: PagedTable, conditions: readonly string[]): string {
  const { column } = paged;
  return `SELECT ${column} AS tidemark_cursor ${whereOf(paged, conditions)} ORDER BY ${column} DESC LIMIT 1`;
}

function whereOf(paged: PagedTable, bounds: readonly string[]): string {
  const { session, read } = paged;
  return `FROM ${session.dialect.table(read.table)} WHERE ${[...bounds, ...read.conditions].join(" AND ")}`;
}
