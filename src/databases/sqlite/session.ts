import type { DatabaseSync, SQLInputValue, SQLOutputValue } from "node:sqlite";
import type { TidemarkError } from "../../errors.ts";
import type { Column, SqlConnection, SqlRow, StreamOptions } from "../port.ts";

/** Runs a query for one page; `last` has the hidden values of its last row. */
export type PageQuery = (params: readonly SQLInputValue[]) => {
  readonly columns: readonly Column[];
  readonly rows: SqlRow[];
  readonly last: readonly SQLOutputValue[];
};

/** What this folder's own code needs of a connection in addition. */
export interface SqliteSession extends SqlConnection {
  readonly handle: DatabaseSync;
  /** What a driver's error means here, for code that uses `handle` itself. */
  errorOf(thrown: unknown, sql?: string): TidemarkError;
  /** Whether a read that is held open keeps other processes from committing. */
  readsKeepWritersOut(): boolean;
  /**
   * A query whose every run gives a page of its own and holds nothing open. The last `hidden` columns are not in
   * the rows; those of the page's last row are returned as `last`.
   */
  pageQuery(sql: string, hidden: number, onColumns?: StreamOptions["onColumns"]): PageQuery;
}
