import { TidemarkError } from "../errors.ts";
import { type CursorType, compareCursorValues, isOrdered } from "../model/cursor.ts";
import { type CursorRange, emptyPosition } from "../model/position.ts";
import { formatStreamKey } from "../model/stream-key.ts";
import type { AuditEntry } from "./audit.ts";
import { isSameCoverage, unionOfCoverage } from "./backfilled.ts";
import type { PartitionMove, PositionTag } from "./contract.ts";
import { isoTime } from "./iso-time.ts";
import { editedByHand, removedByHand } from "./outside.ts";
import { assertUnedited, partitionEditEntries } from "./partition-edits.ts";
import type { Backfilled, ChildRows, PartitionChange, PartitionRow, StreamRow } from "./rows.ts";
import { assertNoRegression, assertOfType, isCanonical } from "./step-rules.ts";

/**
 * The partition's current row: the stored row, unless the whole stream was started over since. Then it is empty, with
 * the tag of that act, so that an older position in an output does not come back. Null where nothing is known of it.
 * Throws `STATE_UNREADABLE` for an invalid watermark (promise P10). `removed`: as `ChildRows.removed` has it, where it
 * was looked up.
 */
export function currentPartition(
  stored: PartitionRow | null,
  stream: StreamRow,
  partition: string,
  removed: string | null = null,
): PartitionRow | null {
  if (stored !== null && stored.positionTag.epoch >= stream.resetEpoch) {
    assertReadableWatermark(stream, stored);
    return stored;
  }
  if (stored === null && stream.resetEpoch === 0 && removed === null) return null;
  return {
    ...unknownPartition(stream, partition),
    positionTag: { epoch: stream.resetEpoch, sequence: 0 },
    updatedAt: stored?.updatedAt ?? stream.updatedAt,
    ...(stored === null && removed !== null ? { logged: removed, removed: true } : {}),
  };
}

/** The partition's stored row and its current one, compared with the log also where nothing is stored of it. */
export function storedAndCurrent(
  childRows: ChildRows,
  stream: StreamRow,
  partition: string,
): { readonly stored: PartitionRow | null; readonly row: PartitionRow } {
  const stored = childRows.partition(partition);
  const removed = stored === null ? childRows.removed(partition) : null;
  const row = currentPartition(stored, stream, partition, removed) ?? unknownPartition(stream, partition);
  return { stored, row };
}

function assertReadableWatermark(
  stream: StreamRow,
  { partition, position: { watermark } }: PartitionRow,
): void {
  if (watermark === null || isCanonical(stream.cursorType, watermark)) return;
  const name = formatStreamKey(stream.key);
  const type = stream.cursorType ?? "cursor of a known type";
  throw new TidemarkError(
    "STATE_UNREADABLE",
    `partition "${partition}" of ${name}: the watermark "${watermark}" is no ${type}`,
    { stream: name, hint: "Undo the edit, or reset the whole stream, which starts each partition over." },
  );
}

/** The row of a partition that has never been moved. */
export function unknownPartition(stream: StreamRow, partition: string): PartitionRow {
  return {
    key: stream.key,
    scope: stream.scope,
    partition,
    position: emptyPosition,
    positionTag: { epoch: 0, sequence: 0 },
    runEpoch: 0,
    runLowerBound: null,
    updatedAt: stream.updatedAt,
  };
}

/** The partitions that a write moves, and how the audit log records them. */
export interface Moving {
  readonly tag: PositionTag;
  readonly now: number;
  readonly actor: string;
  /** The run's correction (promise P9), for what goes back. */
  readonly correction?: string;
}

export interface Moved {
  readonly partitions: readonly PartitionChange[];
  readonly backfilled: readonly Backfilled[];
  readonly entries: readonly AuditEntry[];
}

/**
 * The partitions that a run has moved on. `stream` is the row that fences them, held and at the run's
 * epoch. Throws `CURSOR_REGRESSION`, `CURSOR_TYPE_MISMATCH`.
 */
export function movePartitions(
  stream: StreamRow,
  moves: readonly PartitionMove[],
  how: Moving,
  childRows: ChildRows,
): Moved {
  const partitions: PartitionChange[] = [];
  const backfilled: Backfilled[] = [];
  const entries: AuditEntry[] = [];
  for (const { partition, position } of moves) {
    const { stored: previous, row: current } = storedAndCurrent(childRows, stream, partition);
    if (childRows.edits === "refuse") assertUnedited(stream.key, current);
    const reason = current.removed === true ? removedByHand : editedByHand;
    entries.push(...partitionEditEntries(stream, current, { now: how.now, reason }));
    const { logged: _, positionWatermark: __, removed: ___, ...old } = current;
    const began = old.runEpoch === stream.epoch ? old.runLowerBound : old.position.watermark;
    assertOfType(stream.key, stream.cursorType, position.watermark);
    // A backfill has no live watermark, so P3 does not apply to it.
    const floor = how.correction === undefined ? old.position.watermark : stream.scope === "" ? began : null;
    assertNoRegression(
      { key: stream.key, cursorType: stream.cursorType, partition },
      floor,
      position.watermark,
    );
    const row: PartitionRow = {
      ...old,
      position,
      positionTag: how.tag,
      runEpoch: stream.epoch,
      runLowerBound: began,
      updatedAt: how.now,
    };
    partitions.push({ row, previous });
    if (stream.scope === "") entries.push(...advance(stream, old, row, how));
    else backfilled.push(...newlyBackfilled(stream, partition, row.position.coverage, childRows));
  }
  return { partitions, backfilled, entries };
}

/** What a backfill adds to the coverage by backfills. */
export function newlyBackfilled(
  backfill: StreamRow,
  partition: string | null,
  covered: readonly CursorRange[],
  childRows: ChildRows,
): readonly Backfilled[] {
  if (covered.length === 0) return [];
  const before = childRows.backfilled(partition);
  const coverage = unionOfCoverage(backfill.cursorType, before, covered);
  return isSameCoverage(before, coverage) ? [] : [{ partition, coverage }];
}

/** What is covered in all: as the live position says, and by finished backfills. */
export function knownCoverage(
  live: StreamRow | null,
  partition: string | null,
  stored: PartitionRow | null,
  backfilled: readonly CursorRange[],
): readonly CursorRange[] {
  if (live === null || live.cursorType === null) return backfilled;
  const position = partition === null ? live.position : currentPartition(stored, live, partition)?.position;
  return unionOfCoverage(live.cursorType, position?.coverage ?? [], backfilled);
}

/** The move in the audit log, if the watermark did move (promise P12). */
function advance(stream: StreamRow, old: PartitionRow, row: PartitionRow, how: Moving): AuditEntry[] {
  const oldCursor = old.position.watermark;
  const newCursor = row.position.watermark;
  if (oldCursor === newCursor) return [];
  // A correction belongs to the run. Partitions that move forward in it are logged as advances.
  const goesBack = how.correction !== undefined && liesBefore(stream.cursorType, newCursor, oldCursor);
  return [
    {
      key: stream.key,
      partition: row.partition,
      atUtc: isoTime(how.now),
      actor: how.actor,
      action: goesBack ? "correction" : "advance",
      oldCursor,
      newCursor,
      reason: goesBack ? (how.correction ?? null) : null,
      runId: stream.runId,
    },
  ];
}

function liesBefore(type: CursorType | null, cursor: string | null, other: string | null): boolean {
  if (other === null || type === null) return false;
  return cursor === null || (isOrdered(type) && compareCursorValues(type, cursor, other) < 0);
}
