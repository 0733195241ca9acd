import { encodePosition } from "../model/position.ts";
import type { ExportedStream, RunRecord, StreamState } from "./contract.ts";
import { isoTime, type RunRow, type StreamRow } from "./rows.ts";

/** A row as callers see it. */
export function streamState(row: StreamRow): StreamState {
  const { watermark } = row.position;
  return {
    key: row.key,
    cursorType: row.cursorType,
    cursor: watermark === null || row.cursorType === null ? null : { type: row.cursorType, value: watermark },
    position: row.position,
    positionTag: row.positionTag,
    status: row.status,
    epoch: row.epoch,
    sequence: row.sequence,
    runId: row.runId,
    startedAtUtc: row.startedAt === null ? null : isoTime(row.startedAt),
    lease:
      row.leaseExpiresAt === null
        ? null
        : { seconds: row.leaseSeconds, expiresAtUtc: isoTime(row.leaseExpiresAt), owner: row.leaseOwner },
    lastError: row.lastError,
    recordsProcessed: row.recordsProcessed,
    metadata: row.metadata,
    updatedAtUtc: isoTime(row.updatedAt),
  };
}

export function runRecord(row: RunRow): RunRecord {
  const { startedAt, endedAt, endPosition: _, ...rest } = row;
  return {
    ...rest,
    startedAtUtc: isoTime(startedAt),
    endedAtUtc: endedAt === null ? null : isoTime(endedAt),
  };
}

export function exportedStream(row: StreamRow): ExportedStream {
  return {
    connector: row.key.connector,
    stream: row.key.stream,
    cursorType: row.cursorType,
    position: encodePosition(row.position),
    metadata: row.metadata,
  };
}
