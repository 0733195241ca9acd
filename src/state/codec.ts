import { z } from "zod";
import { TidemarkError } from "../errors.ts";
import { cursorTypes } from "../model/cursor.ts";
import { parseJson } from "../model/json.ts";
import { isPlainObject } from "../model/plain-object.ts";
import {
  type CursorRange,
  decodePosition,
  encodePosition,
  type Position,
  type TieMember,
} from "../model/position.ts";
import { formatStreamKey } from "../model/stream-key.ts";
import {
  type AuditRecord,
  auditActions,
  type Metadata,
  runKinds,
  runOutcomes,
  streamStatuses,
} from "./contract.ts";
import { leaseOwnerSchema } from "./owner.ts";
import type { PartitionRow, RunRow, StreamRow } from "./rows.ts";
import { isCanonical } from "./step-rules.ts";

/**
 * Reads the columns of the state's tables, which have the same names in every database. Times come
 * as ISO 8601 text, whole numbers as numbers, JSON as text. What does not fit is
 * `STATE_UNREADABLE`: stored state is never taken for none (promise P10).
 */

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

const json = z.string().transform((text, context): unknown => {
  try {
    return parseJson(text);
  } catch {
    context.addIssue({ code: "custom", message: "it is not JSON" });
    return z.NEVER;
  }
});

/** Not a `z.record`, which leaves out a field named `__proto__`. */
const metadata = json.pipe(z.custom<Metadata>(isPlainObject, "it is no JSON object")).nullable();

const streamColumns = z.object({
  connector: z.string(),
  stream: z.string(),
  lane: z.string(),
  cursor_type: z.enum(cursorTypes).nullable(),
  cursor_value: z.string().nullable(),
  position: z.string(),
  position_epoch: z.int(),
  position_sequence: z.int(),
  status: z.enum(streamStatuses),
  epoch: z.int(),
  sequence: z.int(),
  run_id: z.string().nullable(),
  run_lower_bound: z.string().nullable(),
  run_actor: z.string().nullable(),
  started_at_utc: time.nullable(),
  lease_seconds: z.int(),
  lease_expires_at_utc: time.nullable(),
  lease_owner: json.pipe(leaseOwnerSchema).nullable(),
  last_error: z.string().nullable(),
  records_processed: z.int(),
  metadata,
  updated_at_utc: time,
  audit_number: z.int(),
  audit_head: z.string(),
  reset_epoch: z.int().default(0),
});

const partitionColumns = z.object({
  connector: z.string(),
  stream: z.string(),
  lane: z.string(),
  partition: z.string(),
  cursor_value: z.string().nullable(),
  position: z.string(),
  position_epoch: z.int(),
  position_sequence: z.int(),
  run_epoch: z.int(),
  run_lower_bound: z.string().nullable(),
  updated_at_utc: time,
});

const runColumns = z.object({
  number: z.int(),
  connector: z.string(),
  stream: z.string(),
  run_id: z.string(),
  kind: z.enum(runKinds),
  epoch: z.int(),
  outcome: z.enum(runOutcomes),
  started_at_utc: time,
  ended_at_utc: time.nullable(),
  lower_bound: z.string().nullable(),
  new_cursor: z.string().nullable(),
  records_processed: z.int(),
  checkpoints: z.int(),
  error: z.string().nullable(),
  metadata,
  actor: z.string().nullable(),
  end_position: z.string().nullable(),
});

const auditColumns = z.object({
  connector: z.string(),
  stream: z.string(),
  number: z.int(),
  at_utc: z.string(),
  actor: z.string(),
  action: z.enum(auditActions),
  old_cursor: z.string().nullable(),
  new_cursor: z.string().nullable(),
  reason: z.string().nullable(),
  run_id: z.string().nullable(),
  partition: z.string().nullable().default(null),
  hash: z.string(),
});

const tieSetColumns = z.object({ identity: z.string(), cursor: z.string(), count: z.int().positive() });
const coverageColumns = z.object({ lower: z.string().nullable(), upper: z.string() });

const mend =
  "Undo the edit or restore the row from a backup; what cannot be read is never overwritten, not by a reset either.";

/** The part of a position that is kept in one value; the tie set and coverage are rows of their own. */
export function positionText(position: Position): string {
  return encodePosition({ ...position, tieSet: [], coverage: [] });
}

/** The position as it is stored with its row: a step that is not compared with the log leaves an edit as it is. */
export function storedPositionOf({ position, positionWatermark }: StreamRow): Position {
  return positionWatermark === undefined ? position : { ...position, watermark: positionWatermark };
}

export function readStreamRow(raw: unknown, beside: StoredBeside | null, holder: string): StreamRow {
  const columns = parse(streamColumns, raw, holder);
  const name = `${holder}: ${formatStreamKey(columns)}`;
  // The log tells which of two watermarks is the edit. Backfills have no log, and files look it up while they are read.
  const isCompared = columns.lane === "" && beside !== null;
  const stored = storedPosition(columns, beside, name, isCompared);
  const position = isCompared ? { ...stored, watermark: columns.cursor_value } : stored;
  for (const watermark of new Set([position.watermark, stored.watermark])) {
    if (watermark === null || isCanonical(columns.cursor_type, watermark)) continue;
    throw new TidemarkError(
      "STATE_UNREADABLE",
      `${name}: the watermark "${watermark}" is no ${columns.cursor_type ?? "cursor of a known type"}`,
      { hint: mend },
    );
  }
  return {
    key: { connector: columns.connector, stream: columns.stream },
    lane: columns.lane,
    cursorType: columns.cursor_type,
    position,
    ...(position.watermark === stored.watermark ? {} : { positionWatermark: stored.watermark }),
    positionTag: { epoch: columns.position_epoch, sequence: columns.position_sequence },
    status: columns.status,
    epoch: columns.epoch,
    sequence: columns.sequence,
    runId: columns.run_id,
    runLowerBound: columns.run_lower_bound,
    runActor: columns.run_actor,
    startedAt: columns.started_at_utc,
    leaseSeconds: columns.lease_seconds,
    leaseExpiresAt: columns.lease_expires_at_utc,
    leaseOwner: columns.lease_owner,
    lastError: columns.last_error,
    recordsProcessed: columns.records_processed,
    metadata: columns.metadata,
    updatedAt: columns.updated_at_utc,
    auditNumber: columns.audit_number,
    auditHead: columns.audit_head,
    resetEpoch: columns.reset_epoch,
  };
}

/** As `readStreamRow`; the type of a partition's cursors is its stream's. */
export function readPartitionRow(raw: unknown, beside: StoredBeside | null, holder: string): PartitionRow {
  const columns = parse(partitionColumns, raw, holder);
  const name = `${holder}: partition "${columns.partition}" of ${formatStreamKey(columns)}`;
  const isCompared = columns.lane === "" && beside !== null;
  const stored = storedPosition(columns, beside, name, isCompared);
  const position = isCompared ? { ...stored, watermark: columns.cursor_value } : stored;
  return {
    key: { connector: columns.connector, stream: columns.stream },
    lane: columns.lane,
    partition: columns.partition,
    position,
    ...(position.watermark === stored.watermark ? {} : { positionWatermark: stored.watermark }),
    positionTag: { epoch: columns.position_epoch, sequence: columns.position_sequence },
    runEpoch: columns.run_epoch,
    runLowerBound: columns.run_lower_bound,
    updatedAt: columns.updated_at_utc,
  };
}

/** What of a position is not in its one value. */
interface StoredBeside {
  readonly tieSet: readonly TieMember[];
  readonly coverage: readonly CursorRange[];
}

function storedPosition(
  columns: { position: string; cursor_value: string | null },
  beside: StoredBeside | null,
  name: string,
  mayDiffer = false,
): Position {
  const stored = decodePosition(columns.position, name);
  if (!mayDiffer && stored.watermark !== columns.cursor_value) {
    throw new TidemarkError(
      "STATE_UNREADABLE",
      `${name}: cursor_value is ${columns.cursor_value} and the position says ${stored.watermark}`,
      {
        hint: "It was edited by hand: put cursor_value back, then change it with `tidemark state set`, which is audited.",
      },
    );
  }
  if (beside === null) return stored;
  return { ...stored, tieSet: [...beside.tieSet], coverage: [...beside.coverage] };
}

export function readRunRow(raw: unknown, holder: string): { number: number; run: RunRow } {
  const columns = parse(runColumns, raw, holder);
  return {
    number: columns.number,
    run: {
      key: { connector: columns.connector, stream: columns.stream },
      runId: columns.run_id,
      kind: columns.kind,
      epoch: columns.epoch,
      outcome: columns.outcome,
      startedAt: columns.started_at_utc,
      endedAt: columns.ended_at_utc,
      lowerBound: columns.lower_bound,
      newCursor: columns.new_cursor,
      recordsProcessed: columns.records_processed,
      checkpoints: columns.checkpoints,
      error: columns.error,
      metadata: columns.metadata,
      actor: columns.actor,
      endPosition: columns.end_position,
    },
  };
}

export function readAuditRecord(raw: unknown, holder: string): AuditRecord {
  const columns = parse(auditColumns, raw, holder);
  return {
    key: { connector: columns.connector, stream: columns.stream },
    number: columns.number,
    atUtc: columns.at_utc,
    actor: columns.actor,
    action: columns.action,
    oldCursor: columns.old_cursor,
    newCursor: columns.new_cursor,
    reason: columns.reason,
    runId: columns.run_id,
    partition: columns.partition,
    hash: columns.hash,
  };
}

export function readTieMember(raw: unknown, holder: string): TieMember {
  return parse(tieSetColumns, raw, holder);
}

export function readInterval(raw: unknown, holder: string): CursorRange {
  return parse(coverageColumns, raw, holder);
}

const named = z.object({ connector: z.string(), stream: z.string() });

function parse<T>(schema: z.ZodType<T>, raw: unknown, holder: string): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const { data } = named.safeParse(raw);
  const place = data === undefined ? holder : `${holder}: ${formatStreamKey(data)}`;
  throw new TidemarkError(
    "STATE_UNREADABLE",
    `${place}: a stored row cannot be read: ${z.prettifyError(parsed.error)}`,
    { hint: mend },
  );
}
