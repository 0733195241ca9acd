import { z } from "zod";
import type { StreamState } from "../../state/contract.ts";
import { fromWire, toWire, wireShape } from "../../state/derive/wire.ts";
import type { ExportedPartition, ExportedStream } from "../../state/exported.ts";
import { shownOfStream, streams } from "../../state/tables.ts";
import {
  connectorName,
  cursorType,
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
  stopRequested,
  streamName,
  type WirePosition,
} from "./values.ts";

const streamShown = ["connector", "stream", "cursorValue", ...shownOfStream] as const;

/** A stream as the service gives it. `position` and `position_tag` come only where they were asked for. */
export const streamState = z
  .object({
    ...wireShape(streams, streamShown),
    lease: lease.nullable().meta({ description: "Null while nothing runs.", example: null }),
    stop_requested: stopRequested.nullable().optional().meta({
      description: "The request to stop the running run; null where there is none.",
      example: null,
    }),
    position: position.optional(),
    position_tag: positionTag.optional(),
  })
  .meta({ id: "Stream", description: "A stream and its current state." });
export type WireStream = z.infer<typeof streamState>;

export function streamToWire(state: StreamState, full: boolean): WireStream {
  return {
    ...toWire(streams, streamShown, { ...state, ...state.key, cursorValue: state.cursorText }),
    lease: leaseToWire(state.lease),
    stop_requested: state.stopRequested,
    ...(full ? { position: positionToWire(state.position), position_tag: state.positionTag } : {}),
  };
}

/** A stream that was asked for with its position. Throws `STATE_UNREADABLE` where there is none. */
export function streamFromWire(wire: WireStream): StreamState {
  const { connector, stream, cursorValue: cursorText, ...state } = fromWire(streams, streamShown, wire);
  const position = positionFromWire(wire.position ?? { format: 0 }, `${connector}/${stream}`);
  const { watermark: value } = position;
  const { cursorType: type } = state;
  return {
    ...state,
    key: { connector, stream },
    cursor: value === null || type === null ? null : { type, value },
    cursorText,
    position,
    positionTag: wire.position_tag ?? { epoch: 0, sequence: 0 },
    lease: leaseFromWire(wire.lease),
    stopRequested: wire.stop_requested ?? null,
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
