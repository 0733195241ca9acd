import { byPlaceInCatalog, type CatalogColumn, type CatalogTable } from "./catalog.ts";

/** A table as a catalog's queries find it; `id` names it among their rows. */
export interface FoundTable
  extends Pick<CatalogTable, "schema" | "name" | "kind" | "estimatedRows" | "readable" | "isOurs"> {
  readonly id: string;
}

export interface FoundColumn extends CatalogColumn {
  readonly table: string;
}

/** One column of one index, in the order of the index. */
export interface FoundIndexColumn {
  readonly table: string;
  readonly index: string;
  /** Null for an expression, or a part of a column. */
  readonly column: string | null;
  readonly isPrimary: boolean;
  /** Whether the index keeps its columns unique in all rows. */
  readonly isUnique: boolean;
  /** Whether the index has all rows, in the order of its columns. */
  readonly isOrdered: boolean;
}

interface Found {
  readonly tables: readonly FoundTable[];
  readonly columns: readonly FoundColumn[];
  readonly indexes: readonly FoundIndexColumn[];
}

/** Puts together what was asked for in separate queries. What came in between, or went, is left out. */
export function assembledTables({ tables, columns, indexes }: Found): CatalogTable[] {
  const columnsOf = Map.groupBy(columns, ({ table }) => table);
  const indexesOf = Map.groupBy(indexes, ({ table }) => table);
  return tables
    .map(({ id, ...table }) => {
      const own = (columnsOf.get(id) ?? []).map(({ table: _, ...column }) => column);
      return { ...table, columns: own, ...keysOf(own, indexesOf.get(id) ?? []) };
    })
    .sort(byPlaceInCatalog);
}

function keysOf(
  columns: readonly CatalogColumn[],
  parts: readonly FoundIndexColumn[],
): Pick<CatalogTable, "primaryKey" | "uniqueKeys" | "indexed"> {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const indexes = [...Map.groupBy(parts, ({ index }) => index).values()].map((own) => ({
    names: own.map(({ column }) => column).filter((name) => name !== null && byName.has(name)),
    parts: own,
    isPrimary: own.every(({ isPrimary }) => isPrimary),
    isUnique: own.every(({ isUnique }) => isUnique),
  }));
  const whole = indexes
    .filter(({ names, parts }) => names.length === parts.length)
    .map(({ names, ...index }) => ({ ...index, names: names.filter((name) => name !== null) }));
  const first = parts.filter(({ index }, at) => parts[at - 1]?.index !== index);
  const indexed = first.flatMap(({ column, isOrdered }) =>
    isOrdered && column !== null && byName.has(column) ? [column] : [],
  );
  return {
    primaryKey: whole.find(({ isPrimary }) => isPrimary)?.names ?? [],
    uniqueKeys: whole
      .filter(({ isPrimary, isUnique, names }) => !isPrimary && isUnique && names.every(isNeverNull))
      .map(({ names }) => names),
    indexed: [...new Set(indexed)],
  };

  function isNeverNull(name: string): boolean {
    return byName.get(name)?.nullable === false;
  }
}
