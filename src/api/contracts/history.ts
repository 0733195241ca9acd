import { z } from "zod";
import { type AuditRecord, auditActions, type RunRecord, runOutcomes } from "../../state/contract.ts";
import {
  connectorName,
  count,
  cursorOutput,
  epoch,
  metadata,
  recordsProcessed,
  runId,
  runKind,
  streamName,
  time,
} from "./values.ts";

export const runRecord = z
  .object({
    connector: connectorName,
    stream: streamName,
    run_id: runId,
    kind: runKind,
    epoch,
    outcome: z.enum(runOutcomes).meta({ example: "completed" }),
    started_at_utc: time,
    ended_at_utc: time.nullable(),
    lower_bound: cursorOutput.meta({ description: "The watermark when it began." }),
    new_cursor: cursorOutput.meta({ description: "The watermark when it ended." }),
    records_processed: recordsProcessed,
    checkpoints: count.meta({ example: 3 }),
    error: z.string().nullable().meta({ example: null }),
    metadata: metadata.nullable(),
    actor: z.string().nullable().meta({ description: "Who began it.", example: "key_3f9c2a7d51e04b86" }),
  })
  .meta({ id: "RunRecord", description: "One run in a stream's history." });
export type WireRunRecord = z.infer<typeof runRecord>;

export function runRecordToWire(run: RunRecord): WireRunRecord {
  return {
    connector: run.key.connector,
    stream: run.key.stream,
    run_id: run.runId,
    kind: run.kind,
    epoch: run.epoch,
    outcome: run.outcome,
    started_at_utc: run.startedAtUtc,
    ended_at_utc: run.endedAtUtc,
    lower_bound: run.lowerBound,
    new_cursor: run.newCursor,
    records_processed: run.recordsProcessed,
    checkpoints: run.checkpoints,
    error: run.error,
    metadata: run.metadata === null ? null : { ...run.metadata },
    actor: run.actor,
  };
}

export function runRecordFromWire(wire: WireRunRecord): RunRecord {
  return {
    key: { connector: wire.connector, stream: wire.stream },
    runId: wire.run_id,
    kind: wire.kind,
    epoch: wire.epoch,
    outcome: wire.outcome,
    startedAtUtc: wire.started_at_utc,
    endedAtUtc: wire.ended_at_utc,
    lowerBound: wire.lower_bound,
    newCursor: wire.new_cursor,
    recordsProcessed: wire.records_processed,
    checkpoints: wire.checkpoints,
    error: wire.error,
    metadata: wire.metadata,
    actor: wire.actor,
  };
}

export const auditRecord = z
  .object({
    connector: connectorName,
    stream: streamName,
    number: count.meta({ description: "Counts from 1 within the stream, without gaps.", example: 12 }),
    partition: z
      .string()
      .nullable()
      .meta({ description: "The partition that was moved; null where it was the stream.", example: null }),
    at_utc: time,
    actor: z.string().meta({ description: "Who acted: a key's id.", example: "key_3f9c2a7d51e04b86" }),
    action: z.enum(auditActions).meta({ example: "advance" }),
    old_cursor: cursorOutput,
    new_cursor: cursorOutput,
    reason: z.string().nullable().meta({ example: null }),
    run_id: runId.nullable(),
    hash: z.string().meta({ description: "Covers every other field and the row before it." }),
  })
  .meta({ id: "AuditRecord", description: "One row of the append-only audit log." });
export type WireAuditRecord = z.infer<typeof auditRecord>;

export function auditRecordToWire(row: AuditRecord): WireAuditRecord {
  return {
    connector: row.key.connector,
    stream: row.key.stream,
    number: row.number,
    partition: row.partition,
    at_utc: row.atUtc,
    actor: row.actor,
    action: row.action,
    old_cursor: row.oldCursor,
    new_cursor: row.newCursor,
    reason: row.reason,
    run_id: row.runId,
    hash: row.hash,
  };
}

export function auditRecordFromWire(wire: WireAuditRecord): AuditRecord {
  return {
    key: { connector: wire.connector, stream: wire.stream },
    number: wire.number,
    partition: wire.partition,
    atUtc: wire.at_utc,
    actor: wire.actor,
    action: wire.action,
    oldCursor: wire.old_cursor,
    newCursor: wire.new_cursor,
    reason: wire.reason,
    runId: wire.run_id,
    hash: wire.hash,
  };
}

export const verifiedAudit = z
  .object({
    verified: z.literal(true),
    streams: count.meta({ description: "How many streams' logs were read.", example: 14 }),
    rows: count.meta({ example: 20_311 }),
    key_rows: count
      .optional()
      .meta({ description: "Rows of the API keys' own log, where all was verified." }),
  })
  .meta({ id: "VerifiedAudit", description: "The hash chain holds: no row was altered, removed or moved." });
