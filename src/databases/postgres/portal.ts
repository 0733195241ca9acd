import type pg from "pg";
import type { Column, SqlRow, SqlValue } from "../port.ts";
import { kindOfType, typeReaders } from "./values.ts";

/** A page of rows. A page with fewer rows than requested is the last. */
export interface PortalPage {
  readonly columns: readonly Column[];
  readonly rows: SqlRow[];
}

/**
 * A query that the server runs page by page (a named portal of the extended protocol), inside a transaction.
 *
 * Each page is a statement of its own: it ends with a Sync, and the server's `statement_timeout` counts from there
 * anew. The time between two pages does not count.
 */
export class Portal {
  readonly #client: pg.Client;
  readonly #name = `tidemark_${++portals}`;
  readonly #pages: PageReader;

  constructor(client: pg.Client, sql: string, params: readonly SqlValue[]) {
    this.#client = client;
    this.#pages = new PageReader(this.#name, { sql, values: params.map(wireValue) });
  }

  /** The next page, of at most so many rows; to be asked for one after another. */
  next(rows: number): Promise<PortalPage> {
    return new Promise((resolve, reject) => {
      this.#pages.ask(rows, (error, page) => (page === null ? reject(error) : resolve(page)));
      this.#client.query(this.#pages);
    });
  }
}

let portals = 0;

interface Shape {
  readonly columns: readonly Column[];
  /** By column, the parser of its text. */
  readonly readers: readonly ((text: string) => unknown)[];
  /** A template with every column that each row is copied from: objects of one shape are faster to fill. */
  readonly blank: SqlRow;
}

const emptyShape: Shape = { columns: [], readers: [], blank: {} };

interface PortalQuery {
  readonly sql: string;
  readonly values: readonly (string | Buffer | null)[];
}

type Done = (error: unknown, page: PortalPage | null) => void;

/**
 * The pages of one portal, as the driver's queue takes them: the driver calls the methods as the server's messages
 * come. One object serves all pages: with one for each, rows lived long enough to be moved out of the young
 * generation, and the heap grew fourfold.
 */
class PageReader {
  readonly #name: string;
  readonly #query: PortalQuery;
  #shape = emptyShape;
  #opened = false;
  #wanted = 0;
  #rows: SqlRow[] = [];
  #done: Done | null = null;
  /** The error of a value that could not be read; it must not be thrown inside the driver's message handling. */
  #unreadable: unknown = null;

  constructor(name: string, query: PortalQuery) {
    this.#name = name;
    this.#query = query;
  }

  ask(rows: number, done: Done): void {
    this.#wanted = rows;
    this.#rows = [];
    this.#done = done;
  }

  submit(connection: pg.Connection): void {
    const portal = this.#name;
    connection.stream.cork();
    if (!this.#opened) {
      const { sql, values } = this.#query;
      connection.parse({ name: "", text: sql, types: [] }, true);
      connection.bind({ portal, statement: "", values: [...values] }, true);
      connection.describe({ type: "P", name: portal }, true);
      this.#opened = true;
    }
    connection.execute({ portal, rows: String(this.#wanted) }, true);
    connection.sync();
    connection.stream.uncork();
  }

  handleRowDescription({ fields }: { fields: readonly { name: string; dataTypeID: number }[] }): void {
    this.#shape = {
      columns: fields.map(({ name, dataTypeID }) => ({ name, kind: kindOfType(dataTypeID) })),
      readers: fields.map(({ dataTypeID }) => typeReaders.getTypeParser(dataTypeID)),
      blank: Object.fromEntries(fields.map(({ name }) => [name, null])),
    };
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    if (this.#unreadable !== null) return;
    try {
      this.#rows.push(rowOf(fields, this.#shape));
    } catch (error) {
      this.#unreadable = error;
    }
  }

  handlePortalSuspended(): void {}

  handleCommandComplete(): void {}

  handleEmptyQuery(): void {}

  handleError(error: Error): void {
    this.#finish(error, null);
  }

  handleReadyForQuery(): void {
    if (this.#unreadable !== null) this.#finish(this.#unreadable, null);
    else this.#finish(null, { columns: this.#shape.columns, rows: this.#rows });
  }

  #finish(error: unknown, page: PortalPage | null): void {
    const done = this.#done;
    this.#done = null;
    this.#rows = [];
    done?.(error, page);
  }
}

function rowOf(fields: readonly (string | null)[], { columns, readers, blank }: Shape): SqlRow {
  const row: Record<string, unknown> = { ...blank };
  for (let at = 0; at < columns.length; at++) {
    const text = fields[at];
    if (text === null || text === undefined) continue;
    const name = columns[at]?.name;
    const read = readers[at];
    if (name !== undefined && read !== undefined) row[name] = read(text);
  }
  return row;
}

/** A parameter as the protocol takes it: text, but for bytes. */
function wireValue(value: SqlValue): string | Buffer | null {
  if (value === null) return null;
  return value instanceof Uint8Array ? Buffer.from(value) : String(value);
}
