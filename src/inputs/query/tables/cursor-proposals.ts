import type { CatalogColumn, CatalogTable } from "../../../databases/catalog.ts";
import type { TableReading } from "../../../databases/port.ts";
import { namesChange, namesCreation, namesTime } from "../../../model/change-names.ts";
import { canBeNamed, yamlText } from "./setting-names.ts";

/** A cursor that a table could be followed by. Only who knows the application knows whether it fits. */
export interface CursorProposal {
  /** The column, or the database's name for the transactions of rows. */
  readonly field: string;
  /** The setting that declares it, as YAML. */
  readonly setting: string;
  /** What it finds: rows that are new or changed, or new rows alone. */
  readonly finds: "changes" | "additions";
  /** As the database writes it down; null where it is no column. */
  readonly type: string | null;
  readonly nullable: boolean;
  readonly indexed: boolean;
}

/** The capabilities of a database that proposals depend on. */
type Reading = Pick<TableReading, "transactionCursor" | "orderedTypes">;

/**
 * The cursors that a table could have, the likeliest first: times of changes, the transactions of rows, times at which
 * rows came to be, and ids that the database numbers. Among those of one kind, the ones with an index come first, then
 * the ones without NULL.
 */
export function cursorProposals(
  table: Pick<CatalogTable, "kind" | "columns" | "primaryKey" | "indexed">,
  reading: Reading,
): readonly CursorProposal[] {
  const indexed = new Set(table.indexed);
  const columns = table.columns.filter(({ name }) => canBeNamed(name));
  const timesNamed = (isNamed: (name: string) => boolean, finds: CursorProposal["finds"]) =>
    columns.flatMap((column): CursorProposal[] => {
      const setting = isNamed(column.name) ? timeSetting(column, reading) : null;
      return setting === null ? [] : [proposalOf(column, setting, finds, indexed)];
    });
  const { transactionCursor } = reading;
  const transactions: CursorProposal[] =
    transactionCursor === null || table.kind !== "table"
      ? []
      : [
          {
            field: transactionCursor,
            setting: `cursor: ${transactionCursor}`,
            finds: "changes",
            ...{ type: null, nullable: false, indexed: false },
          },
        ];
  const created = (name: string) => namesCreation(name) && !namesChange(name);
  const ids = columns
    .filter(({ name, numbered }) => numbered && table.primaryKey.length === 1 && table.primaryKey[0] === name)
    .map((column) =>
      proposalOf(
        column,
        `statePersistence: { id: { field: ${yamlText(column.name)} } }`,
        "additions",
        indexed,
      ),
    );
  return [
    ...timesNamed(namesChange, "changes").sort(byUse),
    ...transactions,
    ...timesNamed(created, "additions").sort(byUse),
    ...ids,
  ];
}

function proposalOf(
  { name, type, nullable }: CatalogColumn,
  setting: string,
  finds: CursorProposal["finds"],
  indexed: ReadonlySet<string>,
): CursorProposal {
  return { field: name, setting, finds, type, nullable, indexed: indexed.has(name) };
}

function byUse(a: CursorProposal, b: CursorProposal): number {
  return Number(b.indexed) - Number(a.indexed) || Number(a.nullable) - Number(b.nullable);
}

/** How a column of times is declared; null for one whose values are none, or are not in the order of time. */
function timeSetting({ name, type, base, kind }: CatalogColumn, { orderedTypes }: Reading): string | null {
  const plain = `cursor: ${yamlText(name)}`;
  if (kind === "timestamp" || kind === "date") return plain;
  // SQLite keeps times in any column; only the names of its type and of the column tell.
  if (orderedTypes === null && /date|time/i.test(type)) return plain;
  if (!namesTime(name)) return null;
  if (kind === "text" && (orderedTypes === null || orderedTypes.times.includes(base))) return plain;
  if (kind !== "integer") return null;
  return `statePersistence: { timestamp: { field: ${yamlText(name)}, format: epoch_s } }`;
}
