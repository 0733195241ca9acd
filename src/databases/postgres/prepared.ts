import type pg from "pg";

/** A parameter that the protocol takes as it is. Others, such as lists, are written by the driver. */
type PlainValue = string | number | null;

type Row = Record<string, string | number | null>;

interface TypeReaders {
  getTypeParser(oid: number): (text: string) => string | number;
}

interface NamedQuery {
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
  readonly types?: TypeReaders;
}

interface Column {
  readonly name: string;
  readonly read: (text: string) => string | number;
}

/**
 * A connection that runs its named statements without asking again what they return.
 *
 * The driver prepares a named statement once, and describes it at every execution: the server sends the columns and
 * the driver makes the form of a row, which takes about a third of its time for a statement of one row. Here, the first
 * execution on the connection is the driver's, and the later ones send `Bind`, `Execute` and `Sync` alone.
 */
export class PreparedConnection {
  readonly #client: pg.ClientBase;
  readonly #columns = new Map<string, readonly Column[]>();

  constructor(client: pg.ClientBase) {
    this.#client = client;
  }

  async query(query: NamedQuery): Promise<{ rows: Row[] }> {
    const { name, text, values = [], types } = query;
    const columns = name === undefined ? undefined : this.#columns.get(name);
    if (name !== undefined && columns !== undefined && values.every(isPlain)) {
      return this.#execute(name, columns, values);
    }
    const config = { text, values: [...values], ...(name === undefined ? {} : { name }) };
    const answer = await this.#client.query<Row>(types === undefined ? config : { ...config, types });
    if (name !== undefined && types !== undefined) {
      const found = answer.fields.map((field) => ({
        name: field.name,
        read: types.getTypeParser(field.dataTypeID),
      }));
      this.#columns.set(name, found);
    }
    return answer;
  }

  #execute(
    name: string,
    columns: readonly Column[],
    values: readonly PlainValue[],
  ): Promise<{ rows: Row[] }> {
    return new Promise((resolve, reject) => {
      const done: Done = (error, rows) => (error === null ? resolve({ rows }) : reject(error));
      this.#client.query(new Execution(name, columns, values.map(protocolText), done));
    });
  }
}

function isPlain(value: unknown): value is PlainValue {
  return value === null || typeof value === "string" || typeof value === "number";
}

function protocolText(value: PlainValue): string | null {
  return typeof value === "number" ? String(value) : value;
}

type Done = (error: unknown, rows: Row[]) => void;

/** One execution of a prepared statement, as the driver's queue takes it: it calls the methods as messages come. */
class Execution {
  readonly #statement: string;
  readonly #columns: readonly Column[];
  readonly #values: (string | null)[];
  readonly #rows: Row[] = [];
  /** Called once. The driver replaces it to end its limit of time. */
  callback: Done;

  constructor(statement: string, columns: readonly Column[], values: (string | null)[], done: Done) {
    this.#statement = statement;
    this.#columns = columns;
    this.#values = values;
    this.callback = done;
  }

  submit(connection: pg.Connection): void {
    connection.stream.cork();
    connection.bind({ portal: "", statement: this.#statement, values: this.#values }, true);
    connection.execute({ portal: "", rows: "" }, true);
    connection.sync();
    connection.stream.uncork();
  }

  /** Only a statement that is described has one. */
  handleRowDescription(): void {}

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const row: Row = {};
    for (let at = 0; at < this.#columns.length; at++) {
      const column = this.#columns[at];
      const text = fields[at] ?? null;
      if (column !== undefined) row[column.name] = text === null ? null : column.read(text);
    }
    this.#rows.push(row);
  }

  handlePortalSuspended(): void {}

  handleCommandComplete(): void {}

  handleEmptyQuery(): void {}

  handleError(error: Error): void {
    this.callback(error, []);
  }

  handleReadyForQuery(): void {
    this.callback(null, this.#rows);
  }
}
