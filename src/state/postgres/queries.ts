import { streamColumns } from "../stream-columns.ts";
import {
  auditColumns,
  boundaryList,
  coverageList,
  givenPlace,
  isoText,
  placeOfRow,
  runColumns,
  samePlace,
  selected,
  serverTime,
} from "./columns.ts";
import type { Tables } from "./schema.ts";
import { statement } from "./statement.ts";

/** Reading and writing the state's tables row by row. */
export type Queries = ReturnType<typeof queriesOn>;

const place = ["connector", "stream", "lane"] as const;
const afterStream = ["after_connector", "after_stream", "limit"] as const;
const afterRecord = [...afterStream, "after_number"] as const;

export function queriesOn(tables: Tables) {
  return { ...rowQueries(tables), ...listQueries(tables) };
}

function rowQueries(tables: Tables) {
  const whole = wholeStream(tables);
  return {
    /** Always one row: with nothing but the time where the stream is not there. */
    read: statement(
      "read",
      place,
      `SELECT ${isoText("clock.now")} AS now, found.*
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
      streamColumns,
      `INSERT INTO ${tables.streams} (${streamColumns.join(", ")})
       VALUES (${streamColumns.map((name) => `$${name}`).join(", ")})
       ON CONFLICT (connector, stream, lane) DO NOTHING RETURNING epoch`,
    ),
    update: statement(
      "update",
      streamColumns,
      `UPDATE ${tables.streams} s SET ${streamColumns.slice(3).map(assigned).join(", ")}
       WHERE ${samePlace("s", givenPlace)} RETURNING epoch`,
    ),
    dropBoundary: statement(
      "drop_boundary",
      place,
      `DELETE FROM ${tables.boundaryKeys} b WHERE ${samePlace("b", givenPlace)}`,
    ),
    addBoundary: statement(
      "add_boundary",
      [...place, "identities", "cursors", "counts"],
      `INSERT INTO ${tables.boundaryKeys} (connector, stream, lane, identity, cursor_value, count)
       SELECT $connector, $stream, $lane, k.*
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
      `INSERT INTO ${tables.coverage} (connector, stream, lane, number, lower_value, upper_value)
       SELECT $connector, $stream, $lane, i.number, i.lower, i.upper
       FROM unnest($lowers::text[], $uppers::text[]) WITH ORDINALITY AS i (lower, upper, number)`,
    ),
    readRun: statement(
      "read_run",
      ["connector", "stream", "run_id"],
      `SELECT r.number, ${selected("r", runColumns)} FROM ${tables.runs} r
       WHERE r.connector = $connector AND r.stream = $stream AND r.run_id = $run_id`,
    ),
    saveRun: statement(
      "save_run",
      runColumns,
      `INSERT INTO ${tables.runs} (${runColumns.join(", ")})
       VALUES (${runColumns.map((name) => `$${name}`).join(", ")})
       ON CONFLICT (connector, stream, run_id) DO UPDATE SET ${runColumns
         .slice(3)
         .map((name) => `${name} = excluded.${name}`)
         .join(", ")}`,
    ),
    appendAudit: statement(
      "append_audit",
      auditColumns,
      `INSERT INTO ${tables.audit} (${auditColumns.join(", ")})
       VALUES (${auditColumns.map((name) => `$${name}`).join(", ")})`,
    ),
    isKnown: statement(
      "is_known",
      ["connector", "stream"],
      `SELECT EXISTS (SELECT FROM ${tables.streams} WHERE connector = $connector AND stream = $stream AND lane = '')
         OR EXISTS (SELECT FROM ${tables.runs} WHERE connector = $connector AND stream = $stream) AS known`,
    ),
  };
}

function listQueries(tables: Tables) {
  const streamsAfter = "s.lane = '' AND (s.connector, s.stream) > ($after_connector, $after_stream)";
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
      `SELECT s.connector, s.stream, s.audit_number, s.audit_head FROM ${tables.streams} s
       WHERE ${streamsAfter} ${inOrder}`,
    ),
    listRuns: statement(
      "list_runs",
      ["connector", "stream", "before", "limit"],
      `SELECT r.number, ${selected("r", runColumns)} FROM ${tables.runs} r
       WHERE r.connector = $connector AND r.stream = $stream AND r.number > 0 AND r.number < $before::bigint
       ORDER BY r.number DESC LIMIT $limit::integer`,
    ),
    listAudit: statement(
      "list_audit",
      afterRecord,
      `SELECT ${selected("a", auditColumns)} FROM ${tables.audit} a WHERE ${recordsAfter}
       ORDER BY a.connector, a.stream, a.number LIMIT $limit::integer`,
    ),
    listAuditOf: statement(
      "list_audit_of",
      [...afterRecord, "connector", "stream"],
      `SELECT ${selected("a", auditColumns)} FROM ${tables.audit} a
       WHERE a.connector = $connector AND a.stream = $stream AND ${recordsAfter}
       ORDER BY a.connector, a.stream, a.number LIMIT $limit::integer`,
    ),
  };
}

/** A stream's columns as the codec reads them, with what is kept beside the row. */
function wholeStream(tables: Tables): string {
  const row = placeOfRow("s");
  return `${selected("s", streamColumns)},
    ${boundaryList(tables, row)} AS boundary, ${coverageList(tables, row)} AS coverage`;
}

function assigned(name: string): string {
  return `${name} = $${name}`;
}
