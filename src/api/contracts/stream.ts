import { z } from "zod";
import {
  type ExportedPartition,
  type ExportedStream,
  type StreamState,
  streamStatuses,
} from "../../state/contract.ts";
import {
  connectorName,
  count,
  cursorOutput,
  cursorType,
  epoch,
  interval,
  intervalsToWire,
  lease,
  leaseFromWire,
  leaseToWire,
  metadata,
  partitionName,
  position,
  positionFromWire,
  positionTag,
  positionToWire,
  recordsProcessed,
  runId,
  streamName,
  time,
  type WirePosition,
} from "./values.ts";

/** A stream as the service tells it. `position` and `position_tag` come only where they were asked for. */
export const streamState = z
  .object({
    connector: connectorName,
    stream: streamName,
    cursor_type: cursorType,
    cursor_value: cursorOutput.meta({ description: "The watermark; null before the first." }),
    status: z.enum(streamStatuses).meta({ description: "What its last run came to.", example: "completed" }),
    epoch,
    sequence: count.meta({ description: "The number of the run's last checkpoint.", example: 3 }),
    run_id: runId.nullable(),
    started_at_utc: time.nullable().meta({ description: "When the last run began." }),
    lease: lease.nullable().meta({ description: "Null while nothing runs.", example: null }),
    last_error: z.string().nullable().meta({ description: "What the last run failed of.", example: null }),
    records_processed: recordsProcessed,
    metadata: metadata.nullable(),
    updated_at_utc: time,
    position: position.optional(),
    position_tag: positionTag.optional(),
  })
  .meta({ id: "Stream", description: "A stream and where it stands." });
export type WireStream = z.infer<typeof streamState>;

export function streamToWire(state: StreamState, full: boolean): WireStream {
  return {
    connector: state.key.connector,
    stream: state.key.stream,
    cursor_type: state.cursorType,
    cursor_value: state.cursorText,
    status: state.status,
    epoch: state.epoch,
    sequence: state.sequence,
    run_id: state.runId,
    started_at_utc: state.startedAtUtc,
    lease: leaseToWire(state.lease),
    last_error: state.lastError,
    records_processed: state.recordsProcessed,
    metadata: state.metadata === null ? null : { ...state.metadata },
    updated_at_utc: state.updatedAtUtc,
    ...(full ? { position: positionToWire(state.position), position_tag: state.positionTag } : {}),
  };
}

/** A stream that was asked for with its position. Throws `STATE_UNREADABLE` where there is none. */
export function streamFromWire(wire: WireStream): StreamState {
  const key = { connector: wire.connector, stream: wire.stream };
  const { cursor_type: type, cursor_value: text } = wire;
  const position = positionFromWire(wire.position ?? { format: 0 }, `${key.connector}/${key.stream}`);
  const { watermark: value } = position;
  return {
    key,
    cursorType: type,
    cursor: value === null || type === null ? null : { type, value },
    cursorText: text,
    position,
    positionTag: wire.position_tag ?? { epoch: 0, sequence: 0 },
    status: wire.status,
    epoch: wire.epoch,
    sequence: wire.sequence,
    runId: wire.run_id,
    startedAtUtc: wire.started_at_utc,
    lease: leaseFromWire(wire.lease),
    lastError: wire.last_error,
    recordsProcessed: wire.records_processed,
    metadata: wire.metadata,
    updatedAtUtc: wire.updated_at_utc,
  };
}

/** The same form as an entry of the file that `tidemark state export` writes. */
export const exportedStream = z
  .strictObject({
    connector: connectorName,
    stream: streamName,
    cursor_type: cursorType,
    position,
    metadata: metadata.nullable(),
    backfilled: z.array(interval).optional().meta({ description: "Coverage by finished backfills." }),
    partitions: z
      .array(z.strictObject({ partition: partitionName, position, backfilled: z.array(interval).optional() }))
      .optional()
      .meta({ description: "The stream's partitions, where it has any." }),
  })
  .meta({ id: "ExportedStream", description: "All of a stream's state, to be imported here or elsewhere." });
export type WireExport = z.infer<typeof exportedStream>;

export function exportToWire(exported: ExportedStream): WireExport {
  const { connector, stream, cursorType: type, metadata: kept, backfilled, partitions } = exported;
  return {
    connector,
    stream,
    cursor_type: type,
    position: asJson(exported.position),
    metadata: kept === null ? null : { ...kept },
    ...(backfilled === undefined ? {} : { backfilled: intervalsToWire(backfilled) }),
    ...(partitions === undefined ? {} : { partitions: partitions.map(partitionToWire) }),
  };
}

function partitionToWire({ partition, position: stored, backfilled }: ExportedPartition) {
  return {
    partition,
    position: asJson(stored),
    ...(backfilled === undefined ? {} : { backfilled: intervalsToWire(backfilled) }),
  };
}

function asJson(stored: string): WirePosition {
  return position.parse(JSON.parse(stored));
}

/** The positions are checked where the export is used. */
export function exportFromWire(wire: WireExport): ExportedStream {
  const { connector, stream, cursor_type, metadata: kept, backfilled, partitions } = wire;
  return {
    connector,
    stream,
    cursorType: cursor_type,
    position: JSON.stringify(wire.position),
    metadata: kept,
    ...(backfilled === undefined ? {} : { backfilled }),
    ...(partitions === undefined
      ? {}
      : {
          partitions: partitions.map(({ position: at, ...rest }) => ({
            ...rest,
            position: JSON.stringify(at),
          })),
        }),
  };
}
