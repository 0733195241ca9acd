import { TidemarkError } from "../../../errors.ts";
import type { CursorRange, TieMember } from "../../../model/position.ts";
import { readInterval, readStreamRow, readTieMember } from "../../codec.ts";
import type { StreamRow } from "../../rows.ts";
import type { Tables } from "./schema.ts";
import type { Row } from "./statement.ts";

/** SQL for a point in time as the codec reads it, whatever the connection's zone and style of dates. */
export function isoText(time: string): string {
  return `to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** The server's own time; stored times have milliseconds. */
export const serverTime = "date_trunc('milliseconds', clock_timestamp())";

export const runColumns = [
  "connector",
  "stream",
  "run_id",
  "kind",
  "epoch",
  "outcome",
  "started_at_utc",
  "ended_at_utc",
  "lower_bound",
  "new_cursor",
  "records_processed",
  "checkpoints",
  "error",
  "metadata",
  "actor",
  "end_position",
] as const;

export const auditColumns = [
  "connector",
  "stream",
  "number",
  "at_utc",
  "actor",
  "action",
  "old_cursor",
  "new_cursor",
  "reason",
  "run_id",
  "hash",
  "partition",
] as const;

const jsonColumns = ["metadata", "lease_owner"];

/**
 * The columns of a table under an alias, times and JSON as text: a caller's driver would cut numbers in JSON. `at_utc`
 * is text as it is stored.
 */
export function selected(alias: string, columns: readonly string[]): string {
  return columns
    .map((column) => {
      const name = `${alias}.${column}`;
      if (column.endsWith("_at_utc")) return `${isoText(name)} AS ${column}`;
      return jsonColumns.includes(column) ? `${name}::text AS ${column}` : name;
    })
    .join(", ");
}

/** SQL for the tie set beside the stream that `row` names, as one JSON list; null where there are none. */
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
  readonly lane: string;
}

export const givenPlace: Place = { connector: "$connector", stream: "$stream", lane: "$lane" };

export function samePlace(alias: string, { connector, stream, lane }: Place): string {
  return `${alias}.connector = ${connector} AND ${alias}.stream = ${stream} AND ${alias}.lane = ${lane}`;
}

export function placeOfRow(alias: string): Place {
  return { connector: `${alias}.connector`, stream: `${alias}.stream`, lane: `${alias}.lane` };
}

/** Reads a row of `streamColumns` with the columns `tie_set` and `coverage`. */
export function streamRow(row: Row, holder: string): StreamRow {
  return readStreamRow(row, besideOfRow(row, holder), holder);
}

/** Reads the columns `tie_set` and `coverage`. */
export function besideOfRow(row: Row, holder: string): { tieSet: TieMember[]; coverage: CursorRange[] } {
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
