import { isoText } from "../../derive/kinds.ts";
import { columnNames, valueColumns } from "../../derive/table.ts";
import { audit, runs, streams } from "../../tables.ts";
import {
  coverageList,
  givenPlace,
  insertion,
  insertionOfMany,
  orUpdate,
  placeOfRow,
  samePlace,
  selected,
  serverTime,
  tieSetList,
} from "./columns.ts";
import { logQueriesOn } from "./log-queries.ts";
import { partitionQueriesOn } from "./partition-queries.ts";
import type { Tables } from "./schema.ts";
import { statement } from "./statement.ts";

/** Reading and writing the state's tables row by row. */
export type Queries = ReturnType<typeof queriesOn>;

const place = ["connector", "stream", "scope"] as const;
const afterStream = ["after_connector", "after_stream", "limit"] as const;
const afterRecord = [...afterStream, "after_number"] as const;

export function queriesOn(tables: Tables) {
  return {
    ...rowQueries(tables),
    ...listQueries(tables),
    ...partitionQueriesOn(tables),
    ...logQueriesOn(tables),
  };
}

function rowQueries(tables: Tables) {
  const whole = wholeStream(tables);
  return {
    /** Always one row: with nothing but the time and the tables' version where the stream is not there. */
    read: statement(
      "read",
      place,
      `SELECT ${isoText("clock.now")} AS now, (SELECT max(version) FROM ${tables.schema}) AS version, found.*
       FROM (SELECT ${serverTime} AS now) clock
       LEFT JOIN (SELECT ${whole} FROM ${tables.streams} s WHERE ${samePlace("s", givenPlace)}) found ON true`,
    ),
    /** As `read`, with the last row of the stream's log as JSON: for a step on a row that is not held. */
    look: statement(
      "look",
      place,
      `SELECT ${isoText("clock.now")} AS now, (SELECT max(version) FROM ${tables.schema}) AS version, found.*,
         CASE WHEN $scope = '' THEN (SELECT row_to_json(l)::text FROM (
           SELECT ${selected("a", audit)} FROM ${tables.audit} a
           WHERE a.connector = $connector AND a.stream = $stream ORDER BY a.number DESC LIMIT 1) l) END AS last_audit
       FROM (SELECT ${serverTime} AS now) clock
       LEFT JOIN (SELECT ${whole} FROM ${tables.streams} s WHERE ${samePlace("s", givenPlace)}) found ON true`,
    ),
    lock: statement(
      "lock",
      place,
      `SELECT 1 AS found FROM ${tables.streams} s WHERE ${samePlace("s", givenPlace)} FOR NO KEY UPDATE`,
    ),
    insert: statement(
      "insert",
      columnNames(streams),
      `${insertion(tables.streams, streams)} ON CONFLICT (connector, stream, scope) DO NOTHING RETURNING epoch`,
    ),
    update: statement(
      "update",
      columnNames(streams),
      `UPDATE ${tables.streams} s SET ${valueColumns(streams).map(assigned).join(", ")}
       WHERE ${samePlace("s", givenPlace)} RETURNING epoch`,
    ),
    dropTieSet: statement(
      "drop_tie_set",
      place,
      `DELETE FROM ${tables.tieSet} b WHERE ${samePlace("b", givenPlace)}`,
    ),
    addTieSet: statement(
      "add_tie_set",
      [...place, "identities", "cursors", "counts"],
      `INSERT INTO ${tables.tieSet} (connector, stream, scope, identity, cursor_value, count)
       SELECT $connector, $stream, $scope, k.*
       FROM unnest($identities::text[], $cursors::text[], $counts::bigint[]) k`,
    ),
    dropCoverage: statement(
      "drop_coverage",
      place,
      `DELETE FROM ${tables.coverage} c WHERE ${samePlace("c", givenPlace)}`,
    ),
    addCoverage: statement(
      "add_coverage",
      [...place, "lowers", "uppers"],
      `INSERT INTO ${tables.coverage} (connector, stream, scope, number, lower_value, upper_value)
       SELECT $connector, $stream, $scope, i.number, i.lower, i.upper
       FROM unnest($lowers::text[], $uppers::text[]) WITH ORDINALITY AS i (lower, upper, number)`,
    ),
    readRun: statement(
      "read_run",
      ["connector", "stream", "run_id"],
      `SELECT r.number, ${selected("r", runs)} FROM ${tables.runs} r
       WHERE r.connector = $connector AND r.stream = $stream AND r.run_id = $run_id`,
    ),
    saveRun: statement("save_run", columnNames(runs), `${insertion(tables.runs, runs)} ${orUpdate(runs)}`),
    appendAudit: statement(
      "append_audit",
      columnNames(audit),
      insertionOfMany(tables.audit, audit, ["connector", "stream"]),
    ),
  };
}

function listQueries(tables: Tables) {
  const streamsAfter = "s.scope = '' AND (s.connector, s.stream) > ($after_connector, $after_stream)";
  const recordsAfter =
    "(a.connector, a.stream, a.number) > ($after_connector, $after_stream, $after_number::bigint)";
  const inOrder = "ORDER BY s.connector, s.stream LIMIT $limit::integer";
  return {
    listStreams: statement(
      "list_streams",
      afterStream,
      `SELECT ${wholeStream(tables)} FROM ${tables.streams} s WHERE ${streamsAfter} ${inOrder}`,
    ),
    listConnector: statement(
      "list_connector",
      [...afterStream, "connector"],
      `SELECT ${wholeStream(tables)} FROM ${tables.streams} s
       WHERE s.connector = $connector AND ${streamsAfter} ${inOrder}`,
    ),
    listLogEnds: statement(
      "list_log_ends",
      afterStream,
      `SELECT s.connector, s.stream, s.audit_number, s.audit_head, s.cursor_value, s.reset_epoch,
         s.position::jsonb ->> 'watermark' AS position_watermark,
         l.archived_number, l.archived_hash
       FROM ${tables.streams} s
       LEFT JOIN ${tables.logs} l ON l.connector = s.connector AND l.stream = s.stream
       WHERE ${streamsAfter} ${inOrder}`,
    ),
    listRuns: statement(
      "list_runs",
      ["connector", "stream", "before", "limit"],
      `SELECT r.number, ${selected("r", runs)} FROM ${tables.runs} r
       WHERE r.connector = $connector AND r.stream = $stream AND r.number > 0 AND r.number < $before::bigint
       ORDER BY r.number DESC LIMIT $limit::integer`,
    ),
    listAudit: statement(
      "list_audit",
      afterRecord,
      `SELECT ${selected("a", audit)} FROM ${tables.audit} a WHERE ${recordsAfter}
       ORDER BY a.connector, a.stream, a.number LIMIT $limit::integer`,
    ),
    listAuditOf: statement(
      "list_audit_of",
      [...afterRecord, "connector", "stream"],
      `SELECT ${selected("a", audit)} FROM ${tables.audit} a
       WHERE a.connector = $connector AND a.stream = $stream AND ${recordsAfter}
       ORDER BY a.connector, a.stream, a.number LIMIT $limit::integer`,
    ),
    listNewestAudit: statement(
      "list_newest_audit",
      ["before_time", "before_connector", "before_stream", "before_number", "limit"],
      `SELECT ${selected("a", audit)} FROM ${tables.audit} a
       WHERE (a.at_utc COLLATE "C", a.connector, a.stream, a.number)
         < ($before_time, $before_connector, $before_stream, $before_number::bigint)
       ORDER BY a.at_utc COLLATE "C" DESC, a.connector DESC, a.stream DESC, a.number DESC LIMIT $limit::integer`,
    ),
    listNewestAuditOf: statement(
      "list_newest_audit_of",
      ["connector", "stream", "before_number", "limit"],
      `SELECT ${selected("a", audit)} FROM ${tables.audit} a
       WHERE a.connector = $connector AND a.stream = $stream AND a.number < $before_number::bigint
       ORDER BY a.number DESC LIMIT $limit::integer`,
    ),
    listBackfills: statement(
      "list_backfills",
      ["connector", "stream", "limit"],
      `SELECT ${wholeStream(tables)} FROM ${tables.streams} s
       WHERE s.connector = $connector AND s.stream = $stream AND s.scope > ''
       ORDER BY s.status = 'completed', s.started_at_utc DESC, s.scope LIMIT $limit::integer`,
    ),
    listKeys: statement(
      "list_keys",
      afterStream,
      `SELECT DISTINCT s.connector, s.stream FROM ${tables.streams} s
       WHERE (s.connector, s.stream) > ($after_connector, $after_stream)
       ORDER BY s.connector, s.stream LIMIT $limit::integer`,
    ),
    pruneRuns: statement(
      "prune_runs",
      ["connector", "stream", "keep", "ended_before", "limit"],
      pruneRuns(tables),
    ),
  };
}

/**
 * The run before which all that ended are beyond those to keep is found first, by walking over just those. Rows are
 * deleted by their `ctid`, so that the plan does not depend on the estimated number of rows.
 */
function pruneRuns(tables: Tables): string {
  const ended = `r.connector = $connector AND r.stream = $stream AND r.number > 0 AND r.outcome <> 'running'`;
  return `
    WITH gone AS (
      DELETE FROM ${tables.runs} WHERE ctid = ANY (ARRAY(
        SELECT r.ctid FROM ${tables.runs} r
        WHERE ${ended} AND (
          ($keep::bigint IS NOT NULL AND r.number <= (
            SELECT r.number FROM ${tables.runs} r WHERE ${ended}
            ORDER BY r.number DESC LIMIT 1 OFFSET $keep::bigint))
          OR r.ended_at_utc < $ended_before::timestamptz)
        ORDER BY r.number LIMIT $limit::integer
      )) AND outcome <> 'running'
      RETURNING 1
    )
    SELECT count(*) AS runs FROM gone`;
}

/** A stream's columns as the codec reads them, with its tie set and coverage. */
function wholeStream(tables: Tables): string {
  const row = placeOfRow("s");
  return `${selected("s", streams)},
    ${tieSetList(tables, row)} AS tie_set, ${coverageList(tables, row)} AS coverage`;
}

function assigned(name: string): string {
  return `${name} = $${name}`;
}
