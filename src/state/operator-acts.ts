import { TidemarkError } from "../errors.ts";
import { type CursorType, parseCursor } from "../model/cursor.ts";
import { type CursorRange, decodePosition, emptyPosition, type Position } from "../model/position.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import { checkPartitions, keptMetadata } from "./arguments.ts";
import type { AuditEntry } from "./audit.ts";
import { unionOfCoverage } from "./backfilled.ts";
import type { Metadata, Reset } from "./contract.ts";
import type { ExportedStream } from "./exported.ts";
import { isoTime } from "./iso-time.ts";
import { confirmedByAct } from "./outside.ts";
import { partitionEdit, partitionEditEntries } from "./partition-edits.ts";
import { storedAndCurrent, unknownPartition } from "./partitions.ts";
import { streamNotFound, typeMismatch } from "./refusals.ts";
import type { Backfilled, Change, ChildRows, PartitionChange, PartitionRow, StreamRow } from "./rows.ts";
import { assertOfType, newRow, runRow, withEntries } from "./step-rules.ts";

/** What operators do to a stream: pure steps as the lifecycle's, each under a new epoch. */

export interface Act {
  readonly now: number;
  readonly actor: string;
  readonly action: "reset" | "rewind" | "import";
  readonly reason: string;
  readonly runId?: string;
}

/** Where an operator's act puts a stream; without `metadata` the stream keeps what it has. */
export interface Destination {
  readonly position: Position;
  readonly cursorType: CursorType | null;
  readonly metadata?: Metadata | null;
  /** The child rows become invalid: partitions, and the coverage of backfills. */
  readonly startsOver?: boolean;
  /** Then, in its place: */
  readonly partitions?: readonly PartitionDestination[];
  readonly backfilled?: readonly CursorRange[];
}

interface PartitionDestination {
  readonly partition: string;
  readonly position: Position;
  readonly backfilled: readonly CursorRange[];
}

/** Moves the stream to a position. */
export function moveByOperator(
  row: StreamRow | null,
  key: StreamKey,
  to: Destination,
  act: Act,
  childRows: ChildRows,
): Change {
  assertOfType(key, to.cursorType, to.position.watermark);
  const current = row ?? newRow(key, "", to.cursorType, act.now);
  const stopped = underNewEpoch(current, act.now);
  const moved: StreamRow = {
    ...stopped,
    cursorType: to.cursorType,
    position: to.position,
    positionTag: { epoch: stopped.epoch, sequence: 0 },
    metadata: to.metadata === undefined ? current.metadata : to.metadata,
    resetEpoch: to.startsOver === true ? stopped.epoch : current.resetEpoch,
  };
  const partitions: PartitionChange[] = [];
  const backfilled: Backfilled[] = [];
  const entries = [entryOf(key, null, current.position.watermark, to.position.watermark, act)];
  for (const { partition, position, backfilled: covered } of to.partitions ?? []) {
    assertOfType(key, to.cursorType, position.watermark);
    const { stored: previous, row: old } = storedAndCurrent(childRows, current, partition);
    partitions.push({ row: putTo(moved, partition, position, act.now), previous });
    entries.push(...movedEntries(current, old, position, act));
    if (covered.length > 0) backfilled.push({ partition, coverage: covered });
  }
  if ((to.backfilled ?? []).length > 0) backfilled.push({ partition: null, coverage: to.backfilled ?? [] });
  return {
    ...withEntries(moved, entries),
    runs: current.status === "running" ? [runRow(current, "superseded", act.now)] : [],
    partitions,
    startsOver: to.startsOver === true,
    backfilled,
  };
}

/** Moves one partition to a value; the stream's own position stays as it is. */
export function resetPartition(
  row: StreamRow | null,
  key: StreamKey,
  partition: string,
  reset: Reset,
  act: Act,
  childRows: ChildRows,
): Change {
  const cursorType = row?.cursorType ?? reset.cursorType ?? null;
  if (reset.cursorType !== undefined && reset.cursorType !== cursorType) {
    throw typeMismatch(key, `${cursorType} cursors`, reset.cursorType);
  }
  const current = row ?? newRow(key, "", cursorType, act.now);
  const moved = { ...underNewEpoch(current, act.now), cursorType };
  const { stored: previous, row: old } = storedAndCurrent(childRows, current, partition);
  const { position } = resetTarget(row, key, reset, partitionEdit(old) === null ? old.position : null);
  return {
    ...withEntries(moved, movedEntries(current, old, position, act)),
    runs: current.status === "running" ? [runRow(current, "superseded", act.now)] : [],
    partitions: [{ row: putTo(moved, partition, position, act.now), previous }],
    backfilled: reset.to === null ? [{ partition, coverage: [] }] : [],
  };
}

/**
 * The position after a reset. It has no tie set and no unfinished window, unless the reset is to the current watermark
 * `at` of the stream or partition: the position is then still true and is kept. Throws `STREAM_NOT_FOUND` for a stream
 * that is not stored, unless the reset says what its cursors are: a mistyped name must not make a stream.
 */
export function resetTarget(
  row: StreamRow | null,
  key: StreamKey,
  reset: Reset,
  at: Position | null,
): Destination {
  if (row === null && reset.cursorType === undefined) throw streamNotFound(key, makeStream);
  const cursorType = reset.cursorType ?? row?.cursorType ?? null;
  const startsOver = reset.to === null || cursorType !== (row?.cursorType ?? null);
  if (reset.to === null) return { position: emptyPosition, cursorType, startsOver };
  if (cursorType === null) {
    const stream = formatStreamKey(key);
    throw new TidemarkError("ARGUMENT_INVALID", `${stream} has no cursor type yet; say which it is`, {
      stream,
    });
  }
  const watermark = parseCursor(cursorType, reset.to).value;
  if (!startsOver && at?.watermark === watermark) return { position: at, cursorType };
  const facts = startsOver ? undefined : row?.position.facts;
  const position = { ...emptyPosition, watermark, ...(facts === undefined ? {} : { facts }) };
  return { position, cursorType, startsOver };
}

const makeStream =
  "Check the connector and the stream. To set the watermark of a new stream, say its cursor type as well.";

/** The position after an import. Throws `STATE_UNREADABLE`, `STATE_TOO_NEW`, `ARGUMENT_INVALID`. */
export function importTarget(exported: ExportedStream): Destination {
  const key = { connector: exported.connector, stream: exported.stream };
  const { cursorType } = exported;
  const stream = `the export of ${formatStreamKey(key)}`;
  checkPartitions(key, exported.partitions ?? []);
  return {
    position: decodePosition(exported.position, stream),
    cursorType,
    metadata: exported.metadata === null ? null : keptMetadata(key, exported.metadata),
    startsOver: true,
    partitions: (exported.partitions ?? []).map(({ partition, position, backfilled = [] }) => ({
      partition,
      position: decodePosition(position, `partition "${partition}" in ${stream}`),
      backfilled: unionOfCoverage(cursorType, [], backfilled),
    })),
    backfilled: unionOfCoverage(cursorType, [], exported.backfilled ?? []),
  };
}

/** The row with its run superseded. */
function underNewEpoch(current: StreamRow, now: number): StreamRow {
  return {
    ...current,
    status: "idle",
    epoch: current.epoch + 1,
    sequence: 0,
    leaseExpiresAt: null,
    leaseOwner: null,
    updatedAt: now,
  };
}

function putTo(moved: StreamRow, partition: string, position: Position, now: number): PartitionRow {
  return {
    ...unknownPartition(moved, partition),
    position,
    positionTag: { epoch: moved.epoch, sequence: 0 },
    updatedAt: now,
  };
}

/** The change made outside Tidemark is logged first: the act confirms it. */
function movedEntries(stream: StreamRow, old: PartitionRow, to: Position, act: Act): AuditEntry[] {
  const edits = partitionEditEntries(stream, old, { now: act.now, reason: confirmedByAct });
  const [edit] = edits;
  const from = edit === undefined ? old.position.watermark : edit.newCursor;
  return [...edits, entryOf(stream.key, old.partition, from, to.watermark, act)];
}

function entryOf(
  key: StreamKey,
  partition: string | null,
  oldCursor: string | null,
  newCursor: string | null,
  act: Act,
): AuditEntry {
  return {
    key,
    partition,
    atUtc: isoTime(act.now),
    actor: act.actor,
    action: act.action,
    oldCursor,
    newCursor,
    reason: act.reason,
    runId: act.runId ?? null,
  };
}
