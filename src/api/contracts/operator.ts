import { z } from "zod";
import { cursorTypes } from "../../model/cursor.ts";
import { mostRetentionDays } from "../../state/arguments.ts";
import type { Reset, Rewind } from "../../state/contract.ts";
import type { Retention } from "../../state/retention.ts";
import type { Stop, StoppingRun } from "../../state/stop-requests.ts";
import { exportedStream } from "./stream.ts";
import {
  actor,
  backfillId,
  count,
  cursorInputOrNull,
  leaseOwner,
  ownerFromWire,
  ownerToWire,
  partitionName,
  reason,
  runId,
} from "./values.ts";

export const resetRequest = z
  .strictObject({
    new_cursor_value: cursorInputOrNull
      .optional()
      .meta({ description: "The new watermark; null or absent starts the stream over.", example: null }),
    cursor_type: z.enum(cursorTypes).nullish().meta({
      description:
        "Changes the stream's cursor type. Without it a stream that is not stored is not made, and the answer is 404.",
    }),
    partition: partitionName.nullish().meta({
      description: "The one partition to reset; absent resets the whole stream.",
    }),
    reason,
    actor: actor.nullish(),
  })
  .meta({
    id: "ResetRequest",
    description: "Sets the watermark as an operator's act.",
    example: { new_cursor_value: "2026-02-01T00:00:00Z", reason: "the source was restored from a backup" },
  });
export type ResetRequest = z.infer<typeof resetRequest>;

export function resetToWire({
  to,
  cursorType: type,
  partition,
  reason: why,
  actor: by,
}: Reset): ResetRequest {
  return {
    new_cursor_value: to,
    reason: why,
    actor: by,
    ...(type === undefined ? {} : { cursor_type: type }),
    ...(partition === undefined ? {} : { partition }),
  };
}

export function resetFromWire(wire: ResetRequest, by: string): Reset {
  const { new_cursor_value, cursor_type, partition, reason: why } = wire;
  return {
    to: new_cursor_value ?? null,
    reason: why,
    actor: by,
    ...(cursor_type == null ? {} : { cursorType: cursor_type }),
    ...(partition == null ? {} : { partition }),
  };
}

export const rewindRequest = z
  .strictObject({
    to_run_id: runId.meta({ description: "The run whose end position the stream goes back to." }),
    reason,
    actor: actor.nullish(),
  })
  .meta({
    id: "RewindRequest",
    description: "Sets the stream back to its position at the end of an earlier run.",
    example: { to_run_id: "nightly-2026-02-28", reason: "its successor wrote wrong rows" },
  });
export type RewindRequest = z.infer<typeof rewindRequest>;

export function rewindToWire({ toRun, reason: why, actor: by }: Rewind): RewindRequest {
  return { to_run_id: toRun, reason: why, actor: by };
}

export function rewindFromWire(wire: RewindRequest, by: string): Rewind {
  return { toRun: wire.to_run_id, reason: wire.reason, actor: by };
}

export const stopRequest = z
  .strictObject({
    backfill: backfillId
      .nullish()
      .meta({ description: "The backfill whose run is to stop; the live run unless given." }),
    reason: reason.nullish(),
    actor: actor.nullish(),
  })
  .meta({
    id: "StopRequest",
    description: "Asks the run that is at work to stop.",
    example: { reason: "the source is down for maintenance" },
  });
export type StopRequest = z.infer<typeof stopRequest>;

export const stoppingRun = z
  .object({
    run_id: runId,
    owner: leaseOwner.nullable().meta({ description: "The process that does it, where the caller said." }),
  })
  .meta({ id: "StoppingRun", description: "The run that was asked to stop. It is still at work." });

export function stopToWire({ backfill, reason: why, actor: by }: Stop): StopRequest {
  return {
    actor: by,
    ...(backfill === undefined ? {} : { backfill }),
    ...(why === undefined ? {} : { reason: why }),
  };
}

export function stopFromWire({ backfill, reason: why }: StopRequest, by: string): Stop {
  return {
    actor: by,
    ...(backfill == null ? {} : { backfill }),
    ...(why == null ? {} : { reason: why }),
  };
}

export function stoppingToWire({ runId: run_id, owner }: StoppingRun): z.infer<typeof stoppingRun> {
  return { run_id, owner: owner === null ? null : ownerToWire(owner) };
}

export function stoppingFromWire({ run_id, owner }: z.infer<typeof stoppingRun>): StoppingRun {
  return { runId: run_id, owner: owner === null ? null : ownerFromWire(owner) };
}

export const importRequest = z
  .strictObject({
    state: exportedStream
      .omit({ connector: true, stream: true })
      .strip()
      .meta({ description: "What `export` answered; the stream is the one in the path." }),
    reason,
    actor: actor.nullish(),
  })
  .meta({
    id: "ImportRequest",
    description: "Sets the stream to the state in an export.",
    example: {
      state: {
        cursor_type: "numeric_id",
        position: {
          format: 1,
          watermark: "41",
          secondaryCursors: {},
          window: null,
          tieSet: [],
          coverage: [],
        },
        metadata: null,
      },
      reason: "moved from the old server",
    },
  });

/** Which runs to delete from the history; for a single stream, the stream is in the path. */
export const pruneRequest = z
  .strictObject({
    keep_runs: count
      .nullish()
      .meta({ description: "How many ended runs of a stream to keep.", example: 1000 }),
    max_age_days: z
      .number()
      .min(0)
      .max(mostRetentionDays)
      .nullish()
      .meta({ description: "For how many days to keep a run after its end.", example: 90 }),
  })
  .refine((limits) => limits.keep_runs != null || limits.max_age_days != null, {
    message: "needs keep_runs or max_age_days",
  })
  .meta({
    id: "PruneRequest",
    description: "A run is deleted where any of the limits says so.",
    example: { keep_runs: 1000, max_age_days: 90 },
  });
export type PruneRequest = z.infer<typeof pruneRequest>;

export function pruneToWire({ keepRuns, maxAgeDays }: Retention): PruneRequest {
  return {
    ...(keepRuns === undefined ? {} : { keep_runs: keepRuns }),
    ...(maxAgeDays === undefined ? {} : { max_age_days: maxAgeDays }),
  };
}

export function pruneFromWire(wire: PruneRequest): Retention {
  const { keep_runs, max_age_days } = wire;
  return {
    ...(keep_runs == null ? {} : { keepRuns: keep_runs }),
    ...(max_age_days == null ? {} : { maxAgeDays: max_age_days }),
  };
}

export const pruned = z
  .object({ runs: count.meta({ description: "How many runs were deleted.", example: 311 }) })
  .meta({ id: "Pruned" });
