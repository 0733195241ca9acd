import { type CursorRange, emptyPosition, encodePosition } from "../model/position.ts";
import { compareTexts } from "../model/text-order.ts";
import { committedText } from "./committed-text.ts";
import type { BackfillState, Lease, PartitionState, RunRecord, StreamState } from "./contract.ts";
import { shown } from "./derive/wire.ts";
import type { ExportedPartition, ExportedStream } from "./exported.ts";
import { isoTime } from "./iso-time.ts";
import { editOf } from "./outside.ts";
import { assertUnedited, partitionEdit } from "./partition-edits.ts";
import { backfillOfScope, type EditPolicy, type PartitionRow, type RunRow, type StreamRow } from "./rows.ts";
import { stopOf } from "./stop-requests.ts";
import { runs, shownOfRun, shownOfStream, streams } from "./tables.ts";

/** A row as callers see it. */
export function streamState(row: StreamRow): StreamState {
  const { watermark } = row.position;
  return {
    key: row.key,
    ...shown(streams, shownOfStream, row),
    cursor: watermark === null || row.cursorType === null ? null : { type: row.cursorType, value: watermark },
    cursorText: committedText(row.cursorType, row.position),
    position: row.position,
    positionTag: row.positionTag,
    lease: lease(row),
    stopRequested: row.status === "running" ? stopOf(row.stops, row.runId) : null,
  };
}

export function runRecord(row: RunRow): RunRecord {
  return { key: row.key, ...shown(runs, shownOfRun, row) };
}

/** `edits`: what to do about a change made outside Tidemark; absent means not to compare. Throws `STATE_EDITED`. */
export function partitionState(row: PartitionRow, edits: EditPolicy | null = null): PartitionState {
  if (edits === "refuse") assertUnedited(row.key, row);
  const { partition, position, positionTag } = row;
  const state = { partition, position, positionTag, updatedAtUtc: isoTime(row.updatedAt) };
  const edit = edits === null ? null : partitionEdit(row);
  return edit === null ? state : { ...state, edited: editOf(edit) };
}

export function backfillState(row: StreamRow): BackfillState {
  const { window, coverage } = row.position;
  const { sequence: _, metadata: __, ...state } = shown(streams, shownOfStream, row);
  return {
    ...state,
    backfill: backfillOfScope(row.scope),
    range: window === null ? null : { lower: window.lower, upper: window.upper },
    coverage,
    runId: row.runId ?? "",
    startedAtUtc: isoTime(row.startedAt ?? row.updatedAt),
    lease: lease(row),
  };
}

function lease(row: StreamRow): Lease | null {
  if (row.leaseExpiresAt === null) return null;
  return { seconds: row.leaseSeconds, expiresAtUtc: isoTime(row.leaseExpiresAt), owner: row.leaseOwner };
}

/** The child rows of a stream, for its export. */
export interface ExportedChildRows {
  readonly partitions: readonly PartitionRow[];
  /** Coverage by finished backfills: of the stream under null, of partitions under their names. */
  readonly backfilled: ReadonlyMap<string | null, readonly CursorRange[]>;
}

export function exportedStream(row: StreamRow, childRows: ExportedChildRows): ExportedStream {
  const partitions = exportedPartitions(childRows);
  const backfilled = childRows.backfilled.get(null) ?? [];
  return {
    connector: row.key.connector,
    stream: row.key.stream,
    cursorType: row.cursorType,
    position: encodePosition(row.position),
    metadata: row.metadata,
    ...(backfilled.length === 0 ? {} : { backfilled }),
    ...(partitions.length === 0 ? {} : { partitions }),
  };
}

/** A partition that only backfills have read is exported with an empty position. */
function exportedPartitions({ partitions, backfilled }: ExportedChildRows): ExportedPartition[] {
  const positions = new Map(partitions.map((row) => [row.partition, row.position]));
  for (const partition of backfilled.keys()) {
    if (partition !== null && !positions.has(partition)) positions.set(partition, emptyPosition);
  }
  const byName = [...positions].sort(([a], [b]) => compareTexts(a, b));
  return byName.map(([partition, position]) => {
    const covered = backfilled.get(partition) ?? [];
    return {
      partition,
      position: encodePosition(position),
      ...(covered.length === 0 ? {} : { backfilled: covered }),
    };
  });
}
