import type pg from "pg";
import type { Column, SqlRow, SqlValue } from "../port.ts";
import { kindOfType, typeReaders } from "./types.ts";

/** What a page brought. A page with fewer rows than were asked for is the last. */
export interface PortalPage {
  readonly columns: readonly Column[];
  readonly rows: SqlRow[];
}

/**
 * A query that the server runs page by page (a named portal of the extended protocol), inside a transaction.
 *
 * Each page is a statement of its own: it ends with a Sync, and the server's `statement_timeout` counts
 * from there anew. What the reader does between two pages is no statement's time.
 */
export class Portal {
  readonly #client: pg.Client;
  readonly #sql: string;
  readonly #values: readonly (string | Buffer | null)[];
  readonly #name: string;
  #shape: Shape | null = null;

  constructor(client: pg.Client, sql: string, params: readonly SqlValue[]) {
    this.#client = client;
    this.#sql = sql;
    this.#values = params.map(wireValue);
    this.#name = `tidemark_${++portals}`;
  }

  /** The next page, of at most so many rows. */
  next(rows: number): Promise<PortalPage> {
    return new Promise((resolve, reject) => {
      const first = this.#shape === null ? { sql: this.#sql, values: this.#values } : null;
      const request = new PageRequest({ name: this.#name, rows, first, shape: this.#shape ?? emptyShape });
      request.done = (error) => {
        if (error !== null) return reject(error);
        this.#shape = request.shape;
        resolve({ columns: request.shape.columns, rows: request.rows });
      };
      this.#client.query(request);
    });
  }
}

let portals = 0;

interface Shape {
  readonly columns: readonly Column[];
  /** By column, what reads its text. */
  readonly readers: readonly ((text: string) => unknown)[];
}

const emptyShape: Shape = { columns: [], readers: [] };

interface PageParts {
  readonly name: string;
  readonly rows: number;
  /** For the first page: the query to open the portal with. */
  readonly first: { readonly sql: string; readonly values: readonly (string | Buffer | null)[] } | null;
  readonly shape: Shape;
}

/** One page, as the driver's queue takes it: the driver calls the methods as the server's messages come. */
class PageRequest {
  readonly #parts: PageParts;
  shape: Shape;
  readonly rows: SqlRow[] = [];
  done: (error: unknown) => void = () => {};
  /** A value that could not be read; the driver must not see it thrown in the middle of its messages. */
  #unreadable: unknown = null;

  constructor(parts: PageParts) {
    this.#parts = parts;
    this.shape = parts.shape;
  }

  submit(connection: pg.Connection): void {
    const { name: portal, rows, first } = this.#parts;
    connection.stream.cork();
    if (first !== null) {
      connection.parse({ name: "", text: first.sql, types: [] }, true);
      connection.bind({ portal, statement: "", values: [...first.values] }, true);
      connection.describe({ type: "P", name: portal }, true);
    }
    connection.execute({ portal, rows: String(rows) }, true);
    connection.sync();
    connection.stream.uncork();
  }

  handleRowDescription({ fields }: { fields: readonly { name: string; dataTypeID: number }[] }): void {
    this.shape = {
      columns: fields.map(({ name, dataTypeID }) => ({ name, kind: kindOfType(dataTypeID) })),
      readers: fields.map(({ dataTypeID }) => typeReaders.getTypeParser(dataTypeID)),
    };
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    if (this.#unreadable !== null) return;
    try {
      this.rows.push(this.#rowOf(fields));
    } catch (error) {
      this.#unreadable = error;
    }
  }

  #rowOf(fields: readonly (string | null)[]): SqlRow {
    const { columns, readers } = this.shape;
    const row: Record<string, unknown> = {};
    for (let at = 0; at < columns.length; at++) {
      const column = columns[at];
      const text = fields[at] ?? null;
      if (column !== undefined) row[column.name] = text === null ? null : readers[at]?.(text);
    }
    return row;
  }

  handlePortalSuspended(): void {}

  handleCommandComplete(): void {}

  handleEmptyQuery(): void {}

  handleError(error: Error): void {
    this.done(error);
  }

  handleReadyForQuery(): void {
    this.done(this.#unreadable);
  }
}

/** A parameter as the protocol takes it: text, but for bytes. */
function wireValue(value: SqlValue): string | Buffer | null {
  if (value === null) return null;
  return value instanceof Uint8Array ? Buffer.from(value) : String(value);
}
