import { positionFormat } from "../../model/position.ts";
import { unnamedActor } from "../lifecycle.ts";
import { advanceHash } from "./audit-hash.ts";
import { boundaryList, coverageList, givenPlace, isoText, samePlace, serverTime } from "./columns.ts";
import type { Tables } from "./schema.ts";
import { statement } from "./statement.ts";

/**
 * The steps of a run that every run takes, each as one statement: a stream that is not running begins,
 * a run goes on, a run ends. A statement changes nothing and returns no row where anything else is the
 * case, be it a refusal, a repetition or a takeover; then the steps of `lifecycle.ts` decide.
 *
 * Each first locks the stream's row, and goes on only where that row is still the one that the
 * statement sees (`ctid`). So all that it reads beside the row belongs to it, and the time that it
 * asks for is that after the wait for the lock.
 */
export type Steps = ReturnType<typeof stepsOn>;

const place = ["connector", "stream", "lane"] as const;
const run = [...place, "run_id", "epoch"] as const;
const moved = [
  ...run,
  "cursor_type",
  "value",
  "sort_key",
  "position",
  "records",
  "audit_place",
  "audit_tail",
] as const;
const beside = ["identities", "cursors", "counts", "lowers", "uppers"] as const;

export function stepsOn(tables: Tables) {
  return {
    /** Grants a live run of a stream that is there and not running. */
    begin: statement(
      "begin",
      [...place, "run_id", "cursor_type", "epoch_floor", "actor", "lease_seconds", "owner"],
      begin(tables),
    ),
    heartbeat: statement("heartbeat", run, heartbeat(tables)),
    /** Stores the next position of a running run. */
    checkpoint: statement("checkpoint", [...moved, ...beside, "sequence"], checkpoint(tables)),
    /** Ends a run well with a new cursor, which may be the old one. */
    completeAtCursor: statement("complete_at_cursor", [...moved, "metadata"], completeAtCursor(tables)),
    /** Ends a run well with a new position. */
    completeAtPosition: statement(
      "complete_at_position",
      [...moved, ...beside, "metadata", "end_position"],
      completeAtPosition(tables),
    ),
    /** Ends a run, well or badly, where it stands. */
    endWhereItStands: statement(
      "end",
      [...run, "outcome", "error", "records", "metadata"],
      endWhereItStands(tables),
    ),
  };
}

function begin(tables: Tables): string {
  return `
    WITH begun AS (
      UPDATE ${tables.streams} s SET
        cursor_type = coalesce($cursor_type, s.cursor_type), status = 'running',
        epoch = greatest(s.epoch, $epoch_floor::bigint) + 1, sequence = 0, run_id = $run_id,
        run_lower_bound = s.cursor_value, run_actor = $actor, started_at_utc = step.now,
        lease_seconds = $lease_seconds, lease_owner = $owner::json,
        lease_expires_at_utc = step.now + make_interval(secs => $lease_seconds::integer),
        last_error = NULL, records_processed = 0, metadata = NULL, updated_at_utc = step.now
      FROM (SELECT version, ${serverTime} AS now FROM (
        SELECT s.ctid AS version FROM ${tables.streams} s
        WHERE ${samePlace("s", givenPlace)} AND s.status IN ('idle', 'completed', 'failed') AND ${readable}
          AND (s.cursor_type = $cursor_type OR $cursor_type IS NULL OR s.cursor_type IS NULL OR s.cursor_value IS NULL)
        FOR NO KEY UPDATE
      ) locked) step
      WHERE s.ctid = step.version
      RETURNING s.cursor_type, s.cursor_value, s.position, s.position_epoch, s.position_sequence, s.epoch,
        s.started_at_utc
    ), run AS (
      INSERT INTO ${tables.runs} (connector, stream, run_id, kind, epoch, outcome, started_at_utc, lower_bound,
        records_processed, checkpoints, actor)
      SELECT $connector, $stream, $run_id, 'live', epoch, 'running', started_at_utc, cursor_value, 0, 0, $actor
      FROM begun
    )
    SELECT cursor_type, position, position_epoch, position_sequence, epoch,
      ${isoText("started_at_utc")} AS started_at_utc,
      ${boundaryList(tables, givenPlace)} AS boundary, ${coverageList(tables, givenPlace)} AS coverage
    FROM begun`;
}

function heartbeat(tables: Tables): string {
  return `
    UPDATE ${tables.streams} s
    SET lease_expires_at_utc = ${serverTime} + make_interval(secs => s.lease_seconds)
    WHERE ${held}
    RETURNING s.epoch`;
}

function checkpoint(tables: Tables): string {
  return `
    WITH ${advanced(tables, {
      where: "AND s.sequence = $sequence::bigint - 1",
      set: `position = $position,
        lease_expires_at_utc = step.now + make_interval(secs => s.lease_seconds)`,
    })}, ${audited(tables)}, ${besideReplaced(tables)}
    SELECT sequence FROM moved`;
}

function completeAtCursor(tables: Tables): string {
  return `
    WITH ${advanced(tables, {
      where: "",
      set: `position = CASE WHEN step.old = $value THEN s.position ELSE $position END, ${completed}`,
      returning: `, s.position, ${coverageList(tables, givenPlace)} AS coverage`,
    })}, ${audited(tables)}, dropped AS (
      DELETE FROM ${tables.boundaryKeys} b USING moved
      WHERE ${samePlace("b", givenPlace)} AND moved.old IS DISTINCT FROM $value
    ), run AS (${runCompleted(
      tables,
      // Only coverage that is there has to be put together with the position.
      `CASE WHEN moved.coverage IS NULL AND moved.old IS DISTINCT FROM $value THEN $position
        ELSE ${endPosition("moved")} END`,
    )})
    SELECT sequence, records_processed, ${isoText("started_at_utc")} AS started_at_utc, at_utc,
      CASE WHEN old = $value THEN position END AS position, coverage,
      CASE WHEN old = $value THEN ${boundaryList(tables, givenPlace)} END AS boundary
    FROM moved`;
}

function completeAtPosition(tables: Tables): string {
  return `
    WITH ${advanced(tables, { where: "", set: `position = $position, ${completed}` })},
    ${audited(tables)}, ${besideReplaced(tables)}, run AS (${runCompleted(tables, "$end_position")})
    SELECT sequence, records_processed, ${isoText("started_at_utc")} AS started_at_utc, at_utc FROM moved`;
}

function endWhereItStands(tables: Tables): string {
  return `
    WITH ended AS (
      UPDATE ${tables.streams} s SET
        status = $outcome, last_error = $error, lease_expires_at_utc = NULL, lease_owner = NULL,
        records_processed = coalesce($records::bigint, s.records_processed), metadata = $metadata::json,
        updated_at_utc = step.now
      FROM (SELECT version, ${serverTime} AS now FROM (
        SELECT s.ctid AS version FROM ${tables.streams} s WHERE ${held} AND ${readable} FOR NO KEY UPDATE
      ) locked) step
      WHERE s.ctid = step.version
      RETURNING s.cursor_type, s.cursor_value, s.position, s.position_epoch, s.position_sequence, s.sequence,
        s.records_processed, s.started_at_utc, s.updated_at_utc, s.metadata,
        ${coverageList(tables, givenPlace)} AS coverage
    ), run AS (
      UPDATE ${tables.runs} r SET
        outcome = $outcome, ended_at_utc = ended.updated_at_utc, new_cursor = ended.cursor_value,
        records_processed = ended.records_processed, checkpoints = ended.sequence, error = $error,
        metadata = ended.metadata, end_position = ${endPosition("ended")}
      FROM ended WHERE ${sameRun}
    )
    SELECT cursor_type, position, position_epoch, position_sequence, sequence, records_processed,
      ${isoText("started_at_utc")} AS started_at_utc, ${isoText("updated_at_utc")} AS at_utc,
      ${boundaryList(tables, givenPlace)} AS boundary, coverage
    FROM ended`;
}

/** The stored position is one that this version reads; anything else is found out and told elsewhere. */
const readable = `s.position::jsonb @> jsonb_build_object('format', ${positionFormat}, 'watermark', s.cursor_value)`;

/** The run still holds its stream. */
const held = `${samePlace("s", givenPlace)} AND s.run_id = $run_id AND s.epoch = $epoch AND s.status = 'running'`;

/** The watermark does not go back; tokens have no order, but none is less than any. */
const forward = `(s.cursor_value IS NULL
  OR $value::text IS NOT NULL AND (s.cursor_type = 'opaque_token' OR s.cursor_sort_key <= $sort_key))`;

const sameRun = "r.connector = $connector AND r.stream = $stream AND r.run_id = $run_id";

const completed = `status = 'completed', lease_expires_at_utc = NULL, lease_owner = NULL, metadata = $metadata::json`;

/** The stream's row with its new watermark; `moved` has one row if it was to be moved, and tells the old. */
function advanced(tables: Tables, how: { where: string; set: string; returning?: string }): string {
  return `
    moved AS (
      UPDATE ${tables.streams} s SET
        cursor_value = $value, cursor_sort_key = $sort_key, position_epoch = s.epoch,
        position_sequence = s.sequence + 1, sequence = s.sequence + 1,
        records_processed = coalesce($records::bigint, s.records_processed), updated_at_utc = step.now,
        audit_number = step.number,
        audit_head = CASE WHEN step.advanced THEN ${advanceHash} ELSE s.audit_head END,
        ${how.set}
      FROM (
        SELECT *, ${isoText("now")} AS at_utc, CASE WHEN advanced THEN last_number + 1 ELSE last_number END AS number
        FROM (SELECT *, ${serverTime} AS now, $lane = '' AND old IS DISTINCT FROM $value AS advanced FROM (
          SELECT s.ctid AS version, s.cursor_value AS old, s.audit_number AS last_number
          FROM ${tables.streams} s
          WHERE ${held} AND s.cursor_type IS NOT DISTINCT FROM $cursor_type AND ${forward} AND ${readable} ${how.where}
          FOR NO KEY UPDATE
        ) locked) timed
      ) step
      WHERE s.ctid = step.version
      RETURNING step.old, step.advanced, step.at_utc, s.sequence, s.records_processed, s.run_actor,
        s.audit_number, s.audit_head, s.started_at_utc, s.updated_at_utc${how.returning ?? ""}
    )`;
}

/** The advance in the log, if there was one (promise P12). */
function audited(tables: Tables): string {
  return `
    audited AS (
      INSERT INTO ${tables.audit} (connector, stream, number, at_utc, actor, action, old_cursor, new_cursor, run_id, hash)
      SELECT $connector, $stream, audit_number, at_utc, coalesce(run_actor, '${unnamedActor}'), 'advance', old, $value,
        $run_id, audit_head
      FROM moved WHERE advanced
    )`;
}

/**
 * Boundary keys and coverage as they are to be: what is there already is left alone, so that a
 * growing set is not written anew each time. `NOT IN` compares by one hash table, however many.
 */
function besideReplaced(tables: Tables): string {
  const keys = "SELECT * FROM unnest($identities::text[], $cursors::text[], $counts::bigint[])";
  const intervals = `SELECT number, coalesce('+' || lower, ''), upper
    FROM unnest($lowers::text[], $uppers::text[]) WITH ORDINALITY AS i (lower, upper, number)`;
  return `
    keys_gone AS (
      DELETE FROM ${tables.boundaryKeys} b USING moved
      WHERE ${samePlace("b", givenPlace)} AND (b.identity, b.cursor_value, b.count) NOT IN (${keys})
    ), keys_come AS (
      INSERT INTO ${tables.boundaryKeys} (connector, stream, lane, identity, cursor_value, count)
      SELECT $connector, $stream, $lane, k.* FROM moved, (${keys}) k (identity, cursor_value, count)
      WHERE (k.identity, k.cursor_value, k.count) NOT IN (
        SELECT b.identity, b.cursor_value, b.count FROM ${tables.boundaryKeys} b WHERE ${samePlace("b", givenPlace)})
    ), coverage_gone AS (
      DELETE FROM ${tables.coverage} c USING moved
      WHERE ${samePlace("c", givenPlace)} AND (c.number, coalesce('+' || c.lower_value, ''), c.upper_value) NOT IN (${intervals})
    ), coverage_come AS (
      INSERT INTO ${tables.coverage} (connector, stream, lane, number, lower_value, upper_value)
      SELECT $connector, $stream, $lane, i.number, i.lower, i.upper
      FROM moved, unnest($lowers::text[], $uppers::text[]) WITH ORDINALITY AS i (lower, upper, number)
      WHERE (i.number, coalesce('+' || i.lower, ''), i.upper) NOT IN (
        SELECT c.number, coalesce('+' || c.lower_value, ''), c.upper_value
        FROM ${tables.coverage} c WHERE ${samePlace("c", givenPlace)})
    )`;
}

/** The run's row at its end. Its completion counts among the stream's writes and not among its checkpoints. */
function runCompleted(tables: Tables, position: string): string {
  return `
    UPDATE ${tables.runs} r SET
      outcome = 'completed', ended_at_utc = moved.updated_at_utc, new_cursor = $value,
      records_processed = moved.records_processed, checkpoints = moved.sequence - 1, metadata = $metadata::json,
      end_position = ${position}
    FROM moved WHERE ${sameRun}`;
}

/** What a rewind goes back to: the position with its coverage, without boundary keys and open windows. */
function endPosition(row: string): string {
  return `(${row}.position::jsonb || jsonb_build_object(
    'window', NULL, 'boundary', '[]'::jsonb, 'coverage', coalesce(${row}.coverage::jsonb, '[]')))::text`;
}
