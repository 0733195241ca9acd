import type { Connection, FieldPacket, TypeCast } from "mysql2";

type Row = readonly unknown[];

/** Shapes lose their reference system when the driver reads them; their bytes have everything. */
export const shapesAsBytes: TypeCast = (field, next) => (field.type === "GEOMETRY" ? field.buffer() : next());

/**
 * Reads a prepared query's rows page by page. Between two pages the connection is paused, so that further rows stay on
 * the server: memory holds one page and what the socket had already received.
 *
 * Rows come in the servers' binary form, in which a FLOAT has all its digits; the text form cuts them.
 */
export class RowReader {
  readonly #connection: Connection;
  readonly #pageSize: number;
  #page: Row[] = [];
  #fields: readonly FieldPacket[] = [];
  #ended = false;
  #failure: { readonly error: unknown } | null = null;
  #wake: (() => void) | null = null;
  /** Discards rows that still arrive. */
  #draining = false;

  /** The rows of the query come as arrays, which is a setting of the connection. */
  constructor(connection: Connection, query: { sql: string; typeCast?: TypeCast }, pageSize: number) {
    this.#connection = connection;
    this.#pageSize = pageSize;
    const onLoss = (error: unknown) => this.#end({ error });
    // The driver reports a lost connection only there.
    connection.on("error", onLoss);
    const command = connection.execute(query);
    command.on("fields", (fields: readonly FieldPacket[]) => {
      this.#fields = fields;
    });
    command.on("result", (row: unknown) => {
      if (this.#draining || !Array.isArray(row)) return;
      this.#page.push(row);
      if (this.#page.length < pageSize) return;
      connection.pause();
      this.#notify();
    });
    command.on("error", (error: unknown) => this.#end({ error }));
    command.on("end", () => {
      connection.off("error", onLoss);
      this.#end(null);
    });
  }

  get fields(): readonly FieldPacket[] {
    return this.#fields;
  }

  /** Whether the query is finished. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The next page; one that is not full is the last. Throws the driver's error. */
  async next(): Promise<readonly Row[]> {
    this.#connection.resume();
    while (!this.#ended && this.#page.length < this.#pageSize) await this.#change();
    if (this.#failure !== null) throw this.#failure.error;
    const page = this.#page;
    this.#page = [];
    return page;
  }

  /** Waits until the query is over, and discards its remaining rows. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#page = [];
    this.#connection.resume();
    while (!this.#ended) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #end(failure: { readonly error: unknown } | null): void {
    this.#failure ??= failure;
    this.#ended = true;
    this.#notify();
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
