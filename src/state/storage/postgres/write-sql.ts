import { isoText } from "../../derive/kinds.ts";
import { columnNames } from "../../derive/table.ts";
import { runs, streams } from "../../tables.ts";
import { givenPlace, samePlace } from "./columns.ts";
import { knowsTables, type Tables } from "./schema.ts";
import { type Statement, statement } from "./statement.ts";
import type { Assignment, Form, Shape } from "./write.ts";

/** The SQL of one write: the stream's row if it is as it was seen, and with it the rows that belong to the step. */

const parameters = [
  ...columnNames(streams),
  ...columnNames(runs).map((column) => `history_${column}`),
  ...["seen_status", "seen_epoch", "seen_sequence", "seen_cursor_type", "seen_value", "seen_position"],
  "seen_audit_head",
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
    const known = this.#made.get(shape.name);
    if (known !== undefined) return known;
    const made = statement("write", parameters, writeSql(this.#tables, shape));
    this.#made.set(shape.name, made);
    return made;
  }
}

/** The server's time when it was asked; a statement that waits for nothing is done at once. */
const statementTime = "date_trunc('milliseconds', statement_timestamp())";

/**
 * Epoch and sequence alone would identify the last write of a run. The values are compared as well, so that a row that
 * was edited by hand is not overwritten unread (promise P10). The head of the log is compared because a request to stop
 * adds a row to the log and changes neither, and because a cached row may come from a caller's transaction that was
 * rolled back: another process may have taken the same step since. A row of the log chained to the cached head would
 * break the chain (promise P12).
 */
const asSeen = `${samePlace("s", givenPlace)} AND s.status = $seen_status AND s.epoch = $seen_epoch
  AND s.sequence = $seen_sequence AND s.position = $seen_position AND s.audit_head = $seen_audit_head
  AND s.cursor_value IS NOT DISTINCT FROM $seen_value AND s.cursor_type IS NOT DISTINCT FROM $seen_cursor_type`;

/** The same hash as `auditHash`: everything except the time is known here. */
const auditHead = `encode(sha256(convert_to(
  $audit_before::text || '24:' || ${isoText(statementTime)} || $audit_after::text, 'UTF8')), 'hex')`;

function writeSql(tables: Tables, shape: Shape): string {
  const set = shape.set.map((assignment) => `${assignment.column} = ${sqlOf(assignment)}`);
  const written = `
    UPDATE ${tables.streams} s SET ${set.join(", ")}
    WHERE ${asSeen} AND ${knowsTables(tables)}
    RETURNING ${isoText(statementTime)} AS at_utc, s.audit_head`;
  const parts = [
    `written AS (${written})`,
    ...(shape.tiesGo ? [`ties_gone AS (${tiesGone(tables)})`] : []),
    ...(shape.tiesCome ? [`ties_come AS (${tiesCome(tables)})`] : []),
    ...(shape.coverageChanges
      ? [`coverage_gone AS (${coverageGone(tables)})`, `coverage_come AS (${coverageCome(tables)})`]
      : []),
  ];
  const statements = [
    ...(shape.audited ? [audited(tables)] : []),
    ...(shape.run === "begins" ? [runBegun(tables, shape)] : []),
    ...(shape.run === "ends" ? [runEnded(tables, shape)] : []),
  ];
  // The last of them is the statement itself, which is cheaper than a select from all.
  const last = statements.pop();
  const others = statements.map(({ sql }, number) => `other_${number} AS (${sql})`);
  const end =
    last === undefined ? "SELECT at_utc, audit_head FROM written" : `${last.sql} RETURNING ${last.answer}`;
  return `WITH ${[...parts, ...others].join(", ")} ${end}`;
}

const jsonColumns: ReadonlySet<string> = new Set(
  [streams, runs].flatMap(({ columns }) =>
    Object.values(columns).flatMap(({ column, kind }) => (kind.postgres === "json" ? [column] : [])),
  ),
);

function sqlOf({ column, form, parameter }: Assignment): string {
  const given = `$${parameter}${jsonColumns.has(column) ? "::json" : ""}`;
  const forms: Readonly<Record<Form, string>> = {
    value: given,
    same: given,
    null: "NULL",
    now: statementTime,
    later: `${statementTime} + ${given}::double precision * interval '1 millisecond'`,
    hash: auditHead,
  };
  return forms[form];
}

/** A statement that goes with the write, and what it returns where it is the last. */
interface Part {
  readonly sql: string;
  readonly answer: string;
}

function audited(tables: Tables): Part {
  const sql = `
    INSERT INTO ${tables.audit} (connector, stream, number, at_utc, actor, action, old_cursor, new_cursor,
      reason, run_id, hash)
    SELECT $connector, $stream, $audit_number::bigint, at_utc, $actor, $action, $old_cursor, $new_cursor,
      $reason, $run_id, audit_head
    FROM written`;
  return { sql, answer: "at_utc, hash AS audit_head" };
}

/** A run that has begun has nothing in the other columns. */
function runBegun(tables: Tables, { history, audited: isAudited }: Shape): Part {
  const given = history.filter(({ form }) => form !== "null");
  const sql = `
    INSERT INTO ${tables.runs} (connector, stream, run_id, started_at_utc, records_processed, checkpoints
      ${given.map(({ column }) => `, ${column}`).join("")})
    SELECT $connector, $stream, $run_id, ${statementTime}, 0, 0
      ${given.map((assignment) => `, ${sqlOf(assignment)}`).join("")}
    FROM written`;
  const head = isAudited ? `, ${auditHead} AS audit_head` : "";
  return { sql, answer: `${isoText(statementTime)} AS at_utc${head}` };
}

function runEnded(tables: Tables, { history }: Shape): Part {
  const set = history.map((assignment) => `, ${assignment.column} = ${sqlOf(assignment)}`);
  const sql = `
    UPDATE ${tables.runs} r SET ended_at_utc = ${statementTime}${set.join("")}
    FROM written WHERE r.connector = $connector AND r.stream = $stream AND r.run_id = $run_id`;
  return { sql, answer: "written.at_utc, written.audit_head" };
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
