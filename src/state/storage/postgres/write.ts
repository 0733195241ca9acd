import type { TieMember } from "../../../model/position.ts";
import { isSameCoverage } from "../../backfilled.ts";
import { runField, streamField } from "../../codec.ts";
import type { AuditRecord } from "../../contract.ts";
import { valueFields } from "../../derive/table.ts";
import type { Change, RunRow, StreamRow } from "../../rows.ts";
import { runEndColumns, runs, streams } from "../../tables.ts";
import { differentTies } from "../../tie-differences.ts";
import { aroundTheTime } from "./audit-hash.ts";
import { textOf } from "./columns.ts";
import type { Seen } from "./last-seen.ts";
import { coverageValues, positionParameter } from "./parameters.ts";
import type { Row, Value } from "./statement.ts";

/**
 * Compare and set: one statement stores a change, by the server's time, if the row is still as it was seen. Otherwise
 * it changes nothing and returns no row. `lifecycle.ts` decides what changes. This file names the columns that are
 * written and their values; `write-sql.ts` makes the statement.
 */

/**
 * How a column's value is written in SQL: as its own parameter, as the parameter of another column, as `NULL`, as the
 * server's current time, as that plus an interval, or as the hash that the server makes.
 */
export type Form = (typeof forms)[number];

const forms = ["value", "same", "null", "now", "later", "hash"] as const;

export interface Assignment {
  readonly column: string;
  readonly form: Form;
  /** The parameter of `value`, `same` and `later`. */
  readonly parameter: string;
  /** One character that no other assignment has. A shape's name is made of them, and is short to look up. */
  readonly code: string;
}

/** What a statement writes; one is made for each shape. */
export interface Shape {
  /** The columns of the stream's row that differ. */
  readonly set: readonly Assignment[];
  readonly run: "stays" | "begins" | "ends";
  /** The columns of the run's row. */
  readonly history: readonly Assignment[];
  readonly audited: boolean;
  readonly tiesGo: boolean;
  readonly tiesCome: boolean;
  readonly coverageChanges: boolean;
  /** Names the shape: no other has the same. */
  readonly name: string;
}

export interface Write {
  /** The text of the position that is stored then. */
  readonly position: string;
  readonly shape: Shape;
  readonly values: Readonly<Record<string, Value>>;
}

type Values = Record<string, Value>;

/** Above the characters of words. */
const firstCode = 0x100;

/** The columns that a write may change, as each write needs to know them. */
const changing = valueFields(streams).map(({ field, of }, number) => ({
  field,
  of,
  isTime: of.kind.postgres === "timestamptz",
  as: assignmentsOf(of.column, { value: of.column }, number),
}));
const timeFields = changing.filter(({ isTime }) => isTime);

/** A column's assignments, made once: a write only picks them. `number`: of the column among all. */
function assignmentsOf(
  column: string,
  parameters: { readonly value: string; readonly same?: string },
  number: number,
): Readonly<Record<Form, Assignment>> {
  const as = (form: Form, parameter = parameters.value): Assignment => ({
    column,
    form,
    parameter,
    code: String.fromCharCode(firstCode + number * forms.length + forms.indexOf(form)),
  });
  return {
    value: as("value"),
    same: as("same", parameters.same),
    null: as("null"),
    now: as("now"),
    later: as("later"),
    hash: as("hash"),
  };
}

/** Whether one statement can store a change: it is about the stream's row, its run and its log alone. */
export function isOneWrite(seen: StreamRow, change: Change): boolean {
  const { row, runs: of, audit: log, partitions = [], backfilled = [], startsOver = false } = change;
  const takesOver = seen.status === "running" && seen.runId !== row.runId;
  const touchesMore = partitions.length > 0 || backfilled.length > 0;
  return !takesOver && !touchesMore && !startsOver && of.length <= 1 && log.length <= 1;
}

/** `now`: the time by which the step was taken, which no time of the seen row is equal to. */
export function writeOf(seen: Seen, change: Change, now: number): Write {
  const { row } = change;
  const isMoved = row.position !== seen.row.position;
  const position = isMoved ? positionParameter(row.key, row.position) : seen.position;
  const [run] = change.runs;
  const how = run === undefined ? "stays" : run.outcome === "running" ? "begins" : "ends";
  // One object that each part adds to: copying the parts together would take a tenth of the client's time.
  const values: Values = {
    connector: row.key.connector,
    stream: row.key.stream,
    scope: row.scope,
    run_id: row.runId,
    epoch: row.epoch,
  };
  addSeen(values, seen);
  const always = how === "stays" && isMoved ? inMoves : inRuns[how];
  const set = addColumns(values, seen, { row, position }, always, now);
  const history =
    run === undefined ? [] : addHistory(values, run, how === "begins" ? beginFields : endFields);
  const audited = addAudit(values, seen.row.auditHead, change.audit);
  const { go, kept, come } = differentTies(seen.row.position.tieSet, row.position.tieSet);
  if (go) addMembers(values, "kept", kept);
  if (come.length > 0) addMembers(values, "come", come);
  const coverageChanges = !isSameCoverage(seen.row.position.coverage, row.position.coverage);
  if (coverageChanges) Object.assign(values, coverageValues(row.position));
  const rest = { run: how, tiesGo: go, tiesCome: come.length > 0, coverageChanges } as const;
  return { position, shape: shapeOf({ set, history, audited, ...rest }), values };
}

function shapeOf(parts: Omit<Shape, "name">): Shape {
  const { run, audited, tiesGo, tiesCome, coverageChanges } = parts;
  let name = `${run} ${audited} ${tiesGo} ${tiesCome} ${coverageChanges} `;
  for (const { code } of parts.set) name += code;
  for (const { code } of parts.history) name += code;
  return { ...parts, name };
}

/** Adds the columns that differ and those that are always written. */
function addColumns(
  values: Values,
  before: Pick<Seen, "row" | "position">,
  after: Pick<Seen, "row" | "position">,
  always: ReadonlySet<string>,
  now: number,
): Assignment[] {
  const set: Assignment[] = [];
  for (const { field, of, isTime, as } of changing) {
    const value = streamField(after.row, field, after.position);
    if (value === streamField(before.row, field, before.position) && !always.has(field)) continue;
    const form = formOf(field, value, isTime, now);
    set.push(as[form]);
    if (form === "value") values[of.column] = of.encode(value);
    else if (form === "later") values[of.column] = Number(value) - now;
  }
  return set;
}

function formOf(field: string, value: unknown, isTime: boolean, now: number): Form {
  if (value === null) return "null";
  if (field === "auditHead") return "hash";
  if (!isTime) return "value";
  return value === now ? "now" : "later";
}

/** Fields that are written although they may be the same, so that there are few different statements. */
const inRuns: Readonly<Record<Shape["run"], ReadonlySet<string>>> = {
  stays: new Set(),
  begins: new Set([
    ...["cursorType", "sequence", "runLowerBound", "runActor", "leaseSeconds", "leaseOwner"],
    ...["lastError", "recordsProcessed", "metadata"],
  ]),
  ends: new Set(["leaseOwner", "lastError", "recordsProcessed", "metadata"]),
};
const inMoves: ReadonlySet<string> = new Set(["recordsProcessed"]);

/** The row as stored, with the server's time. */
export function asStored(
  row: StreamRow,
  seen: StreamRow,
  now: number,
  returned: Row,
  place: string,
): StreamRow {
  const late = Date.parse(textOf(returned, "at_utc", place)) - now;
  const times: Record<string, number> = {};
  for (const { field } of timeFields) {
    const time: unknown = Reflect.get(row, field);
    if (typeof time === "number" && time !== Reflect.get(seen, field)) times[field] = time + late;
  }
  const auditHead = typeof returned.audit_head === "string" ? returned.audit_head : row.auditHead;
  return { ...row, ...times, auditHead };
}

function addSeen(values: Values, { row, position }: Seen): void {
  values.seen_status = row.status;
  values.seen_epoch = row.epoch;
  values.seen_sequence = row.sequence;
  values.seen_cursor_type = row.cursorType;
  values.seen_value = row.position.watermark;
  values.seen_position = position;
  values.seen_audit_head = row.auditHead;
}

/** Columns of a run by the column of its stream's row that mostly has the same value. */
const sameInRow: Readonly<Record<string, string>> = {
  outcome: "status",
  lower_bound: "run_lower_bound",
  new_cursor: "cursor_value",
  error: "last_error",
  actor: "run_actor",
};
const inBegins: ReadonlySet<string> = new Set(["kind", "epoch", "outcome", "lowerBound", "actor"]);
const changedByEnd: ReadonlySet<string> = new Set(
  runEndColumns.filter((column) => column !== "ended_at_utc"),
);

/** A run's columns are mostly those of its stream's row, whose parameters are sent already. */
const historyFields = valueFields(runs).map(({ field, of }, number) => {
  const parameter = `history_${of.column}`;
  const same = sameInRow[of.column] ?? of.column;
  return {
    field,
    of,
    parameter,
    same,
    as: assignmentsOf(of.column, { value: parameter, same }, changing.length + number),
  };
});
/** Both times of a run are the server's own. What is null at the beginning needs no column. */
const beginFields = historyFields.filter(({ field }) => inBegins.has(field));
const endFields = historyFields.filter(({ of: { column } }) => changedByEnd.has(column));

function addHistory(values: Values, run: RunRow, fields: typeof historyFields): Assignment[] {
  return fields.map(({ field, of, parameter, same, as }) => {
    const value = of.encode(runField(run, field));
    if (value === null) return as.null;
    if (value === values[same]) return as.same;
    values[parameter] = value;
    return as.value;
  });
}

function addAudit(values: Values, head: string, [row]: readonly AuditRecord[]): boolean {
  if (row === undefined) return false;
  const { before, after } = aroundTheTime(head, row);
  values.audit_before = before;
  values.audit_after = after;
  values.actor = row.actor;
  values.action = row.action;
  values.reason = row.reason;
  values.old_cursor = row.oldCursor;
  values.new_cursor = row.newCursor;
  return true;
}

function addMembers(values: Values, which: "kept" | "come", ties: readonly TieMember[]): void {
  values[`${which}_identities`] = ties.map(({ identity }) => identity);
  values[`${which}_cursors`] = ties.map(({ cursor }) => cursor);
  values[`${which}_counts`] = ties.map(({ count }) => count);
}
