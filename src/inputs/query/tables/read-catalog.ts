import type { CatalogTable } from "../../../databases/catalog.ts";
import { openSql } from "../../../databases/open.ts";
import type { SqlConnection, TableReading } from "../../../databases/port.ts";
import { readersPrefix } from "../../../databases/readers.ts";
import { isTidemarkError, type TidemarkError } from "../../../errors.ts";
import type { DatabaseInputConfig } from "../schema.ts";
import { tableNamed } from "./table-choice.ts";
import type { TableNaming } from "./table-pattern.ts";

/** The tables of a source as they were when it was asked. */
export interface SourceTables {
  readonly tables: readonly CatalogTable[];
  /**
   * Tables that are named and in no catalog, but can be read by their names: partitions of a table, the database's own
   * tables. With the error for one whose name the database refuses.
   */
  readonly unlisted: ReadonlyMap<string, TidemarkError | null>;
  readonly naming: TableNaming;
  readonly reading: TableReading;
}

/**
 * Asks a source which tables it has, on a connection of its own that is closed again. `named` are the tables that the
 * pipeline names. Throws what opening it throws, and `QUERY_FAILED`.
 */
export async function readCatalog(
  config: Pick<DatabaseInputConfig, "connectionString" | "connectionStringRef">,
  named: readonly string[],
  signal: AbortSignal,
): Promise<SourceTables> {
  await using connection = await openSql(config.connectionString ?? config.connectionStringRef ?? "", {
    role: "input",
    applicationName: `${readersPrefix}the list of tables`,
  });
  const catalog = await connection.catalog();
  const reading = connection.dialect.tables;
  const naming = { searchPath: catalog.searchPath, foldsNames: reading.foldsNames };
  const tables = await catalog.tables(null, signal);
  const unlisted = new Map<string, TidemarkError | null>();
  for (const name of new Set(named)) {
    if (tableNamed(name, tables, naming) !== null) continue;
    signal.throwIfAborted();
    const found = await lookedUp(connection, name);
    if (found !== "missing") unlisted.set(name, found);
  }
  return { tables, unlisted, naming, reading };
}

/** Null for a table that can be read by its name. */
async function lookedUp(connection: SqlConnection, name: string): Promise<TidemarkError | null | "missing"> {
  try {
    return (await connection.columns(name)) === null ? "missing" : null;
  } catch (error) {
    if (isTidemarkError(error, "QUERY_FAILED")) return error;
    throw error;
  }
}
