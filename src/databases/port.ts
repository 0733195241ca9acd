import type { TidemarkError } from "../errors.ts";
import type { Cursor } from "../model/cursor.ts";
import type { Position } from "../model/position.ts";
import type { Precision } from "../model/precision.ts";
import type { BoundWriter, CursorColumn } from "./bounds.ts";
import type { Catalog } from "./catalog.ts";
import type { Column, ColumnKind, SqlRow, SqlValue } from "./columns.ts";
import type { SqlRole } from "./roles.ts";
import type { QuerySyntax } from "./syntax.ts";
import type { TableStore } from "./table/store.ts";

export type { Column, ColumnKind, SqlRow, SqlValue } from "./columns.ts";
export { columnKinds } from "./columns.ts";

export interface OpenSqlOptions {
  /** The purpose of the connection: an input never creates or changes anything. */
  readonly role: SqlRole;
  /** How the connection names itself to a server, for those who look at its list of sessions. */
  readonly applicationName?: string;
}

/** A database as `registry.ts` lists it: what is known of it before there is a connection. Its driver is loaded by `open`. */
export interface Database {
  /** As its makers write it: `PostgreSQL`. */
  readonly title: string;
  /** What its URLs begin with: `mysql`, `mariadb`. The first one is shown in messages. */
  readonly schemes: readonly [string, ...string[]];
  /** URLs as people write them, for messages and descriptions. */
  readonly examples: readonly string[];
  /**
   * Whether it is a server, with many writers at a time: its URLs are `scheme://user:password@host:port/database`. Else
   * they name a file.
   */
  readonly isServer: boolean;
  readonly syntax: QuerySyntax;
  readonly tables: TableReading;
  /** Why a URL cannot be that of an input or an output, in words that quote nothing of it; null if it can be. */
  urlProblem(url: string): string | null;
  /**
   * Checks the parameters of a URL, and that the files they name can be read. Does not connect. Throws
   * `ARGUMENT_INVALID`.
   */
  checkUrl(url: string): Promise<void>;
  open(url: string, options: OpenSqlOptions): Promise<SqlConnection>;
}

/** The differences between databases as named capabilities, so that no code depends on a database's name. */
export interface SqlDialect {
  /** The database's name, only for messages. */
  readonly name: string;
  /** The name in the database's quotes; a dotted name is quoted part by part by `table`. */
  identifier(name: string): string;
  /** `schema.table` or `table`, quoted. */
  table(name: string): string;
  /** The placeholder of the n-th parameter, from 1, as often as it is needed: `$1`, `?1`. */
  placeholder(n: number): string;
  /** The column type this database uses for a kind. */
  columnType(kind: ColumnKind): string;
  /**
   * The column type for texts of up to `characters` that are a key, or a part of one: two of them are
   * one only if they are the same, character by character.
   */
  keyType(characters: number): string;
  readonly fragments: SqlFragments;
  readonly syntax: QuerySyntax;
  readonly bounds: BoundWriter;
  readonly tables: TableReading;
}

/** Pieces of statements that each database writes in its own way. */
export interface SqlFragments {
  /** How many characters a text may have as the third of three columns of a key; null for any number. */
  readonly longestKeyText: number | null;
  /** Inserts rows; of a key that is there already the row stays, or has some of its columns replaced. */
  insert(insertion: Insertion): string;
  /** A query's first rows. */
  limited(query: string, rows: number): string;
  /** A query without its first rows, as many as the parameter says. */
  skipping(query: string, placeholder: string): string;
  /** Makes a table, unless it is there. Names are quoted; `columns` is the text between the parentheses. */
  createTable(table: string, columns: string): string;
  /** Makes a table that this session alone sees, until it ends. */
  createTemporaryTable(table: string, columns: string): string;
  dropTemporaryTable(table: string): string;
  /** A parameter as text, where nothing else in the statement says that it is one. */
  text(placeholder: string): string;
  /** The elements of a JSON list of texts, given as parameter, as rows `v.value`. */
  list(placeholder: string): string;
  /** A column of text, to be compared by code point. */
  byCodePoint(column: string): string;
  /** A moment in ISO 8601, in UTC, as a parameter for a column of the kind `timestamp`. */
  moment(iso: string): string;
}

/** Rows to insert. All names are as the statement takes them. */
export interface Insertion {
  readonly table: string;
  readonly columns: readonly string[];
  /** `VALUES (…)`, or a `SELECT` that ends with a `WHERE`. */
  readonly rows: string;
  readonly key: readonly string[];
  /** The columns that get their new values where a row of the key is there; empty where that row stays as it is. */
  readonly replaced: readonly string[];
}

/** A field with an invalid text. */
export interface UnreadableText {
  readonly field: string;
  /** `malformed`: its bytes are not a valid text. `unknown`: it is not known whether they are. */
  readonly because: "malformed" | "unknown";
}

/** A table to be read page by page, in ascending order of its cursor. */
export interface TableToPage {
  readonly table: string;
  /** The columns to read; all of them where undefined. */
  readonly columns: readonly string[] | undefined;
  /** The column of the cursor. */
  readonly cursor: string;
  /** Conditions in SQL that the rows meet besides the bounds. */
  readonly conditions: readonly string[];
}

/** Both are inclusive; null for none. */
export interface PageBounds {
  readonly lower: SqlValue | null;
  readonly upper: SqlValue | null;
}

/** Reads what lies between two bounds. */
export type PagedRead = (
  bounds: PageBounds,
  options: StreamOptions,
) => AsyncIterable<{ columns: readonly Column[]; rows: SqlRow[] }>;

/** A transaction that the caller has opened, on a driver's own connection. */
export type OpenTransaction = object;

export interface StreamOptions {
  readonly pageSize: number;
  readonly signal?: AbortSignal;
  /** Called once, before the first page, with the names of the result's columns; it may throw. */
  readonly onColumns?: (names: readonly string[]) => void;
}

/**
 * One connection. Calls on it follow one another; `stream` may not be interleaved with others.
 *
 * A connection is opened by `openSql(url)`, used, and closed once by its opener. Errors are
 * `TidemarkError`: `QUERY_FAILED` for what the database refuses, `OUTPUT_UNAVAILABLE` or
 * `SOURCE_UNAVAILABLE` as the opener's `role` says where it cannot be reached, `DRIVER_MISSING`
 * where the driver is not installed.
 */
export interface SqlConnection extends AsyncDisposable {
  readonly dialect: SqlDialect;
  /** Names the database itself, without credentials: two connections to one database have one identity. */
  readonly identity: string;
  /**
   * Whether texts are bytes that the database does not check. Bytes that are not UTF-8 come as U+FFFD. Only where the
   * database of a source has no encoding.
   */
  readonly uncheckedTexts?: boolean;
  /**
   * The field of a row from `stream` whose text is not what the database holds, since its bytes are no text. Only
   * where a database takes such texts and tells them apart.
   */
  unreadableText?(row: SqlRow): UnreadableText | null;
  /** The driver's own connection, to hand to `StateStore.checkpoint` or `complete` as transaction. */
  readonly handle: OpenTransaction;
  query(sql: string, params?: readonly SqlValue[]): Promise<SqlRow[]>;
  /** Runs a statement and returns how many rows it changed. */
  execute(sql: string, params?: readonly SqlValue[]): Promise<number>;
  /**
   * Reads in pages of at most `pageSize` rows, in constant memory: a server-side cursor on
   * PostgreSQL, a stepped statement on SQLite, rows held back at the server on MySQL. The read sees
   * one snapshot. Ending the iteration early releases it.
   */
  stream(
    sql: string,
    params: readonly SqlValue[],
    options: StreamOptions,
  ): AsyncIterable<{ columns: readonly Column[]; rows: SqlRow[] }>;
  /**
   * Reads a table page by page, each page by a query of its own, so that writers get in between. Null for a table that
   * one query reads as well. Absent where a read that is held open keeps no writer out.
   */
  pagedTable?(table: TableToPage): Promise<PagedRead | null>;
  /**
   * The types that the database takes a query's placeholders for, in its own words and in their order;
   * null for one that takes any value, as all of SQLite's do. `compared` names the columns of the result
   * that the placeholders are compared with, by which MySQL tells. The query is not run.
   */
  parameterTypes(sql: string, compared: readonly (string | null)[]): Promise<readonly (string | null)[]>;
  /** The columns of a table, in order; null where there is no such table. */
  columns(table: string): Promise<readonly Column[] | null>;
  /** Which tables there are, with their columns and keys. Loaded on demand. */
  catalog(): Promise<Catalog>;
  /** The output's operations on tables. Loaded on demand, since inputs do not need them. */
  tableStore(): Promise<TableStore>;
  /**
   * The safe bound while other sessions have open transactions. Null for databases with one writer at a time, where
   * nothing is committed late.
   */
  safeBounds(): Promise<SafeBounds | null>;
  /** Reads tables by their rows' transactions. Absent where `TableReading.transactionCursor` is null. */
  transactions?(): Promise<TransactionReading>;
  /** The database's own clock, in milliseconds since 1970. */
  now(): Promise<number>;
  close(): Promise<void>;
}

/** Adds a warning to the run. */
export type Warn = (code: string, message: string) => void;

/** What a cursor may be declared as, in the terms that a column's type is chosen by. */
export type CursorKind = "times" | "counts" | "numbers" | "texts";

/** How a table is read by one of its columns. */
export interface TableReading {
  /**
   * What `cursor` is called where a table is read by its rows' transactions: `xmin`. No column may have this name. Null
   * where rows do not say which transaction wrote them.
   */
  readonly transactionCursor: string | null;
  /** Whether the names of columns are the same in capital and small letters. */
  readonly foldsNames: boolean;
  /** Names that every row has in addition to its columns. */
  readonly rowNames: readonly string[];
  /**
   * By kind of cursor, the types of columns whose order is that of the cursor; an empty list takes any type. Null
   * where every column does.
   */
  readonly orderedTypes: Readonly<Record<CursorKind, readonly string[]>> | null;
  /** The types among them that hold numbers. */
  readonly numberTypes: readonly string[];
  /** A column's type: its bare name, and as the database writes it down. Null for a column that is not there. */
  columnType(
    connection: SqlConnection,
    table: string,
    column: string,
  ): Promise<{ readonly base: string; readonly type: string } | null>;
  /**
   * The column as it is compared and sorted by code point, which is how cursors of type `text` are. Where the database
   * sorts the column so by itself it is taken bare, and its index is used. Throws `CONFIG_INCOHERENT` for a column
   * whose values are no texts and sort otherwise.
   */
  comparedAsText(
    connection: SqlConnection,
    table: string,
    column: string,
    kind: ColumnKind | undefined,
  ): Promise<string>;
  /** Whether a column of the kind may hold texts of ISO 8601. */
  mayHoldIsoTexts(kind: ColumnKind | undefined): boolean;
  /** A quoted column of text, compared letter by letter of ASCII. */
  byLetters(column: string): string;
  /** How UUIDs are sorted where that is not the order of their texts; null where it is. */
  readonly uuidOrder: UuidOrder | null;
  /**
   * A query for the rows whose cursor is a text that is no date and sorts below a bound of ISO 8601: no later read
   * would find them. Absent where `valuesWithoutPlace` has a condition for all such values.
   */
  undatedTexts?(connection: SqlConnection, read: UndatedTexts): Promise<string>;
  valuesWithoutPlace(column: PlacedColumn): ValuesWithoutPlace;
  /**
   * The lowest id that the next row of a table may get from the database, as far as it counts them. Null where nobody
   * knows: views, and ids that an application chooses.
   */
  nextId(connection: SqlConnection, table: string, column: string): Promise<bigint | null>;
}

/** How a database sorts UUIDs in another order than their texts. */
export interface UuidOrder {
  /** Whether a value is a UUID whose place is not that of its text. */
  differs(value: unknown): boolean;
  /** The warning for such a cursor field, with a way to use it. */
  warning(field: string): string;
}

/** Where to look for texts that are no dates. */
export interface UndatedTexts {
  readonly table: string;
  /** The columns to read; all of them where undefined. */
  readonly columns: readonly string[] | undefined;
  /** A condition in SQL. */
  readonly where: string | undefined;
  /** The column of the cursor. */
  readonly cursor: string;
  /** A date of ISO 8601, or more of a time. */
  readonly bound: string;
}

/** The column of a table's leading cursor. */
export interface PlacedColumn {
  /** Its name, quoted. */
  readonly column: string;
  readonly kind: ColumnKind | undefined;
  readonly leading: CursorColumn;
  /** Whether rows above an upper bound are left out. */
  readonly hasUpper: boolean;
}

/** Conditions in SQL for values of a cursor's column that no bound finds; null where the column has none. */
export interface ValuesWithoutPlace {
  /** Values that count as null: infinities, empty texts, dates of zeros. */
  readonly nulls: string | null;
  /** Values that are no cursor, and that the database sorts before or behind all that are. */
  readonly odd: string | null;
}

/** Finds how far a stream may be read while other sessions have transactions open. */
export interface CommitBound {
  /** The safe bound for a stream at this position: no uncommitted row can have a cursor at or below it. */
  safeUpper(position: Position): Promise<Cursor | null>;
  /** A note to store with the position for the next run. */
  note(): string | undefined;
  /**
   * Whether rows past the last `safeUpper` are read and delivered ahead of time: where it lies far below the present
   * because the column's values are too coarse.
   */
  readonly readsPast?: boolean;
}

/** A query, and what is bound to it. */
export interface Subject {
  readonly sql: string;
  readonly params: readonly SqlValue[];
  /** Whether it brings one piece of the rows at a time, and more from the end of that piece on. */
  readonly inPieces: boolean;
}

export interface BoundParts {
  readonly connection: SqlConnection;
  readonly field: CursorColumn & { readonly precision: Precision };
  /** The table that is read, as the pipeline names it; null where a query says what is read. */
  readonly table: string | null;
  /** The query of a read from this position on, unordered. */
  readonly subject: (position: Position) => Promise<Subject>;
  readonly warn: Warn;
  /** Names a row for a message. */
  readonly describe: (row: SqlRow) => string;
}

/** The bounds of a database with many writers, by what a stream follows. */
export interface SafeBounds {
  /** For times that the database gives. */
  times(parts: BoundParts): CommitBound;
  /** For ids that it counts. */
  ids(parts: BoundParts): CommitBound;
  /** Whether an error with `QUERY_FAILED` is about the query that is read, so that the read meets it as well. */
  isOfQuery(error: TidemarkError): boolean;
}

/**
 * Reads a table by the transactions that wrote its rows, in their order. Every inserted or updated row comes, and the
 * table needs no column for it.
 */
export interface TransactionReading {
  /** The last transaction below which all have ended. Its note says whose transactions they are. */
  bound(table: string, warn: Warn): CommitBound;
  read(read: TransactionRead): AsyncIterable<TransactionPage>;
}

export interface TransactionRead extends StreamOptions {
  readonly table: string;
  readonly columns: readonly string[] | undefined;
  /** A condition in SQL. */
  readonly where: string | undefined;
  /** The columns that rows of one transaction are sorted by. */
  readonly key: readonly string[];
  /** The first transaction to read; null for the first there is. */
  readonly lower: string | null;
  /** The last one; null for the last below which all have ended. */
  readonly upper: string | null;
  readonly warn: Warn;
}

export interface TransactionPage {
  readonly rows: SqlRow[];
  /** Null where there is no row. */
  readonly columns: readonly Column[] | null;
  /** The transaction that the next page begins with, where all rows below it have come; else null. */
  readonly next: string | null;
}
