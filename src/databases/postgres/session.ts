import type pg from "pg";
import type { CopyStreamQuery } from "pg-copy-streams";
import type { TidemarkError } from "../../errors.ts";
import type { SqlConnection } from "../port.ts";

/** What this folder's own code needs of a connection in addition. */
export interface PostgresSession extends SqlConnection {
  readonly handle: pg.Client;
  /** What a driver's error means here, for code that uses `handle` itself. */
  errorOf(thrown: unknown, sql?: string): TidemarkError;
  /**
   * Sends rows, in the text form of `COPY … FROM STDIN`, and waits until the server has taken them all.
   * Returns how many the table took: a trigger can leave some out.
   */
  copyIn(copy: CopyStreamQuery, sql: string, rows: string): Promise<number>;
  /** Begins a transaction; behind a pooler it throws where the session is another one than before. */
  begin(mode?: string): Promise<void>;
  /** Returns what the server did: `COMMIT`, or `ROLLBACK` where the transaction had failed. */
  commit(): Promise<string>;
  /** Undoes the transaction, where there is one. */
  rollback(): Promise<void>;
}
