import { TidemarkError } from "../../../errors.ts";
import { columnTypes, type Row, type Statement, type Value } from "./statement.ts";

/** What is asked of a driver's connection; a `pg` client, pooled or not, answers it. */
export interface Connection {
  query(query: {
    name?: string;
    text: string;
    values?: readonly Value[];
    types?: typeof columnTypes;
  }): Promise<{ rows: Row[] }>;
}

export function isConnection(thing: object): thing is Connection {
  return "query" in thing && typeof thing.query === "function";
}

/** Where statements are run: one connection, or whichever of the pool's is free. */
export interface Runner {
  /** Names the database, for messages. */
  readonly place: string;
  run<P extends string>(statement: Statement<P>, values: Readonly<Record<P, Value>>): Promise<Row[]>;
}

/** A connection while it is ours, or a caller's connection while we take part in its transaction. */
export class Session implements Runner {
  readonly place: string;
  readonly #connection: Connection;

  constructor(connection: Connection, place: string) {
    this.#connection = connection;
    this.place = place;
  }

  async run<P extends string>(statement: Statement<P>, values: Readonly<Record<P, Value>>): Promise<Row[]> {
    const { name, text, parameters } = statement;
    const answer: unknown = await this.#connection.query({
      name,
      text,
      values: parameters.map((parameter) => values[parameter]),
      types: columnTypes,
    });
    return rowsOf(answer);
  }

  /** Runs SQL without parameters, several statements as well. */
  async script(sql: string): Promise<void> {
    await this.#connection.query({ text: sql });
  }
}

/** Throws for an object that has a method of that name and is not a connection. */
function rowsOf(answer: unknown): Row[] {
  if (typeof answer === "object" && answer !== null && "rows" in answer && Array.isArray(answer.rows)) {
    return answer.rows;
  }
  throw new TidemarkError("ARGUMENT_INVALID", "the transaction is no `pg` client: its `query` gave no rows");
}
