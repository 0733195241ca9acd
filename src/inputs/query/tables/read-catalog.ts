import type { CatalogTable } from "../../../databases/catalog.ts";
import { openSql } from "../../../databases/open.ts";
import type { TableReading } from "../../../databases/port.ts";
import { readersPrefix } from "../../../databases/readers.ts";
import type { DatabaseInputConfig } from "../schema.ts";
import type { TableNaming } from "./table-pattern.ts";

/** The tables of a source as they were when it was asked. */
export interface SourceTables {
  readonly tables: readonly CatalogTable[];
  readonly naming: TableNaming;
  readonly reading: TableReading;
}

/**
 * Asks a source which tables it has, on a connection of its own that is closed again. Throws what opening it throws, and
 * `QUERY_FAILED`.
 */
export async function readCatalog(
  config: Pick<DatabaseInputConfig, "connectionString" | "connectionStringRef">,
  signal: AbortSignal,
): Promise<SourceTables> {
  await using connection = await openSql(config.connectionString ?? config.connectionStringRef ?? "", {
    role: "input",
    applicationName: `${readersPrefix}the list of tables`,
  });
  const catalog = await connection.catalog();
  const reading = connection.dialect.tables;
  return {
    tables: await catalog.tables(null, signal),
    naming: { searchPath: catalog.searchPath, foldsNames: reading.foldsNames },
    reading,
  };
}
