import { TidemarkError } from "../../../errors.ts";
import type { CursorRange, TieMember } from "../../../model/position.ts";
import { readInterval, readStreamRow, readTieMember } from "../../codec.ts";
import type { SqlValue } from "../../derive/kinds.ts";
import { columnNames, keyColumns, record, type Table, valueColumns } from "../../derive/table.ts";
import type { StreamRow } from "../../rows.ts";
import type { Tables } from "./schema.ts";
import type { Row, Value } from "./statement.ts";

/** The server's own time; stored times have milliseconds. */
export const serverTime = "date_trunc('milliseconds', clock_timestamp())";

/** A table's columns under an alias, as the codec reads them: times and JSON as text. */
export function selected(alias: string, of: Table): string {
  return Object.values(of.columns)
    .map(({ column, kind: { postgresText } }) => {
      const name = `${alias}.${column}`;
      return postgresText === undefined ? name : `${postgresText(name)} AS ${column}`;
    })
    .join(", ");
}

/** `INSERT` of one row of parameters that are named as the columns are. */
export function insertion(name: string, of: Table): string {
  const columns = columnNames(of);
  return `INSERT INTO ${name} (${columns.join(", ")}) VALUES (${columns.map((column) => `$${column}`).join(", ")})`;
}

/** What follows an `INSERT` that may find its row there. */
export function orUpdate(of: Table): string {
  const changes = valueColumns(of).map((column) => `${column} = excluded.${column}`);
  return `ON CONFLICT (${keyColumns(of).join(", ")}) DO UPDATE SET ${changes.join(", ")}`;
}

/** `INSERT` of many rows: those columns are the same in each, the others are lists. */
export function insertionOfMany(name: string, of: Table, same: readonly string[]): string {
  const lists = Object.values(of.columns).filter(({ column }) => !same.includes(column));
  const arrays = lists.map(({ column, kind }) => `$${column}::${kind.postgres.split(" ")[0]}[]`);
  return `INSERT INTO ${name} (${[...same, ...lists.map(({ column }) => column)].join(", ")})
    SELECT ${same.map((column) => `$${column}, `).join("")}list.* FROM unnest(${arrays.join(", ")}) list`;
}

/** The lists that `insertionOfMany` takes, of rows as they are encoded. */
export function listsOf<C extends string>(
  rows: readonly Readonly<Record<C, SqlValue>>[],
  columns: readonly C[],
): Record<C, Value> {
  return record(columns.map((column) => [column, rows.map((row) => row[column])]));
}

/** SQL for the tie set of the stream that `row` names, as one JSON list; null where there are none. */
export function tieSetList(tables: Tables, row: Place): string {
  return `(SELECT json_agg(json_build_array(b.identity, b.cursor_value, b.count))::text
    FROM ${tables.tieSet} b WHERE ${samePlace("b", row)})`;
}

/** As `tieSetList`, of the covered intervals in their order. */
export function coverageList(tables: Tables, row: Place): string {
  return `(SELECT json_agg(json_build_object('lower', c.lower_value, 'upper', c.upper_value) ORDER BY c.number)::text
    FROM ${tables.coverage} c WHERE ${samePlace("c", row)})`;
}

/** SQL for the parts of a stream's name: columns of a table or parameters. */
export interface Place {
  readonly connector: string;
  readonly stream: string;
  readonly scope: string;
}

export const givenPlace: Place = { connector: "$connector", stream: "$stream", scope: "$scope" };

export function samePlace(alias: string, { connector, stream, scope }: Place): string {
  return `${alias}.connector = ${connector} AND ${alias}.stream = ${stream} AND ${alias}.scope = ${scope}`;
}

export function placeOfRow(alias: string): Place {
  return { connector: `${alias}.connector`, stream: `${alias}.stream`, scope: `${alias}.scope` };
}

/** Reads a row of `streamColumns` with the columns `tie_set` and `coverage`. */
export function streamRow(row: Row, holder: string): StreamRow {
  return readStreamRow(row, positionPartsOf(row, holder), holder);
}

/** Reads the columns `tie_set` and `coverage`. */
export function positionPartsOf(row: Row, holder: string): { tieSet: TieMember[]; coverage: CursorRange[] } {
  return { tieSet: tieSetOf(row, holder), coverage: coverageOf(row, holder) };
}

function tieSetOf(row: Row, holder: string): TieMember[] {
  return listOf(row, "tie_set", holder).map((raw) => {
    const [identity, cursor, count] = Array.isArray(raw) ? raw : [];
    return readTieMember({ identity, cursor, count }, holder);
  });
}

function coverageOf(row: Row, holder: string): CursorRange[] {
  return listOf(row, "coverage", holder).map((raw) => readInterval(raw, holder));
}

function listOf(row: Row, column: string, holder: string): unknown[] {
  const text = row[column];
  if (text === null || text === undefined) return [];
  const list: unknown = JSON.parse(String(text));
  if (Array.isArray(list)) return list;
  throw unfit(row, column, holder);
}

export function textOf(row: Row, column: string, holder: string): string {
  const value = row[column];
  if (typeof value === "string") return value;
  throw unfit(row, column, holder);
}

export function optionalText(row: Row, column: string, holder: string): string | null {
  return row[column] === null ? null : textOf(row, column, holder);
}

function unfit(row: Row, column: string, holder: string): TidemarkError {
  return new TidemarkError(
    "STATE_UNREADABLE",
    `${holder}: ${column} cannot be ${JSON.stringify(row[column])}`,
  );
}
