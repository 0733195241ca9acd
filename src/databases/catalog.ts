import type { ColumnKind } from "./columns.ts";

/**
 * What a database has: its tables and views, with their columns and keys. A catalog is read in a fixed number of
 * queries, however many tables there are, and shows them as they are when it is asked.
 */
export interface Catalog {
  /** The schemas in which a name without a schema is looked for, in this order; a new table goes to the first of them. */
  readonly searchPath: readonly string[];
  /**
   * The tables and views of these schemas, sorted by schema and name. Null asks for every schema but the database's own.
   * Temporary tables, partitions of a table and what the database keeps for itself are not among them. Throws
   * `QUERY_FAILED` and `SOURCE_UNAVAILABLE`, as the connection does.
   */
  tables(schemas: readonly string[] | null, signal: AbortSignal): Promise<readonly CatalogTable[]>;
}

export interface CatalogTable {
  readonly schema: string;
  readonly name: string;
  /** A `view` is also what is kept elsewhere, or only refreshed: materialized views and foreign tables. */
  readonly kind: "table" | "view";
  /** Those that a read of the whole table returns, in its order. MySQL lists none that this user has no right to. */
  readonly columns: readonly CatalogColumn[];
  /** Its columns in the key's order; empty where there is none, or where a read does not return them all. */
  readonly primaryKey: readonly string[];
  /** Further keys whose columns are never null, without conditions and expressions. */
  readonly uniqueKeys: readonly (readonly string[])[];
  /** Columns that an index begins with which gives rows in the column's order. */
  readonly indexed: readonly string[];
  /** By the database's own statistics; null where it has none. */
  readonly estimatedRows: number | null;
  /** Whether this user may read all of these columns. */
  readonly readable: boolean;
  /** Whether a database output of Tidemark made the table. */
  readonly isOurs: boolean;
}

export interface CatalogColumn {
  readonly name: string;
  /** As the database writes it down: `character varying(20)`. */
  readonly type: string;
  /** The type's bare name, that of the type behind all domains, as `TableReading.orderedTypes` lists it. */
  readonly base: string;
  readonly kind: ColumnKind;
  readonly nullable: boolean;
  /** Whether the database numbers new rows in it. */
  readonly numbered: boolean;
}

/** Compared by code point, which is the same everywhere. */
export function byPlaceInCatalog(
  a: Pick<CatalogTable, "schema" | "name">,
  b: Pick<CatalogTable, "schema" | "name">,
): number {
  return compared(a.schema, b.schema) || compared(a.name, b.name);
}

function compared(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
