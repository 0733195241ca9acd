import type { CatalogTable } from "../../databases/catalog.ts";
import { writtenName } from "../../databases/names.ts";
import type { TableReading } from "../../databases/port.ts";
import type { CursorField } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { showAddress } from "../../http/address.ts";
import { kindProblem, typeProblem } from "../../inputs/query/column-types.ts";
import { type CursorProposal, cursorProposals } from "../../inputs/query/tables/cursor-proposals.ts";
import type { SourceTables } from "../../inputs/query/tables/read-catalog.ts";
import {
  type ChosenReading,
  chosenReading,
  primaryKeyToName,
} from "../../inputs/query/tables/table-settings.ts";
import { formatPath } from "../../model/record.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import type { ConfiguredPipeline } from "../../pipeline/load.ts";

/** A stream of the file, or a table that no stream of it reads. */
export interface Found {
  /** Null for a table that is not read. */
  readonly stream: StreamKey | null;
  readonly type: ConfiguredPipeline["config"]["input"]["type"];
  /** Where records come from: an address, the name of a table, a module's path; null for a query. */
  readonly from: string | null;
  readonly read: ChosenReading["read"] | "no";
  readonly key: readonly string[] | null;
  readonly keyFrom: ChosenReading["keyFrom"];
  readonly cursor: string | null;
  /** Null where there is no table, or it was not found. */
  readonly table: CatalogTable | null;
  readonly proposals: readonly CursorProposal[];
  readonly problem: TidemarkError | null;
}

/** What the file says of a stream. */
export function declaredStream({ pipeline, config }: ConfiguredPipeline): Found {
  const { cursors, key } = pipeline.input.incremental;
  return {
    stream: pipeline.key,
    type: config.input.type,
    from: placeOf(config.input),
    read: cursors.length === 0 ? "whole" : "incremental",
    key: key?.map(formatPath) ?? null,
    keyFrom: key === null ? null : "declared",
    cursor: cursorOf(pipeline, config.input),
    table: null,
    proposals: [],
    problem: null,
  };
}

/** The same, compared with the table as the database has it; null for one that is not there. */
export function streamOfTable(
  configured: ConfiguredPipeline,
  table: CatalogTable | null,
  { reading, unlisted }: Pick<SourceTables, "reading" | "unlisted">,
): Found {
  const declared = declaredStream(configured);
  const name = declared.from ?? "";
  if (table === null) {
    const problem = unlisted.has(name) ? (unlisted.get(name) ?? null) : withoutTable(name);
    return problem === null ? declared : { ...declared, read: "refused", problem };
  }
  const [leading] = configured.pipeline.input.incremental.cursors;
  const misfit = leading === undefined ? null : cursorProblem(table, name, leading, reading);
  // A number of rows is no column.
  const cursors = leading?.role === "offset" || declared.cursor === null ? [] : [declared.cursor];
  const chosen = chosenReading(
    table,
    name,
    {
      key: declared.key,
      cursors,
      isOwn: true,
      // One stream is read as its file says.
      ...{ takesPrimaryKey: false, needsKey: false, appends: false },
    },
    reading,
  );
  const problem = chosen.problem ?? misfit;
  return {
    ...declared,
    read: problem === null ? declared.read : "refused",
    table,
    proposals: cursorProposals(table, reading),
    problem,
  };
}

/** Why the cursor's column cannot hold what is declared, as the run would find it. */
function cursorProblem(
  { columns }: CatalogTable,
  table: string,
  leading: CursorField,
  reading: TableReading,
): TidemarkError | null {
  const plain = (name: string): string => (reading.foldsNames ? name.toLowerCase() : name);
  const field = leading.path?.at(-1);
  const column = columns.find(({ name }) => field !== undefined && plain(name) === plain(field));
  if (column === undefined) return null;
  return kindProblem(column.kind, leading, table) ?? typeProblem(column, table, leading, reading);
}

/** A table that no stream of the file reads, as it could be read. */
export function unreadTable(table: CatalogTable, { naming, reading }: SourceTables): Found {
  const key = primaryKeyToName(table);
  const isNear = table.schema === naming.searchPath[0];
  return {
    stream: null,
    type: "database",
    from: writtenName(isNear ? [table.name] : [table.schema, table.name]),
    read: "no",
    key,
    keyFrom: key === null ? null : "primary key",
    cursor: null,
    table,
    proposals: cursorProposals(table, reading),
    problem: null,
  };
}

function placeOf(input: ConfiguredPipeline["config"]["input"]): string | null {
  switch (input.type) {
    case "httpPolling":
      return addressOf(input.endpoint);
    case "database":
      return input.table ?? null;
    case "module":
      return input.path;
  }
}

/** An address with its placeholders as they are written. */
function addressOf(endpoint: string): string {
  return showAddress(new URL(endpoint)).replace(/%7B%7B(?:[\w.-]|%20)*%7D%7D/g, decodeURIComponent);
}

/** The leading cursor: its field, or its kind where records have none. */
function cursorOf(
  { input }: ConfiguredPipeline["pipeline"],
  declared: ConfiguredPipeline["config"]["input"],
): string | null {
  const [leading] = input.incremental.cursors;
  if (leading === undefined) return null;
  if (leading.path !== null) return formatPath(leading.path);
  if (leading.role !== "sourceManaged") return leading.role;
  return declared.type === "database" ? (declared.cursor ?? null) : "source-managed";
}

function withoutTable(name: string): TidemarkError {
  return new TidemarkError("QUERY_FAILED", `the table ${name} does not exist`, {
    hint: "Check its name and schema, and that the user may see it; `tidemark discover FILE --all` lists what there is.",
  });
}
