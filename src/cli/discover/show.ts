import type { CatalogColumn, CatalogTable } from "../../databases/catalog.ts";
import type { CursorProposal } from "../../inputs/query/tables/cursor-proposals.ts";
import { canBeNamed, yamlText } from "../../inputs/query/tables/setting-names.ts";
import { isTidemarks } from "../../inputs/query/tables/table-choice.ts";
import { primaryKeyToName } from "../../inputs/query/tables/table-settings.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import { counted, formatCount } from "../format.ts";
import { type Column, Table } from "../table.ts";
import { shown, style } from "../terminal.ts";
import type { Found } from "./found.ts";

const none = "–";

const bold = (text: string): string => style("bold", text);

/** What was found, as lines in columns; tables have more of them than other sources. */
export function listing(found: readonly Found[], options: { readonly columns: boolean }): string {
  const tables = found.filter(({ type }) => type === "database");
  const others = found.filter(({ type }) => type !== "database");
  const parts = [
    ...(others.length === 0 ? [] : [new Table(otherColumns).lines(others, bold)]),
    ...(tables.length === 0 ? [] : [new Table(tableColumns).lines(tables, bold)]),
  ];
  const columns = options.columns ? tables.flatMap(columnLines) : [];
  return [...parts, ...columns].join("\n");
}

const stream: Column<Found> = {
  title: "STREAM",
  text: ({ stream }) => (stream === null ? none : formatStreamKey(stream)),
};
const read: Column<Found> = {
  title: "READ",
  text: ({ read }) => (read === "incremental" ? "yes" : read),
  style: (text, { read }) => (read === "refused" ? style("red", text) : text),
};

const otherColumns: readonly Column<Found>[] = [
  stream,
  read,
  { title: "KEY", text: ({ key }) => key?.join(", ") ?? none },
  { title: "CURSOR", text: ({ cursor }) => cursor ?? none },
  { title: "FROM", text: ({ from }) => from ?? none },
];

const tableColumns: readonly Column<Found>[] = [
  stream,
  { title: "TABLE", text: ({ from }) => from ?? "(a query)" },
  { title: "KIND", text: ({ table }) => (table === null ? none : kindText(table)) },
  read,
  { title: "KEY", text: keyText },
  { title: "CURSOR", text: cursorText },
  { title: "COLUMNS", text: ({ table }) => (table === null ? none : `${table.columns.length}`), right: true },
  { title: "ROWS", text: ({ table }) => rowsText(table), right: true },
];

function kindText(table: CatalogTable): string {
  return isTidemarks(table) ? `${table.kind} of Tidemark` : table.kind;
}

function keyText({ key, table }: Found): string {
  if (key !== null) return key.join(", ");
  if (table === null) return none;
  const primary = table.primaryKey.join(", ");
  if (primary !== "")
    return `${none} (${primaryKeyToName(table) === null ? "no setting can name" : "proposed:"} ${primary})`;
  const [unique] = table.uniqueKeys;
  return unique === undefined ? none : `${none} (unique: ${unique.join(", ")})`;
}

function cursorText({ cursor, table, proposals }: Found): string {
  if (cursor !== null) {
    const column = table?.columns.find(({ name }) => name === cursor);
    return column === undefined ? cursor : `${cursor} (${column.type})`;
  }
  if (proposals.length === 0) return none;
  return `${none} (proposed: ${proposals.map(({ field }) => field).join(", ")})`;
}

function rowsText(table: CatalogTable | null): string {
  const rows = table?.estimatedRows ?? null;
  return rows === null ? none : `~${formatCount(rows)}`;
}

/** The columns of one table, below its name. */
function columnLines({ from, table }: Found): string[] {
  if (table === null) return [];
  const indexed = new Set(table.indexed);
  const columns: readonly Column<CatalogColumn>[] = [
    { title: "  COLUMN", text: ({ name }) => `  ${name}` },
    { title: "TYPE", text: ({ type }) => (type === "" ? none : type) },
    { title: "KIND", text: ({ kind }) => kind },
    { title: "NULL", text: ({ nullable }) => (nullable ? "yes" : "no") },
    { title: "INDEX", text: ({ name }) => (indexed.has(name) ? "yes" : "no") },
  ];
  return [`${bold(shown(from ?? table.name))}\n${new Table(columns).lines(table.columns, bold)}`];
}

/** As `--json` gives it. */
export function foundJson({ stream, table, problem, ...found }: Found): Record<string, unknown> {
  return {
    connector: stream?.connector ?? null,
    stream: stream?.stream ?? null,
    type: found.type,
    from: found.from,
    schema: table?.schema ?? null,
    table: table?.name ?? null,
    kind: table?.kind ?? null,
    made_by_tidemark: table === null ? null : isTidemarks(table),
    read: found.read,
    key: found.key,
    key_from: found.keyFrom?.replace(" ", "_") ?? null,
    cursor: found.cursor,
    proposals: found.proposals,
    primary_key: table?.primaryKey ?? null,
    unique_keys: table?.uniqueKeys ?? null,
    columns:
      table?.columns.map(({ name, type, kind, nullable, numbered }) => ({
        ...{ name, type, kind, nullable, numbered },
        indexed: table.indexed.includes(name),
      })) ?? null,
    estimated_rows: table?.estimatedRows ?? null,
    problem: problem === null ? null : { code: problem.code, message: problem.message, hint: problem.hint },
  };
}

/**
 * For each table the keys of an input, as a YAML document; what is only proposed is a comment. Tables that Tidemark made
 * are no source, unless the file reads them.
 */
export function foundYaml(found: readonly Found[]): string {
  const documents = found.flatMap(({ table, ...one }) =>
    table === null || (one.stream === null && isTidemarks(table)) ? [] : [document(one, table)],
  );
  return documents.join("---\n");
}

function document({ from, key, cursor, proposals }: Omit<Found, "table">, table: CatalogTable): string {
  const settings = [
    `table: ${yamlText(from ?? table.name)}`,
    ...keyLines(key, table),
    ...(cursor === null ? [] : [cursorLine(cursor, proposals)]),
    ...proposals.filter(({ field }) => field !== cursor).map((one) => `# ${one.setting} # ${about(one)}`),
  ];
  const rows = table.estimatedRows === null ? "" : `, about ${counted(table.estimatedRows, "row")}`;
  const title = `# ${table.kind} with ${counted(table.columns.length, "column")}${rows}`;
  return `${title}\ninput:\n${settings.map((line) => `  ${shown(line)}\n`).join("")}`;
}

function keyLines(key: readonly string[] | null, table: CatalogTable): string[] {
  const line = (names: readonly string[]): string => {
    const texts = names.map(yamlText);
    return `key: ${texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`}`;
  };
  const chosen = key ?? primaryKeyToName(table);
  if (chosen !== null) return [line(chosen)];
  return table.uniqueKeys
    .filter((names) => names.every(canBeNamed))
    .map((names) => `# ${line(names)} # unique`);
}

/** Only the file knows the format that it declares for times. */
function cursorLine(cursor: string, proposals: readonly CursorProposal[]): string {
  const setting = proposals.find(({ field }) => field === cursor)?.setting;
  return setting === undefined || setting.includes("format:")
    ? `# cursor ${cursor}, as the file declares it`
    : setting;
}

function about({ finds, type, nullable, indexed }: CursorProposal): string {
  const found = finds === "changes" ? "new and changed rows" : "new rows only";
  if (type === null) return `${found}, without a column`;
  const facts = [type, ...(nullable ? ["may be NULL"] : []), ...(indexed ? ["indexed"] : ["no index"])];
  return `${found}: ${facts.join(", ")}`;
}
