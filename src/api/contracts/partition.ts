import { z } from "zod";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import type { BackfillState, PartitionMove, PartitionState } from "../../state/contract.ts";
import { fromWire, toWire, wireShape } from "../../state/derive/wire.ts";
import { streams } from "../../state/tables.ts";
import {
  backfillId,
  cursorOutput,
  edited,
  editedFromWire,
  editedToWire,
  interval,
  intervalsToWire,
  lease,
  leaseFromWire,
  leaseToWire,
  partitionName,
  position,
  positionFromWire,
  positionTag,
  positionToWire,
  runId,
  time,
} from "./values.ts";

const move = z.strictObject({ partition: partitionName, position });

/** The partitions that moved with a checkpoint or a completion, each named once. */
export const movedPartitions = z
  .array(move)
  .refine((moves) => new Set(moves.map(({ partition }) => partition)).size === moves.length, {
    message: "names a partition twice",
  })
  .meta({ description: "Of a partitioned stream: those that have moved since the last checkpoint." });

export function movesToWire(moves: readonly PartitionMove[]): z.infer<typeof movedPartitions> {
  return moves.map(({ partition, position: to }) => ({ partition, position: positionToWire(to) }));
}

/** Throws `STATE_UNREADABLE`, `STATE_TOO_NEW` as `positionFromWire` does. */
export function movesFromWire(key: StreamKey, moves: z.infer<typeof movedPartitions>): PartitionMove[] {
  return moves.map(({ partition, position: to }) => ({
    partition,
    position: positionFromWire(to, `partition ${partition} of ${formatStreamKey(key)}`),
  }));
}

export const partitionState = z
  .object({
    partition: partitionName,
    position,
    position_tag: positionTag,
    updated_at_utc: time,
    edited: edited.optional(),
  })
  .meta({ id: "Partition", description: "A partition of a stream and its position." });
export type WirePartition = z.infer<typeof partitionState>;

export function partitionToWire(state: PartitionState): WirePartition {
  return {
    partition: state.partition,
    position: positionToWire(state.position),
    position_tag: state.positionTag,
    updated_at_utc: state.updatedAtUtc,
    ...editedToWire(state),
  };
}

export function partitionFromWire(wire: WirePartition): PartitionState {
  return {
    partition: wire.partition,
    position: positionFromWire(wire.position, `partition ${wire.partition}`),
    positionTag: wire.position_tag,
    updatedAtUtc: wire.updated_at_utc,
    ...editedFromWire(wire),
  };
}

export const coverage = z.object({ intervals: z.array(interval) }).meta({
  id: "Coverage",
  description: "The ranges that have been delivered completely, merged and in order.",
});

const backfillShown = [
  "status",
  "cursorType",
  "epoch",
  "lastError",
  "recordsProcessed",
  "updatedAt",
] as const;

export const backfillState = z
  .object({
    backfill: backfillId,
    ...wireShape(streams, backfillShown),
    range: z
      .object({ lower: cursorOutput, upper: cursorOutput })
      .nullable()
      .meta({ description: "The range that it reads; null before its first checkpoint." }),
    coverage: z
      .array(interval)
      .meta({ description: "The ranges of it that have been delivered completely." }),
    run_id: runId.meta({ description: "Its last run." }),
    started_at_utc: time,
    lease: lease.nullable(),
  })
  .meta({
    id: "Backfill",
    description: "A backfill of a stream: running, unfinished (a further run can continue it), or completed.",
  });
export type WireBackfill = z.infer<typeof backfillState>;

export const backfillList = z.object({ items: z.array(backfillState) }).meta({ id: "Backfills" });

export function backfillToWire(state: BackfillState): WireBackfill {
  return {
    ...toWire(streams, backfillShown, state),
    backfill: state.backfill,
    range: state.range === null ? null : { ...state.range },
    coverage: intervalsToWire(state.coverage),
    run_id: state.runId,
    started_at_utc: state.startedAtUtc,
    lease: leaseToWire(state.lease),
  };
}

export function backfillFromWire(wire: WireBackfill): BackfillState {
  return {
    ...fromWire(streams, backfillShown, wire),
    backfill: wire.backfill,
    range: wire.range,
    coverage: wire.coverage,
    runId: wire.run_id,
    startedAtUtc: wire.started_at_utc,
    lease: leaseFromWire(wire.lease),
  };
}
