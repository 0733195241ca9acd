import { randomUUID } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { TidemarkError } from "../../errors.ts";
import { makeFolder } from "../../folders.ts";
import type { Catalog } from "../catalog.ts";
import type {
  Column,
  PagedRead,
  SqlRow,
  SqlValue,
  StreamOptions,
  TableToPage,
  UnreadableText,
} from "../port.ts";
import { roleCodes, type SqlRole } from "../roles.ts";
import type { TableStore } from "../table/store.ts";
import { whenFree } from "./busy.ts";
import { sqliteDialect } from "./dialect.ts";
import { sqliteError } from "./errors.ts";
import {
  copyResult,
  ExactRows,
  prepareRead,
  type ReadStatement,
  readsKeepWritersOut,
  valuesOf,
} from "./reads.ts";
import type { PageQuery, SqliteSession } from "./session.ts";
import { nameOf } from "./table-keys.ts";
import { SecondLook, type TextDecoding, textDecodingOf } from "./text-bytes.ts";
import { bindableAll, columnKind, readable } from "./values.ts";

/** How long a statement waits for another process's write transaction. */
const busyMilliseconds = 10_000;
const keptStatements = 100;

/** Opens a SQLite file, or `:memory:`; see `openSql`. */
export async function openSqlite(path: string, role: SqlRole): Promise<SqliteConnection> {
  const memory = path === ":memory:";
  if (!memory) prepareFile(path, role);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: busyMilliseconds });
    await configure(database, role);
    const identity = memory ? `sqlite:memory:${randomUUID()}` : `sqlite:${realpathSync(path)}`;
    return new SqliteConnection(database, role, path, identity);
  } catch (error) {
    database?.close();
    throw sqliteError(error, role, path);
  }
}

function prepareFile(path: string, role: SqlRole): void {
  if (existsSync(path)) return;
  if (role === "input") {
    throw new TidemarkError(roleCodes.input.unavailable, `${path}: there is no such file`, {
      hint: "Check the path; an input never creates its database.",
      recoverable: false,
    });
  }
  try {
    makeFolder(dirname(path));
  } catch (error) {
    throw new TidemarkError(roleCodes[role].unavailable, `the folder of ${path} cannot be created`, {
      cause: error,
    });
  }
}

async function configure(database: DatabaseSync, role: SqlRole): Promise<void> {
  // Reads the header, so that a file which is no database is refused before anything is written.
  database.prepare("PRAGMA schema_version").get();
  if (role === "input") {
    database.exec("PRAGMA query_only = ON");
    return;
  }
  // The change of journal does not wait for its lock by itself where two processes begin at once.
  await whenFree(() => database.exec("PRAGMA journal_mode = WAL"), { waitMs: busyMilliseconds });
  database.exec("PRAGMA synchronous = FULL");
}

/** A connection to SQLite by `node:sqlite`. Every call does its work at once, without waiting. */
export class SqliteConnection implements SqliteSession {
  readonly dialect = sqliteDialect;
  readonly identity: string;
  readonly handle: DatabaseSync;
  readonly #role: SqlRole;
  readonly #file: string;
  readonly #statements = new Map<string, StatementSync>();
  #decoding: TextDecoding | null = null;
  /** Rows with an invalid text. */
  #metUnreadable = false;
  readonly #unreadable = new WeakMap<SqlRow, UnreadableText>();

  constructor(database: DatabaseSync, role: SqlRole, file: string, identity: string) {
    this.handle = database;
    this.#role = role;
    this.#file = file;
    this.identity = identity;
  }

  /** What a driver's error means here, for code that uses `handle` itself. */
  errorOf(thrown: unknown, sql?: string): TidemarkError {
    return sqliteError(thrown, this.#role, this.#file, sql);
  }

  async query(sql: string, params: readonly SqlValue[] = []): Promise<SqlRow[]> {
    try {
      return this.#statement(sql)
        .all(...bindableAll(params))
        .map(readableRow);
    } catch (error) {
      throw this.errorOf(error, sql);
    }
  }

  async execute(sql: string, params: readonly SqlValue[] = []): Promise<number> {
    try {
      return Number(this.#statement(sql).run(...bindableAll(params)).changes);
    } catch (error) {
      throw this.errorOf(error, sql);
    }
  }

  async *stream(
    sql: string,
    params: readonly SqlValue[],
    options: StreamOptions,
  ): AsyncGenerator<{ columns: readonly Column[]; rows: SqlRow[] }> {
    const { pageSize, signal, onColumns } = options;
    const values = bindableAll(params);
    let rows: ExactRows | undefined;
    let copy: ReturnType<typeof copyResult> = null;
    try {
      const read = prepareRead(this.handle, sql, { onColumns, decoding: this.#textDecoding() });
      signal?.throwIfAborted();
      rows = this.#exactRows(read, sql, values);
      let page = rows.take(pageSize).rows;
      if (page.length === pageSize && readsKeepWritersOut(this.handle)) {
        rows.close();
        copy = copyResult(this.handle, sql, values);
        rows =
          copy === null
            ? this.#exactRows(read, sql, values)
            : this.#exactRows({ ...read, statement: copy.statement }, copy.sql, []);
        page = rows.take(pageSize).rows;
      }
      for (; ; page = rows.take(pageSize).rows) {
        if (page.length > 0) yield { columns: read.columns, rows: page };
        if (page.length < pageSize) return;
        signal?.throwIfAborted();
      }
    } catch (error) {
      if (signal?.aborted && error === signal.reason) throw error;
      throw this.errorOf(error, sql);
    } finally {
      rows?.close();
      if (this.handle.isOpen) copy?.drop();
    }
  }

  unreadableText(row: SqlRow): UnreadableText | null {
    return this.#metUnreadable ? (this.#unreadable.get(row) ?? null) : null;
  }

  #exactRows(read: ReadStatement, sql: string, params: readonly SQLInputValue[]): ExactRows {
    const names = read.statement.columns().map(({ name }) => name);
    const decoding = this.#textDecoding();
    const look = new SecondLook({ database: this.handle, sql, params, names, decoding });
    return new ExactRows(read.statement.iterate(...params), read, look, (row, text) => {
      this.#metUnreadable = true;
      this.#unreadable.set(row, text);
    });
  }

  #textDecoding(): TextDecoding {
    this.#decoding ??= textDecodingOf(this.handle);
    return this.#decoding;
  }

  readsKeepWritersOut(): boolean {
    return readsKeepWritersOut(this.handle);
  }

  pageQuery(sql: string, hidden: number, onColumns?: StreamOptions["onColumns"]): PageQuery {
    try {
      const read = prepareRead(this.handle, sql, { onColumns, decoding: this.#textDecoding(), hidden });
      const { statement, columns, rowOf } = read;
      return (params) => {
        try {
          const suspect: number[] = [];
          const all = statement.all(...params).map(valuesOf);
          const rows = all.map((values) => rowOf(values, suspect));
          if (suspect.length === 0) return { columns, rows, last: all.at(-1)?.slice(-hidden) ?? [] };
          // Read again with the bytes, on the same snapshot.
          const again = this.#exactRows(read, sql, params);
          try {
            const page = again.take(Number.POSITIVE_INFINITY);
            return { columns, rows: page.rows, last: page.last.slice(-hidden) };
          } finally {
            again.close();
          }
        } catch (error) {
          throw this.errorOf(error, sql);
        }
      };
    } catch (error) {
      throw this.errorOf(error, sql);
    }
  }

  async pagedTable(table: TableToPage): Promise<PagedRead | null> {
    const { pagedTable } = await import("./pages.ts");
    return pagedTable(this, table);
  }

  async parameterTypes(): Promise<readonly null[]> {
    return [];
  }

  async columns(table: string): Promise<readonly Column[] | null> {
    const { schema, name: bare } = nameOf(table);
    const rows = await this.query("SELECT name, type FROM pragma_table_xinfo(?1, ?2)", [bare, schema]);
    if (rows.length === 0) return null;
    return rows.map(({ name, type }) => ({
      name: String(name),
      kind: columnKind(String(type)),
    }));
  }

  async catalog(): Promise<Catalog> {
    const { sqliteCatalog } = await import("./catalog.ts");
    return sqliteCatalog(this);
  }

  async tableStore(): Promise<TableStore> {
    const { SqliteTableStore } = await import("./table-store.ts");
    return new SqliteTableStore(this);
  }

  /** One connection writes at a time, and a reader sees all that was committed before. */
  async safeBounds(): Promise<null> {
    return null;
  }

  async now(): Promise<number> {
    const [row] = await this.query("SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now");
    return Number(row?.now);
  }

  async close(): Promise<void> {
    this.#statements.clear();
    if (this.handle.isOpen) this.handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#prepare(sql);
    if (this.#statements.size >= keptStatements) this.#statements.clear();
    this.#statements.set(sql, statement);
    return statement;
  }

  #prepare(sql: string): StatementSync {
    const statement = this.handle.prepare(sql);
    statement.setReadBigInts(true);
    return statement;
  }
}

function readableRow(row: Readonly<Record<string, SQLOutputValue>>): SqlRow {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, readable(value)]));
}
