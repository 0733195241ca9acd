import { positionFormat } from "../../../model/position.ts";
import { isoText } from "../../derive/kinds.ts";
import { columnNames } from "../../derive/table.ts";
import { streams } from "../../tables.ts";
import { coverageList, givenPlace, samePlace, selected, serverTime, tieSetList } from "./columns.ts";
import { knowsTables, type Tables } from "./schema.ts";
import { type Statement, statement } from "./statement.ts";

const placeParameters = ["connector", "stream", "scope", "run_id"] as const;
/** The parameters that name a run. */
const runParameters = [...placeParameters, "epoch"] as const;
/** The stored row as it was seen. */
const seenParameters = [
  "seen_status",
  "seen_epoch",
  "seen_sequence",
  "seen_cursor_type",
  "seen_value",
  "seen_position",
] as const;
const beginParameters = [
  ...placeParameters,
  "cursor_type",
  "epoch_floor",
  "actor",
  "lease_seconds",
  "owner",
] as const;
const moveParameters = [
  ...runParameters,
  ...seenParameters,
  "value",
  "position",
  "sequence",
  "records",
  "status",
  "error",
  "metadata",
  "checkpoints",
  "end_position",
  "actor",
  "action",
  "reason",
  "audit_number",
  "audit_before",
  "audit_after",
  "kept_identities",
  "kept_cursors",
  "kept_counts",
  "come_identities",
  "come_cursors",
  "come_counts",
  "lowers",
  "uppers",
] as const;

export type BeginParameter = (typeof beginParameters)[number];
export type SeenParameter = (typeof seenParameters)[number];
export type RunParameter = (typeof runParameters)[number];
export type MoveParameter = (typeof moveParameters)[number];

/** What a move touches. */
export interface MoveShape {
  /** The position is another one, or the same as of a later write. */
  readonly positioned: boolean;
  /** The run is over: its row in the history tells how. */
  readonly ends: boolean;
  /** The live watermark moves, which the log tells (promise P12). */
  readonly audited: boolean;
  readonly keysGo: boolean;
  readonly keysCome: boolean;
  readonly coverageChanges: boolean;
}

/**
 * The steps that every run takes, each as one statement. What a step makes of the stream's row is for
 * `lifecycle.ts` to say, by the row as it was seen. The statement stores it, by the server's time,
 * where the row is still as it was; otherwise it changes nothing and returns no row.
 */
export class Steps {
  /** Begins a live run of a stream that is there and not running, whatever else it is; returns the whole row. */
  readonly begin: Statement<BeginParameter>;
  /** The same, of a stream that was seen before. */
  readonly beginAgain: Statement<BeginParameter | SeenParameter>;
  readonly heartbeat: Statement<RunParameter>;
  readonly #tables: Tables;
  readonly #moves = new Map<string, Statement<MoveParameter>>();

  constructor(tables: Tables) {
    this.#tables = tables;
    this.begin = statement("begin", beginParameters, begin(tables));
    this.beginAgain = statement("begin_again", [...beginParameters, ...seenParameters], beginAgain(tables));
    this.heartbeat = statement("heartbeat", runParameters, heartbeat(tables));
  }

  /** A running run goes on, or ends. */
  move(shape: MoveShape): Statement<MoveParameter> {
    const { positioned, ends, audited, keysGo, keysCome, coverageChanges } = shape;
    const flags = [positioned, ends, audited, keysGo, keysCome, coverageChanges];
    const title = `move_${flags.map(Number).join("")}`;
    let made = this.#moves.get(title);
    if (made === undefined) {
      made = statement(title, moveParameters, move(this.#tables, shape));
      this.#moves.set(title, made);
    }
    return made;
  }
}

/**
 * First locks the row, and goes on only where that is still the row that the statement sees (`ctid`).
 * So what it reads beside the row belongs to it, and the time is that after the wait for the lock.
 */
function begin(tables: Tables): string {
  return `
    WITH begun AS (
      UPDATE ${tables.streams} s SET ${begunColumns("step.now")}
      FROM (SELECT version, ${serverTime} AS now FROM (
        SELECT s.ctid AS version FROM ${tables.streams} s
        WHERE ${samePlace("s", givenPlace)} AND s.status IN ('idle', 'completed', 'failed')
          AND (s.cursor_type = $cursor_type OR $cursor_type IS NULL OR s.cursor_type IS NULL)
          AND s.position::jsonb @> jsonb_build_object('format', ${positionFormat}, 'watermark', s.cursor_value)
          AND ${knowsTables(tables)} AND ${agreesWithLog(tables)}
        FOR NO KEY UPDATE
      ) locked) step
      WHERE s.ctid = step.version
      RETURNING ${columnNames(streams)
        .map((column) => `s.${column}`)
        .join(", ")}
    ), run AS (${runBegun(tables)})
    SELECT ${selected("begun", streams)},
      ${tieSetList(tables, givenPlace)} AS tie_set, ${coverageList(tables, givenPlace)} AS coverage
    FROM begun`;
}

/**
 * Whether the row is where the end of its log says. A stream that moves by its partitions has no watermark of its own;
 * the rules look at all other cases.
 */
function agreesWithLog(tables: Tables): string {
  return `CASE WHEN s.audit_number = 0 THEN s.cursor_value IS NULL ELSE EXISTS (
    SELECT FROM ${tables.audit} a
    WHERE a.connector = s.connector AND a.stream = s.stream AND a.number = s.audit_number
      AND a.hash = s.audit_head
      AND CASE WHEN a.partition IS NULL THEN a.new_cursor IS NOT DISTINCT FROM s.cursor_value
        ELSE s.cursor_value IS NULL END) END`;
}

function beginAgain(tables: Tables): string {
  return `
    WITH begun AS (
      UPDATE ${tables.streams} s SET ${begunColumns(statementTime)}
      WHERE ${samePlace("s", givenPlace)} AND s.status = $seen_status AND s.epoch = $seen_epoch AND ${asSeen}
        AND ${knowsTables(tables)}
      RETURNING s.epoch, s.started_at_utc, s.cursor_value
    )
    ${runBegun(tables)}
    RETURNING epoch, ${isoText("started_at_utc")} AS at_utc`;
}

function begunColumns(now: string): string {
  return `
    cursor_type = coalesce($cursor_type, s.cursor_type), status = 'running',
    epoch = greatest(s.epoch, $epoch_floor::bigint) + 1, sequence = 0, run_id = $run_id,
    run_lower_bound = s.cursor_value, run_actor = $actor, started_at_utc = ${now},
    lease_seconds = $lease_seconds, lease_owner = $owner::json,
    lease_expires_at_utc = ${now} + make_interval(secs => $lease_seconds::integer),
    last_error = NULL, records_processed = 0, metadata = NULL, updated_at_utc = ${now}`;
}

function runBegun(tables: Tables): string {
  return `
    INSERT INTO ${tables.runs} (connector, stream, run_id, kind, epoch, outcome, started_at_utc, lower_bound,
      records_processed, checkpoints, actor)
    SELECT $connector, $stream, $run_id, 'live', epoch, 'running', started_at_utc, cursor_value, 0, 0, $actor
    FROM begun`;
}

function heartbeat(tables: Tables): string {
  return `
    UPDATE ${tables.streams} s
    SET lease_expires_at_utc = ${serverTime} + make_interval(secs => s.lease_seconds)
    WHERE ${held} AND ${knowsTables(tables)}
    RETURNING s.epoch`;
}

function move(tables: Tables, shape: MoveShape): string {
  const set = [
    `records_processed = $records, updated_at_utc = ${statementTime}`,
    ...(shape.positioned
      ? [
          `cursor_value = $value, position = $position, position_epoch = $epoch,
           position_sequence = $sequence, sequence = $sequence`,
        ]
      : []),
    shape.ends
      ? `status = $status, last_error = $error, metadata = $metadata::json, lease_expires_at_utc = NULL,
         lease_owner = NULL`
      : `lease_expires_at_utc = ${statementTime} + make_interval(secs => s.lease_seconds)`,
    ...(shape.audited ? [`audit_number = $audit_number, audit_head = ${auditHead}`] : []),
  ];
  const moved = `
    UPDATE ${tables.streams} s SET ${set.join(", ")} WHERE ${held} AND ${asSeen} AND ${knowsTables(tables)}
    RETURNING ${isoText("s.updated_at_utc")} AS at_utc, s.updated_at_utc, s.audit_head`;
  const beside = [
    ...(shape.keysGo ? [`keys_gone AS (${keysGone(tables)})`] : []),
    ...(shape.keysCome ? [`keys_come AS (${keysCome(tables)})`] : []),
    ...(shape.coverageChanges
      ? [`coverage_gone AS (${coverageGone(tables)})`, `coverage_come AS (${coverageCome(tables)})`]
      : []),
    ...(shape.ends && shape.audited ? [`audited AS (${audited(tables)})`] : []),
  ];
  // The last of them is the statement itself, which is cheaper than to select from all.
  const last = shape.ends
    ? `${runEnded(tables)} RETURNING moved.at_utc, moved.audit_head`
    : shape.audited
      ? `${audited(tables)} RETURNING at_utc, hash AS audit_head`
      : "SELECT at_utc, audit_head FROM moved";
  return `WITH ${[`moved AS (${moved})`, ...beside].join(", ")} ${last}`;
}

/** The server's time when it was asked; a statement that waits for nothing is done at once. */
const statementTime = "date_trunc('milliseconds', statement_timestamp())";

/** The run still holds its stream. */
const held = `${samePlace("s", givenPlace)} AND s.run_id = $run_id AND s.epoch = $epoch AND s.status = 'running'`;

/**
 * What was seen under an epoch, after so many checkpoints, stays until the next write. The values are
 * compared all the same: a row that was edited by hand is not to be overwritten unread (promise P10).
 */
const asSeen = `s.sequence = $seen_sequence AND s.position = $seen_position
  AND s.cursor_value IS NOT DISTINCT FROM $seen_value AND s.cursor_type IS NOT DISTINCT FROM $seen_cursor_type`;

/** As `auditHash` has it: all that goes into it is known but the time. */
const auditHead = `encode(sha256(convert_to(
  $audit_before::text || '24:' || ${isoText(statementTime)} || $audit_after::text, 'UTF8')), 'hex')`;

function audited(tables: Tables): string {
  return `
    INSERT INTO ${tables.audit} (connector, stream, number, at_utc, actor, action, old_cursor, new_cursor,
      reason, run_id, hash)
    SELECT $connector, $stream, $audit_number, at_utc, $actor, $action, $seen_value, $value, $reason, $run_id,
      audit_head
    FROM moved`;
}

function runEnded(tables: Tables): string {
  return `
    UPDATE ${tables.runs} r SET
      outcome = $status, ended_at_utc = moved.updated_at_utc, new_cursor = $value, records_processed = $records,
      checkpoints = $checkpoints, error = $error, metadata = $metadata::json, end_position = $end_position
    FROM moved WHERE r.connector = $connector AND r.stream = $stream AND r.run_id = $run_id`;
}

/** `NOT IN` compares by one hash table, however many keys there are. */
function keysGone(tables: Tables): string {
  return `
    DELETE FROM ${tables.tieSet} b USING moved
    WHERE ${samePlace("b", givenPlace)} AND (b.identity, b.cursor_value, b.count) NOT IN (
      SELECT * FROM unnest($kept_identities::text[], $kept_cursors::text[], $kept_counts::bigint[]))`;
}

function keysCome(tables: Tables): string {
  return `
    INSERT INTO ${tables.tieSet} (connector, stream, scope, identity, cursor_value, count)
    SELECT $connector, $stream, $scope, k.*
    FROM moved, unnest($come_identities::text[], $come_cursors::text[], $come_counts::bigint[]) k`;
}

function coverageGone(tables: Tables): string {
  return `DELETE FROM ${tables.coverage} c USING moved WHERE ${samePlace("c", givenPlace)}`;
}

function coverageCome(tables: Tables): string {
  return `
    INSERT INTO ${tables.coverage} (connector, stream, scope, number, lower_value, upper_value)
    SELECT $connector, $stream, $scope, i.number, i.lower, i.upper
    FROM moved, unnest($lowers::text[], $uppers::text[]) WITH ORDINALITY AS i (lower, upper, number)`;
}
