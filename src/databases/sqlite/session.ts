import type { DatabaseSync } from "node:sqlite";
import type { TidemarkError } from "../../errors.ts";
import type { SqlConnection } from "../port.ts";

/** What this folder's own code needs of a connection besides. */
export interface SqliteSession extends SqlConnection {
  readonly handle: DatabaseSync;
  /** What a driver's error means here, for code that uses `handle` itself. */
  errorOf(thrown: unknown, sql?: string): TidemarkError;
}
