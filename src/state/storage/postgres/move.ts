import { stringifyJson } from "../../../model/json.ts";
import type { TieMember } from "../../../model/position.ts";
import { isSameCoverage } from "../../backfilled.ts";
import type { Change, StreamRow } from "../../rows.ts";
import { aroundTheTime } from "./audit-hash.ts";
import { textOf } from "./columns.ts";
import type { Seen } from "./last-seen.ts";
import { coverageValues, positionParameter } from "./parameters.ts";
import type { Row } from "./statement.ts";
import type { MoveShape } from "./steps.ts";

/** What a change to a row touches, and all that the statement for it needs. */
export function moveOf(seen: Seen, change: Change) {
  const { row } = change;
  const { watermark } = row.position;
  const keys = differentKeys(seen.row.position.tieSet, row.position.tieSet);
  const { positionTag: tag } = row;
  const shape: MoveShape = {
    positioned: tag.epoch !== seen.row.positionTag.epoch || tag.sequence !== seen.row.positionTag.sequence,
    ends: change.runs.length > 0,
    audited: change.audit.length > 0,
    keysGo: keys.go,
    keysCome: keys.come.length > 0,
    coverageChanges: !isSameCoverage(seen.row.position.coverage, row.position.coverage),
  };
  const values = {
    ...row.key,
    scope: row.scope,
    run_id: row.runId,
    epoch: row.epoch,
    ...seenValues(seen),
    value: watermark,
    // A position that stays is stored as it stands.
    position: row.position === seen.row.position ? seen.position : positionParameter(row.key, row.position),
    sequence: row.sequence,
    records: row.recordsProcessed,
    status: row.status,
    error: row.lastError,
    metadata: row.metadata === null ? null : stringifyJson(row.metadata),
    ...runValues(change),
    ...auditValues(seen, change),
    kept_identities: keys.kept.map(({ identity }) => identity),
    kept_cursors: keys.kept.map(({ cursor }) => cursor),
    kept_counts: keys.kept.map(({ count }) => count),
    come_identities: keys.come.map(({ identity }) => identity),
    come_cursors: keys.come.map(({ cursor }) => cursor),
    come_counts: keys.come.map(({ count }) => count),
    ...coverageValues(row.position),
  };
  return { shape, values };
}

export function seenValues({ row, position }: Seen) {
  return {
    seen_status: row.status,
    seen_epoch: row.epoch,
    seen_sequence: row.sequence,
    seen_cursor_type: row.cursorType,
    seen_value: row.position.watermark,
    seen_position: position,
  };
}

/** The row as it was stored, by the server's time. */
export function asStored(row: StreamRow, told: Row, place: string): StreamRow {
  const now = Date.parse(textOf(told, "at_utc", place));
  return {
    ...row,
    updatedAt: now,
    leaseExpiresAt: row.leaseExpiresAt === null ? null : now + row.leaseSeconds * 1000,
    auditHead: typeof told.audit_head === "string" ? told.audit_head : row.auditHead,
  };
}

/** The same of a row that a run has just begun on. */
export function asBegun(row: StreamRow, told: Row, place: string): StreamRow {
  const begun = asStored(row, told, place);
  return { ...begun, startedAt: begun.updatedAt };
}

function runValues({ runs: [run] }: Change) {
  return {
    checkpoints: run?.checkpoints ?? null,
    end_position: run?.endPosition ?? null,
  };
}

function auditValues(seen: Seen, { audit: [record] }: Change) {
  const around = record === undefined ? null : aroundTheTime(seen.row.auditHead, record);
  return {
    actor: record?.actor ?? null,
    action: record?.action ?? null,
    reason: record?.reason ?? null,
    audit_number: record?.number ?? null,
    audit_before: around?.before ?? null,
    audit_after: around?.after ?? null,
  };
}

/** Which members of the tie set stay and which are new, so that a growing set is not written anew each time. */
export function differentKeys(
  before: readonly TieMember[],
  after: readonly TieMember[],
): { go: boolean; kept: readonly TieMember[]; come: readonly TieMember[] } {
  const old = new Set(before.map(nameOf));
  const now = new Set(after.map(nameOf));
  if (old.size < before.length || now.size < after.length) {
    return { go: before.length > 0, kept: [], come: after };
  }
  const kept = after.filter((key) => old.has(nameOf(key)));
  return {
    go: kept.length < before.length,
    kept,
    come: kept.length === after.length ? [] : after.filter((key) => !old.has(nameOf(key))),
  };
}

function nameOf({ identity, cursor, count }: TieMember): string {
  return `${cursor}\n${count}\n${identity}`;
}
