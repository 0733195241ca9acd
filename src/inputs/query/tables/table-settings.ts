import type { CatalogTable } from "../../../databases/catalog.ts";
import type { TableReading } from "../../../databases/port.ts";
import { TidemarkError } from "../../../errors.ts";
import { unknownField } from "../../../model/unknown-field.ts";
import { canBeNamed } from "./setting-names.ts";

/** What a pipeline says of how one table is read. */
export interface DeclaredReading {
  /** Null where no key is declared. */
  readonly key: readonly string[] | null;
  /** Cursors in order of preference; empty where none is declared. */
  readonly cursors: readonly string[];
  /** Whether the cursor is declared for this table alone, so that one that it lacks is an error. */
  readonly isOwn: boolean;
  /** Whether the primary key is the key where none is declared. */
  readonly takesPrimaryKey: boolean;
  /** Whether the output replaces rows by the input's key, and so needs one. */
  readonly needsKey: boolean;
  /** Whether the output only adds rows, so that a table that is read whole would be added again and again. */
  readonly appends: boolean;
}

/** How a table is read. */
export interface ChosenReading {
  /** `whole`: all rows in each run, for want of a cursor. */
  readonly read: "incremental" | "whole" | "refused";
  readonly key: readonly string[] | null;
  readonly keyFrom: "declared" | "primary key" | null;
  /** As it is declared. */
  readonly cursor: string | null;
  /** Why it cannot be read; null unless it is refused. */
  readonly problem: TidemarkError | null;
}

/**
 * Chooses the key and the cursor of a table. The primary key may be taken; a cursor never is, as a name does not show
 * that an application sets the column with each change.
 */
export function chosenReading(
  table: CatalogTable,
  name: string,
  declared: DeclaredReading,
  reading: Pick<TableReading, "foldsNames" | "rowNames" | "transactionCursor">,
): ChosenReading {
  const hasColumn = columnsOf(table, reading);
  const isCursor = (field: string): boolean => field === reading.transactionCursor || hasColumn(field);
  const primary = declared.takesPrimaryKey ? primaryKeyToName(table) : null;
  const key = declared.key ?? primary;
  const cursor = declared.cursors.find(isCursor) ?? null;
  const chosen = {
    key,
    keyFrom: declared.key !== null ? ("declared" as const) : key === null ? null : ("primary key" as const),
    cursor,
  };
  const missing = declared.isOwn && cursor === null ? declared.cursors[0] : undefined;
  const unknownKey = declared.key?.find((field) => !hasColumn(field));
  const problem = !table.readable
    ? unreadable(name)
    : missing !== undefined
      ? unknownColumn("cursor", missing, table, name)
      : unknownKey !== undefined
        ? unknownColumn("key", unknownKey, table, name)
        : unfitProblem(table, name, chosen, declared);
  if (problem !== null) return { ...chosen, read: "refused", problem };
  return { ...chosen, read: cursor === null ? "whole" : "incremental", problem: null };
}

/** Null for a table without one, and for one with a column that no setting can name. */
export function primaryKeyToName({ primaryKey }: Pick<CatalogTable, "primaryKey">): readonly string[] | null {
  return primaryKey.length > 0 && primaryKey.every(canBeNamed) ? primaryKey : null;
}

/** Whether a table has a column, or has one in which a dotted path may go on. */
function columnsOf(
  { columns }: CatalogTable,
  { foldsNames, rowNames }: Pick<TableReading, "foldsNames" | "rowNames">,
): (field: string) => boolean {
  const plain = (name: string): string => (foldsNames ? name.toLowerCase() : name);
  const known = new Set([...columns.map(({ name }) => name), ...rowNames].map(plain));
  return (field) => known.has(plain(field)) || known.has(plain(field.split(".")[0] ?? ""));
}

function unfitProblem(
  table: CatalogTable,
  name: string,
  { key, cursor }: Pick<ChosenReading, "key" | "cursor">,
  { needsKey, appends }: DeclaredReading,
): TidemarkError | null {
  if (needsKey && key === null) return withoutKey(table, name);
  if (!appends || cursor !== null) return null;
  return new TidemarkError(
    "CONFIG_INCOHERENT",
    `${name} has no cursor, and the output would add all of its rows again with each run`,
    { hint: "Declare its `cursor`, or a `mode: upsert` for the output." },
  );
}

function withoutKey({ uniqueKeys }: CatalogTable, name: string): TidemarkError {
  const [unique] = uniqueKeys;
  const keeps =
    unique === undefined ? "" : `; it keeps ${unique.map((part) => `\`${part}\``).join(", ")} unique`;
  const declared = unique === undefined ? "…" : unique.length === 1 ? unique[0] : `[${unique.join(", ")}]`;
  return new TidemarkError("CONFIG_INCOHERENT", `${name} has no primary key${keeps}`, {
    hint: `Declare \`key: ${declared}\`, or \`output: { mode: append }\`.`,
  });
}

function unreadable(name: string): TidemarkError {
  return new TidemarkError(
    "QUERY_FAILED",
    `${name} cannot be read by this user, or what it is made of is gone`,
    {
      hint: `GRANT SELECT ON ${name} TO the role that the input connects as, or leave the table out.`,
    },
  );
}

function unknownColumn(role: string, field: string, { columns }: CatalogTable, name: string): TidemarkError {
  const names = columns.map((column) => column.name);
  return unknownField({ role, field, where: `the columns of the table ${name}`, names });
}
