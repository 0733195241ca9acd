import { z } from "zod";
import { parseCursor } from "../../model/cursor.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import { storableError } from "../../state/arguments.ts";
import type { BeginOptions, Run, RunRef } from "../../state/contract.ts";
import type { Heartbeat } from "../../state/stop-requests.ts";
import { movedPartitions } from "./partition.ts";
import {
  actor,
  backfillId,
  connectorName,
  count,
  cursorInput,
  cursorInputOrNull,
  cursorOutput,
  cursorType,
  edited,
  editedFromWire,
  editedToWire,
  epoch,
  leaseOwner,
  metadata,
  ownerFromWire,
  ownerToWire,
  position,
  positionFromWire,
  positionTag,
  positionToWire,
  recordsProcessed,
  runId,
  runKind,
  stop,
  storableText,
  streamName,
  time,
} from "./values.ts";

/** Far below the last whole number, so that no caller can use up a stream's epochs. */
const highestFloor = 2 ** 52;

export const beginRequest = z
  .strictObject({
    cursor_type: cursorType.optional().meta({
      description:
        "What the stream's cursors are. Absent: what they were, or `timestamp_utc` for a new stream. A stream keeps its type.",
    }),
    if_running: z.enum(["override", "refuse"]).nullish().meta({
      description:
        "`override` (default) takes the stream over; `refuse` answers 409 `RUN_ACTIVE` while a run holds its lease.",
      example: "refuse",
    }),
    lease_seconds: z.int().min(1).max(86_400).nullish().meta({
      description: "How long the run may be silent before another may take over; 60 unless given.",
      example: 60,
    }),
    run_id: runId.nullish().meta({
      description: "Made by the client so that begin can be repeated; made by the service when absent.",
    }),
    kind: runKind.nullish(),
    backfill: backfillId.nullish().meta({
      description:
        "The backfill to continue, where an earlier run of it failed or was killed. Without it the run begins a new backfill.",
    }),
    owner: leaseOwner.nullish(),
    epoch_floor: count.max(highestFloor).nullish().meta({
      description: "The epoch granted is above this one; for outputs that remember more than the state.",
    }),
    actor: actor.nullish(),
  })
  .meta({
    id: "BeginRequest",
    description: "Grants a run and hands out the stream's lower bound.",
    example: { run_id: "nightly-2026-03-01", cursor_type: "timestamp_utc", lease_seconds: 60 },
  });
export type BeginRequest = z.infer<typeof beginRequest>;

export function beginToWire(options: BeginOptions): BeginRequest {
  const { ifRunning, leaseSeconds, runId: id, kind, backfill, owner, actor: by, epochFloor } = options;
  return {
    cursor_type: options.cursorType,
    ...(ifRunning === undefined ? {} : { if_running: ifRunning }),
    ...(leaseSeconds === undefined ? {} : { lease_seconds: leaseSeconds }),
    ...(id === undefined ? {} : { run_id: id }),
    ...(kind === undefined ? {} : { kind }),
    ...(backfill === undefined ? {} : { backfill }),
    ...(owner === undefined ? {} : { owner: ownerToWire(owner) }),
    ...(epochFloor === undefined ? {} : { epoch_floor: epochFloor }),
    ...(by === undefined ? {} : { actor: by }),
  };
}

/** The options of a begin. The server decides who acts and which type the stream has. */
export function beginFromWire(
  wire: BeginRequest,
  decided: Pick<BeginOptions, "cursorType" | "actor">,
): BeginOptions {
  const { if_running, lease_seconds, run_id, kind, backfill, owner, epoch_floor } = wire;
  return {
    ...decided,
    ...(if_running == null ? {} : { ifRunning: if_running }),
    ...(lease_seconds == null ? {} : { leaseSeconds: lease_seconds }),
    ...(run_id == null ? {} : { runId: run_id }),
    ...(kind == null ? {} : { kind }),
    ...(backfill == null ? {} : { backfill }),
    ...(owner == null ? {} : { owner: ownerFromWire(owner) }),
    ...(epoch_floor == null ? {} : { epochFloor: epoch_floor }),
  };
}

export const grantedRun = z
  .object({
    connector: connectorName,
    stream: streamName,
    run_id: runId,
    epoch,
    kind: runKind,
    backfill: backfillId.optional(),
    cursor_type: cursorType,
    lower_bound_cursor: cursorOutput.meta({
      description: "Read from here, inclusively; null on the stream's first run.",
      example: null,
    }),
    lease_seconds: count.meta({ example: 60 }),
    started_at_utc: time,
    superseded_run_id: runId
      .nullable()
      .meta({ description: "The run that this one took over from, if one was running.", example: null }),
    edited: edited.optional(),
    position: position.optional(),
    position_tag: positionTag.optional(),
  })
  .meta({ id: "Run", description: "A granted run. Every later call of it carries `run_id` and `epoch`." });
export type WireRun = z.infer<typeof grantedRun>;

export function runToWire(run: Run, full: boolean): WireRun {
  return {
    connector: run.key.connector,
    stream: run.key.stream,
    run_id: run.runId,
    epoch: run.epoch,
    kind: run.kind,
    ...(run.backfill === undefined ? {} : { backfill: run.backfill }),
    cursor_type: run.cursorType,
    lower_bound_cursor: run.lowerBoundText,
    lease_seconds: run.leaseSeconds,
    started_at_utc: run.startedAtUtc,
    superseded_run_id: run.supersededRunId,
    ...editedToWire(run),
    ...(full ? { position: positionToWire(run.position), position_tag: run.positionTag } : {}),
  };
}

/** A run that was asked for with its position. Throws `STATE_UNREADABLE` where there is none. */
export function runFromWire(wire: WireRun): Run {
  const { cursor_type: type, lower_bound_cursor: value } = wire;
  return {
    key: { connector: wire.connector, stream: wire.stream },
    runId: wire.run_id,
    epoch: wire.epoch,
    kind: wire.kind,
    ...(wire.backfill === undefined ? {} : { backfill: wire.backfill }),
    cursorType: type,
    lowerBound: value === null || type === null ? null : parseCursor(type, value),
    lowerBoundText: type === null ? null : value,
    position: positionFromWire(wire.position ?? { format: 0 }, `${wire.connector}/${wire.stream}`),
    positionTag: wire.position_tag ?? { epoch: 0, sequence: 0 },
    leaseSeconds: wire.lease_seconds,
    startedAtUtc: wire.started_at_utc,
    supersededRunId: wire.superseded_run_id,
    ...editedFromWire(wire),
  };
}

/** What every later call of a run carries. */
const runFields = {
  run_id: runId,
  epoch,
  kind: runKind.nullish().meta({ description: "As the run was begun; `live` unless given." }),
  backfill: backfillId.nullish().meta({ description: "As begin answered it." }),
};
export const runReference = z
  .strictObject(runFields)
  .meta({ id: "RunReference", example: { run_id: "nightly-2026-03-01", epoch: 7 } });
export type WireRunReference = z.infer<typeof runReference>;

export function referenceToWire(run: RunRef): WireRunReference {
  const { runId: run_id, backfill } = run;
  return { run_id, epoch: run.epoch, kind: run.kind, ...(backfill === undefined ? {} : { backfill }) };
}

export function referenceFromWire(key: StreamKey, wire: WireRunReference): RunRef {
  const { run_id, backfill } = wire;
  return {
    key,
    runId: run_id,
    epoch: wire.epoch,
    kind: wire.kind ?? "live",
    ...(backfill == null ? {} : { backfill }),
  };
}

export const checkpointRequest = z
  .strictObject({
    ...runFields,
    sequence: z.int().min(1).meta({
      description: "1 for the run's first checkpoint, then one more each time; repeating one is harmless.",
      example: 1,
    }),
    new_cursor_value: cursorInput.nullish().meta({ description: "The watermark so far." }),
    position: position.nullish().meta({ description: "The whole position, instead of `new_cursor_value`." }),
    records_processed: recordsProcessed
      .nullish()
      .meta({ description: "Records delivered by this run so far." }),
    partitions: movedPartitions.nullish(),
    correction: storableText.min(1).nullish().meta({
      description: "Why the watermark goes back, where the source was not in the order it was declared in.",
    }),
    kept_by_output: z.boolean().nullish().meta({
      description: "Whether an output has the position durably with its rows.",
    }),
  })
  .meta({
    id: "CheckpointRequest",
    description: "Stores how far the run has come, and renews its lease.",
    example: {
      run_id: "nightly-2026-03-01",
      epoch: 7,
      sequence: 1,
      new_cursor_value: "2026-03-01T07:30:00Z",
      records_processed: 500,
    },
  });
export type CheckpointRequest = z.infer<typeof checkpointRequest>;

export const completeRequest = z
  .strictObject({
    ...runFields,
    new_cursor_value: cursorInputOrNull.optional().meta({
      description:
        "The new watermark. Null leaves it where the last checkpoint put it; leaving the field out is refused, so that no run ends without saying how far it came.",
    }),
    position: position
      .nullish()
      .meta({ description: "The whole new position, instead of `new_cursor_value`." }),
    partitions: movedPartitions.nullish(),
    records_processed: recordsProcessed.nullish(),
    metadata: metadata.nullish(),
  })
  .meta({
    id: "CompleteRequest",
    description: "Ends the run as completed, and advances the watermark.",
    example: {
      run_id: "nightly-2026-03-01",
      epoch: 7,
      new_cursor_value: "2026-03-01T08:00:00Z",
      records_processed: 1250,
    },
  });
export type CompleteRequest = z.infer<typeof completeRequest>;

export const failRequest = z
  .strictObject({
    ...runFields,
    error_summary: z.string().transform(storableError).meta({
      type: "string",
      description:
        "What went wrong, in one line without secrets. Of a longer text the first 10,000 characters are kept; U+0000 and halves of surrogate pairs are replaced by U+FFFD.",
      example: "the source answered 502",
    }),
    records_processed: recordsProcessed.nullish(),
    metadata: metadata.nullish(),
  })
  .meta({
    id: "FailRequest",
    description: "Ends the run as failed; the watermark stays.",
    example: { run_id: "nightly-2026-03-01", epoch: 7, error_summary: "the source answered 502" },
  });
export type FailRequest = z.infer<typeof failRequest>;

export const checkpointAnswer = z
  .object({ run_id: runId, epoch, sequence: count.meta({ example: 1 }), stop })
  .meta({ id: "Checkpoint", description: "The checkpoint that is now stored." });

export const heartbeatAnswer = z
  .object({ run_id: runId, epoch, stop })
  .meta({ id: "Heartbeat", description: "The run whose lease was renewed." });

/** What a run learns from the answer to a heartbeat or a checkpoint. */
export function heartbeatFromWire(wire: Pick<z.infer<typeof heartbeatAnswer>, "stop">): Heartbeat {
  return { stop: wire.stop ?? null };
}
