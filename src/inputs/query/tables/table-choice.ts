import type { CatalogTable } from "../../../databases/catalog.ts";
import { tableNameParts, writtenName } from "../../../databases/names.ts";
import { ownTablePrefix } from "../../../databases/table/marker.ts";
import { audit, coverage, logs, partitions, runs, streams, tieSet } from "../../../state/tables.ts";
import { matchesTable, type TableNaming, type TablePattern } from "./table-pattern.ts";

/** What a pipeline asks for: one table by its name, or those that one of several patterns matches. */
export type TableRequest =
  | { readonly table: string }
  | {
      readonly patterns: readonly TablePattern[];
      /** Tables that these patterns do not stand for. */
      readonly without: readonly TablePattern[];
      /** Whether they stand for views too. */
      readonly views: boolean;
    };

/** A table that is read, by the first request that asks for it. */
export interface ChosenTable<Request> {
  readonly request: Request;
  /** The name of its stream, and of the table in settings: with its schema if the request has one. */
  readonly name: string;
  /** Null for a table that is named and not there. */
  readonly table: CatalogTable | null;
}

export interface TableChoice<Request> {
  /** In the order of the requests; tables of one pattern in that of the catalog. */
  readonly chosen: readonly ChosenTable<Request>[];
  /** Tables that no request asks for. */
  readonly left: readonly CatalogTable[];
}

/**
 * Chooses tables. A table that is named is always read, and no pattern takes it. Of two patterns that stand for a table
 * the first counts. `without` leaves out what any pattern stands for. No pattern stands for tables that Tidemark made.
 */
export function chooseTables<Request extends TableRequest>(
  requests: readonly Request[],
  tables: readonly CatalogTable[],
  naming: TableNaming,
  without: readonly TablePattern[] = [],
): TableChoice<Request> {
  const taken = new Set<CatalogTable>();
  const named = new Map<Request, CatalogTable | null>();
  for (const request of requests) {
    if (!("table" in request)) continue;
    const table = tableNamed(request.table, tables, naming);
    named.set(request, table);
    if (table !== null) taken.add(table);
  }
  const matches = (patterns: readonly TablePattern[], table: CatalogTable) =>
    patterns.find((pattern) => matchesTable(pattern, table, naming));
  const chosen = requests.flatMap((request): ChosenTable<Request>[] => {
    if ("table" in request) return [{ request, name: request.table, table: named.get(request) ?? null }];
    return tables.flatMap((table) => {
      if (taken.has(table) || isTidemarks(table) || (table.kind === "view" && !request.views)) return [];
      if (matches(without, table) !== undefined || matches(request.without, table) !== undefined) return [];
      const pattern = matches(request.patterns, table);
      if (pattern === undefined) return [];
      taken.add(table);
      return [{ request, name: nameBy(pattern, table), table }];
    });
  });
  return { chosen, left: tables.filter((table) => !taken.has(table)) };
}

/** The table that is meant by a name: one of this very name, else one that the database takes for the same. */
export function tableNamed(
  text: string,
  tables: readonly CatalogTable[],
  { searchPath, foldsNames }: TableNaming,
): CatalogTable | null {
  const parts = tableNameParts(text);
  const [schema, name] = parts.length > 1 ? parts : [null, parts[0]];
  if (parts.length > 2 || name === undefined) return null;
  const schemas = schema === null || schema === undefined ? searchPath : [schema];
  for (const isSame of foldsNames ? [isEqual, isEqualFolded] : [isEqual]) {
    for (const place of schemas) {
      const found = tables.find((table) => isSame(table.schema, place) && isSame(table.name, name));
      if (found !== undefined) return found;
    }
  }
  return null;
}

function isEqual(a: string, b: string): boolean {
  return a === b;
}

function isEqualFolded(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** As the pattern is written, so that another default schema gives no stream another name. */
function nameBy({ schema }: TablePattern, table: CatalogTable): string {
  return writtenName(schema === null ? [table.name] : [table.schema, table.name]);
}

const bookkeeping = new Set([
  ...[streams, partitions, runs, audit, tieSet, coverage, logs].map(({ name }) => name),
  ...["tidemark_schema", "tidemark_keys", "tidemark_key_audit", "tidemark_key_schema"],
]);

/** Whether a table holds Tidemark's own data, or copies that an output made: a pattern would copy them again. */
export function isTidemarks({ name, isOurs }: Pick<CatalogTable, "name" | "isOurs">): boolean {
  const folded = name.toLowerCase();
  return isOurs || folded.startsWith(ownTablePrefix) || bookkeeping.has(folded);
}
