import type { TieMember } from "../../../model/position.ts";
import { isSameCoverage } from "../../backfilled.ts";
import { runFields, streamFields } from "../../codec.ts";
import { isoText, type SqlValue } from "../../derive/kinds.ts";
import { type Column, type Columns, columnNames, encode, record } from "../../derive/table.ts";
import type { Change, StreamRow } from "../../rows.ts";
import { runEndColumns, runs, type StreamFields, streams } from "../../tables.ts";
import { differentTies } from "../../tie-differences.ts";
import { aroundTheTime } from "./audit-hash.ts";
import { givenPlace, samePlace, textOf } from "./columns.ts";
import type { Seen } from "./last-seen.ts";
import { coverageValues, positionParameter } from "./parameters.ts";
import { knowsTables, type Tables } from "./schema.ts";
import { type Row, type Statement, statement, type Value } from "./statement.ts";

/**
 * Compare and set: one statement that stores a change, by the server's time, where the row is still as it was seen.
 * Otherwise it changes nothing and returns no row. `lifecycle.ts` decides what changes; this file only writes it.
 */

/** How a time column is written: as the server's current time, or as that plus an interval. */
type Form = "value" | "null" | "now" | "later" | "hash";

/** What a statement writes; one is made for each shape. */
interface Shape {
  /** The columns of the row that differ, each with its form: `status value`. */
  readonly set: readonly string[];
  readonly run: "stays" | "begins" | "ends";
  readonly audited: boolean;
  readonly tiesGo: boolean;
  readonly tiesCome: boolean;
  readonly coverageChanges: boolean;
}

export interface Write {
  /** The text of the position that is stored then. */
  readonly position: string;
  readonly shape: Shape;
  readonly values: Readonly<Record<string, Value>>;
}

const keyFields: readonly string[] = streams.key;
const timeFields = Object.entries(streams.columns).flatMap(([field, { kind }]) =>
  kind.postgres === "timestamptz" ? [field] : [],
);

/** Whether one statement can store a change: it is about the stream's row, its run and its log alone. */
export function isOneWrite(seen: StreamRow, { row, runs: of, audit, ...more }: Change): boolean {
  const takesOver = seen.status === "running" && seen.runId !== row.runId;
  const touchesMore = [more.partitions, more.backfilled].some((list) => (list ?? []).length > 0);
  return !takesOver && !touchesMore && more.startsOver !== true && of.length <= 1 && audit.length <= 1;
}

/** `now`: the time by which the step was taken, which no time of the seen row is equal to. */
export function writeOf(seen: Seen, change: Change, now: number): Write {
  const { row } = change;
  const isMoved = row.position !== seen.row.position;
  const position = isMoved ? positionParameter(row.key, row.position) : seen.position;
  const ties = differentTies(seen.row.position.tieSet, row.position.tieSet);
  const [run] = change.runs;
  const how = run === undefined ? "stays" : run.outcome === "running" ? "begins" : "ends";
  const { set, values } = columnsOf(
    streamFields(seen.row, seen.position),
    streamFields(row, position),
    isMoved ? [...inRuns[how], "recordsProcessed"] : inRuns[how],
    now,
  );
  return {
    position,
    shape: {
      set,
      run: how,
      audited: change.audit.length > 0,
      tiesGo: ties.go,
      tiesCome: ties.come.length > 0,
      coverageChanges: !isSameCoverage(seen.row.position.coverage, row.position.coverage),
    },
    values: {
      ...values,
      ...row.key,
      scope: row.scope,
      run_id: row.runId,
      epoch: row.epoch,
      ...seenValues(seen),
      ...(run === undefined ? {} : historyValues(encode(runs, runFields(run)))),
      ...auditValues(seen, change),
      ...(ties.go ? tieValues("kept", ties.kept) : {}),
      ...(ties.come.length > 0 ? tieValues("come", ties.come) : {}),
      ...coverageValues(row.position),
    },
  };
}

/** The columns that differ, and those that are always written, with their values. */
function columnsOf(before: StreamFields, after: StreamFields, always: readonly string[], now: number) {
  const was: Readonly<Record<string, unknown>> = before;
  const set: string[] = [];
  const values: Record<string, SqlValue> = {};
  for (const [field, value] of Object.entries(after)) {
    const of: Column | undefined = columns[field];
    if (of === undefined || keyFields.includes(field)) continue;
    if (value === was[field] && !always.includes(field)) continue;
    const form = formOf(field, value, now);
    set.push(`${of.column} ${form}`);
    values[of.column] = form === "later" ? Number(value) - now : of.encode(value);
  }
  return { set, values };
}

const columns: Columns = streams.columns;

/** Fields that are written although they may be the same, so that there are few different statements. */
const inRuns: Readonly<Record<Shape["run"], readonly string[]>> = {
  stays: [],
  begins: [
    ...["cursorType", "sequence", "runLowerBound", "runActor", "leaseSeconds", "leaseOwner"],
    ...["lastError", "recordsProcessed", "metadata"],
  ],
  ends: ["leaseOwner", "lastError", "recordsProcessed", "metadata"],
};

function formOf(field: string, value: unknown, now: number): Form {
  if (field === "auditHead") return "hash";
  if (!timeFields.includes(field)) return "value";
  if (value === null) return "null";
  return value === now ? "now" : "later";
}

/** The row as stored, with the server's time. */
export function asStored(
  row: StreamRow,
  seen: StreamRow,
  now: number,
  returned: Row,
  place: string,
): StreamRow {
  const late = Date.parse(textOf(returned, "at_utc", place)) - now;
  const times = timeFields.flatMap((field) => {
    const time: unknown = Reflect.get(row, field);
    return typeof time === "number" && time !== Reflect.get(seen, field)
      ? [[field, time + late] as const]
      : [];
  });
  const auditHead = typeof returned.audit_head === "string" ? returned.audit_head : row.auditHead;
  return { ...row, ...record<Partial<StreamRow>>(times), auditHead };
}

function seenValues({ row, position }: Seen) {
  return {
    seen_status: row.status,
    seen_epoch: row.epoch,
    seen_sequence: row.sequence,
    seen_cursor_type: row.cursorType,
    seen_value: row.position.watermark,
    seen_position: position,
  };
}

function historyValues(run: Readonly<Record<string, SqlValue>>): Record<string, SqlValue> {
  return Object.fromEntries(Object.entries(run).map(([column, value]) => [`history_${column}`, value]));
}

function auditValues(seen: Seen, { audit: [row] }: Change): Record<string, Value> {
  if (row === undefined) return {};
  const { before, after } = aroundTheTime(seen.row.auditHead, row);
  const { actor, action, reason, newCursor, oldCursor } = row;
  return {
    audit_before: before,
    audit_after: after,
    actor,
    action,
    reason,
    old_cursor: oldCursor,
    new_cursor: newCursor,
  };
}

function tieValues(which: "kept" | "come", ties: readonly TieMember[]): Record<string, Value> {
  return {
    [`${which}_identities`]: ties.map(({ identity }) => identity),
    [`${which}_cursors`]: ties.map(({ cursor }) => cursor),
    [`${which}_counts`]: ties.map(({ count }) => count),
  };
}

const parameters = [
  ...columnNames(streams),
  ...columnNames(runs).map((column) => `history_${column}`),
  ...["seen_status", "seen_epoch", "seen_sequence", "seen_cursor_type", "seen_value", "seen_position"],
  ...["audit_before", "audit_after", "actor", "action", "reason", "old_cursor", "new_cursor"],
  ...["kept_identities", "kept_cursors", "kept_counts", "come_identities", "come_cursors", "come_counts"],
  ...["lowers", "uppers"],
];

/** The statements, each made when it is first needed. */
export class Writes {
  readonly #tables: Tables;
  readonly #made = new Map<string, Statement<string>>();

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  statementFor(shape: Shape): Statement<string> {
    const { set, ...rest } = shape;
    const name = `${set.join()} ${Object.values(rest).join()}`;
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const made = statement("write", parameters, writeSql(this.#tables, shape));
    this.#made.set(name, made);
    return made;
  }
}

/** The server's time when it was asked; a statement that waits for nothing is done at once. */
const statementTime = "date_trunc('milliseconds', statement_timestamp())";

/**
 * Epoch and sequence alone would identify the last write. The values are compared as well, so that a row that was
 * edited by hand is not overwritten unread (promise P10).
 */
const asSeen = `${samePlace("s", givenPlace)} AND s.status = $seen_status AND s.epoch = $seen_epoch
  AND s.sequence = $seen_sequence AND s.position = $seen_position
  AND s.cursor_value IS NOT DISTINCT FROM $seen_value AND s.cursor_type IS NOT DISTINCT FROM $seen_cursor_type`;

/** The same hash as `auditHash`: everything except the time is known here. */
const auditHead = `encode(sha256(convert_to(
  $audit_before::text || '24:' || ${isoText(statementTime)} || $audit_after::text, 'UTF8')), 'hex')`;

const answer = `${isoText(statementTime)} AS at_utc`;

function writeSql(tables: Tables, shape: Shape): string {
  const written = `
    UPDATE ${tables.streams} s SET ${shape.set.map(assignment).join(", ")}
    WHERE ${asSeen} AND ${knowsTables(tables)}
    RETURNING s.audit_head`;
  const parts = [
    `written AS (${written})`,
    ...(shape.tiesGo ? [`ties_gone AS (${tiesGone(tables)})`] : []),
    ...(shape.tiesCome ? [`ties_come AS (${tiesCome(tables)})`] : []),
    ...(shape.coverageChanges
      ? [`coverage_gone AS (${coverageGone(tables)})`, `coverage_come AS (${coverageCome(tables)})`]
      : []),
  ];
  const logged = shape.audited ? [audited(tables)] : [];
  const ran = shape.run === "stays" ? [] : [shape.run === "begins" ? runBegun(tables) : runEnded(tables)];
  // The last of them is the statement itself, which is cheaper than to select from all.
  const statements = [...logged, ...ran];
  const last = statements.pop();
  const others = statements.map((sql, number) => `other_${number} AS (${sql})`);
  const end =
    last === undefined
      ? `SELECT ${answer}, audit_head FROM written`
      : `${last} RETURNING ${answer}${shape.audited ? `, ${auditHead} AS audit_head` : ""}`;
  return `WITH ${[...parts, ...others].join(", ")} ${end}`;
}

function assignment(written: string): string {
  const [column = "", form = ""] = written.split(" ");
  const json = ["metadata", "lease_owner"].includes(column) ? "::json" : "";
  const forms: Readonly<Record<string, string>> = {
    value: `$${column}${json}`,
    null: "NULL",
    now: statementTime,
    later: `${statementTime} + $${column}::double precision * interval '1 millisecond'`,
    hash: auditHead,
  };
  return `${column} = ${forms[form]}`;
}

function audited(tables: Tables): string {
  return `
    INSERT INTO ${tables.audit} (connector, stream, number, at_utc, actor, action, old_cursor, new_cursor,
      reason, run_id, hash)
    SELECT $connector, $stream, $audit_number::bigint, ${isoText(statementTime)}, $actor, $action, $old_cursor, $new_cursor,
      $reason, $run_id, audit_head
    FROM written`;
}

/** A run that has begun has nothing in the other columns. */
function runBegun(tables: Tables): string {
  return `
    INSERT INTO ${tables.runs} (connector, stream, run_id, kind, epoch, outcome, started_at_utc, lower_bound,
      records_processed, checkpoints, actor)
    SELECT $connector, $stream, $run_id, $history_kind, $epoch::bigint, $history_outcome, ${statementTime},
      $history_lower_bound, 0, 0, $history_actor
    FROM written`;
}

function runEnded(tables: Tables): string {
  const changes = runEndColumns.map((column) => {
    const value = column === "ended_at_utc" ? statementTime : `$history_${column}`;
    return `${column} = ${value}${column === "metadata" ? "::json" : ""}`;
  });
  return `
    UPDATE ${tables.runs} r SET ${changes.join(", ")}
    FROM written WHERE r.connector = $connector AND r.stream = $stream AND r.run_id = $run_id`;
}

/** `NOT IN` compares by one hash table, however many members there are. */
function tiesGone(tables: Tables): string {
  return `
    DELETE FROM ${tables.tieSet} b USING written
    WHERE ${samePlace("b", givenPlace)} AND (b.identity, b.cursor_value, b.count) NOT IN (
      SELECT * FROM unnest($kept_identities::text[], $kept_cursors::text[], $kept_counts::bigint[]))`;
}

function tiesCome(tables: Tables): string {
  return `
    INSERT INTO ${tables.tieSet} (connector, stream, scope, identity, cursor_value, count)
    SELECT $connector, $stream, $scope, k.*
    FROM written, unnest($come_identities::text[], $come_cursors::text[], $come_counts::bigint[]) k`;
}

function coverageGone(tables: Tables): string {
  return `DELETE FROM ${tables.coverage} c USING written WHERE ${samePlace("c", givenPlace)}`;
}

function coverageCome(tables: Tables): string {
  return `
    INSERT INTO ${tables.coverage} (connector, stream, scope, number, lower_value, upper_value)
    SELECT $connector, $stream, $scope, i.number, i.lower, i.upper
    FROM written, unnest($lowers::text[], $uppers::text[]) WITH ORDINALITY AS i (lower, upper, number)`;
}
