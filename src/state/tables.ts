import { z } from "zod";
import { cursorTypes } from "../model/cursor.ts";
import { isPlainObject } from "../model/plain-object.ts";
import { auditActions, type Metadata, runKinds, runOutcomes, streamStatuses } from "./contract.ts";
import {
  choice,
  json,
  positionJson,
  runIdText,
  smallNumber,
  sortedText,
  streamName,
  text,
  time,
  timeText,
  wholeNumber,
} from "./derive/kinds.ts";
import { type Fields, initialFields, optional, required, table } from "./derive/table.ts";
import { leaseOwnerSchema } from "./owner.ts";
import type { StoredStop } from "./stop-requests.ts";

/**
 * The stored tables, each described once. From a description, `derive/` makes the tables of SQLite and PostgreSQL, the
 * SQL that writes and reads them, the JSON of state files, and the messages of the service with their reference.
 *
 * To add a column: add it here, with `missing` where older files have none, and a step to `migrations.ts` that adds it
 * to databases made before.
 */

/** The default lease: how long a run may be silent, in seconds. */
export const defaultLeaseSeconds = 60;

/** Not a `z.record`, which leaves out a field named `__proto__`. */
export const metadataKind = json(
  z.custom<Metadata>(isPlainObject, "it is no JSON object"),
  z
    .custom<Record<string, unknown>>(isPlainObject, "has to be an object")
    .meta({ type: "object", additionalProperties: {} }),
);

const name = {
  connector: required("connector", streamName, {
    description: "The integration instance. Any text; percent-encoded in paths.",
    example: "sap_eu",
  }),
  stream: required("stream", streamName, {
    description: "The kind of data. Any text; percent-encoded in paths.",
    example: "suppliers",
  }),
};

/** Whose position it is: empty for the live stream, `backfill/<id>` for a backfill. */
const scope = { scope: required("scope", sortedText) };

const cursor = {
  description: "A cursor value as canonical text, with all its digits; null before the first.",
  example: "2026-03-01T08:00:00Z",
};
const runId = { description: "Names the run in every later call.", example: "nightly-2026-03-01" };
const epoch = required("epoch", wholeNumber, {
  description: "The stream's fencing number; a write under an older one is refused.",
  example: 7,
  initial: 0,
});
const recordsProcessed = required("records_processed", wholeNumber, {
  description: "Records the run has delivered.",
  example: 1250,
  initial: 0,
});
export const aboutMetadata = {
  description: "A JSON object kept with the run. Its names and values may be any that JSON has.",
  example: { lower_used: null },
};
const metadata = optional("metadata", metadataKind, aboutMetadata);
const timeOf = {
  description: "ISO 8601 in UTC, by the store's clock.",
  example: "2026-03-01T08:00:04.120Z",
};

const stopsSchema: z.ZodType<StoredStop[]> = z.array(
  z.strictObject({ run_id: z.string(), actor: z.string(), reason: z.string().nullable() }),
);

/** One row a stream, and one a backfill. */
export const streams = table("tidemark_streams", ["connector", "stream", "scope"], {
  ...name,
  ...scope,
  cursorType: optional("cursor_type", choice(cursorTypes), {
    description: "What the stream's cursors are; null where it keeps none.",
    example: "timestamp_utc",
  }),
  cursorValue: optional("cursor_value", text, {
    description: "The watermark; null before the first.",
    example: cursor.example,
  }),
  position: required("position", positionJson),
  positionEpoch: required("position_epoch", wholeNumber, { initial: 0 }),
  positionSequence: required("position_sequence", wholeNumber, { initial: 0 }),
  status: required("status", choice(streamStatuses), {
    description: "What its last run came to.",
    example: "completed",
    initial: "idle",
  }),
  epoch,
  sequence: required("sequence", wholeNumber, {
    description: "The number of the run's last checkpoint.",
    example: 3,
    initial: 0,
  }),
  runId: optional("run_id", runIdText, runId),
  /** The watermark when the run began, and who began it; the run's row repeats them at its end. */
  runLowerBound: optional("run_lower_bound", text),
  runActor: optional("run_actor", text),
  startedAt: optional("started_at_utc", time, {
    description: "When the last run began.",
    example: timeOf.example,
  }),
  leaseSeconds: required("lease_seconds", smallNumber, { initial: defaultLeaseSeconds }),
  leaseExpiresAt: optional("lease_expires_at_utc", time),
  leaseOwner: optional("lease_owner", json(leaseOwnerSchema, leaseOwnerSchema)),
  lastError: optional("last_error", text, { description: "What the last run failed of.", example: null }),
  recordsProcessed,
  metadata,
  updatedAt: required("updated_at_utc", time, timeOf),
  /** The last audit row of the stream: its number and hash, so that cutting the log's end shows. */
  auditNumber: required("audit_number", wholeNumber, { initial: 0 }),
  auditHead: required("audit_head", text, { initial: "" }),
  /**
   * The epoch of the act that last started the whole stream over. Partition rows of an older epoch are invalid, so that
   * starting over costs the same however many partitions there are.
   */
  resetEpoch: required("reset_epoch", wholeNumber, { initial: 0, missing: 0 }),
  /** The runs of the stream and of its backfills that were asked to stop, in the live stream's row. */
  stops: optional("stops", json(stopsSchema, stopsSchema), { missing: null }),
});

/** The fields of a stream that callers see. Its lease and position have a form of their own. */
export const shownOfStream = [
  "cursorType",
  "status",
  "epoch",
  "sequence",
  "runId",
  "startedAt",
  "lastError",
  "recordsProcessed",
  "metadata",
  "updatedAt",
] as const;

/** One row a partition of a stream or of a backfill. */
export const partitions = table("tidemark_partitions", ["connector", "stream", "scope", "partition"], {
  ...name,
  ...scope,
  partition: required("partition", streamName, {
    description: "A partition of a stream. Any text; percent-encoded in paths.",
    example: "account-17",
  }),
  cursorValue: optional("cursor_value", text),
  position: required("position", positionJson),
  positionEpoch: required("position_epoch", wholeNumber, { initial: 0 }),
  positionSequence: required("position_sequence", wholeNumber, { initial: 0 }),
  /** The run that last moved it, by its epoch, and the partition's watermark when that run began. */
  runEpoch: required("run_epoch", wholeNumber),
  runLowerBound: optional("run_lower_bound", text),
  updatedAt: required("updated_at_utc", time, timeOf),
});

/** One row a run; rows are numbered in the order in which the runs began. */
export const runs = table("tidemark_runs", ["connector", "stream", "runId"], {
  ...name,
  runId: required("run_id", runIdText, runId),
  kind: required("kind", choice(runKinds), {
    description: "A `backfill` leaves the stream's watermark alone.",
    example: "live",
  }),
  epoch,
  outcome: required("outcome", choice(runOutcomes), { example: "completed" }),
  startedAt: required("started_at_utc", time, timeOf),
  endedAt: optional("ended_at_utc", time, timeOf),
  lowerBound: optional("lower_bound", text, {
    description: "The watermark when it began.",
    example: cursor.example,
  }),
  newCursor: optional("new_cursor", text, {
    description: "The watermark when it ended.",
    example: cursor.example,
  }),
  recordsProcessed,
  checkpoints: required("checkpoints", wholeNumber, { example: 3 }),
  error: optional("error", text, { example: null }),
  metadata,
  actor: optional("actor", text, { description: "Who began it.", example: "key_3f9c2a7d51e04b86" }),
  /** The position when the run ended, without its tie set: what a rewind goes back to. */
  endPosition: optional("end_position", text),
});

/** The columns of a run that its end changes; it keeps what it began with. */
export const runEndColumns = [
  "epoch",
  "outcome",
  "ended_at_utc",
  "new_cursor",
  "records_processed",
  "checkpoints",
  "error",
  "metadata",
  "end_position",
] as const;

/** The fields of a run that callers see: all but its end position. */
export const shownOfRun = [
  "runId",
  "kind",
  "epoch",
  "outcome",
  "startedAt",
  "endedAt",
  "lowerBound",
  "newCursor",
  "recordsProcessed",
  "checkpoints",
  "error",
  "metadata",
  "actor",
] as const;

/** The append-only log: one row an act on a stream. */
export const audit = table("tidemark_audit", ["connector", "stream", "number"], {
  ...name,
  number: required("number", wholeNumber, {
    description: "Counts from 1 within the stream, without gaps.",
    example: 12,
  }),
  partition: optional("partition", sortedText, {
    description: "The partition that was moved; null where it was the stream.",
    example: null,
    missing: null,
  }),
  atUtc: required("at_utc", timeText, timeOf),
  actor: required("actor", text, { description: "Who acted: a key's id.", example: "key_3f9c2a7d51e04b86" }),
  action: required("action", choice(auditActions), { example: "advance" }),
  oldCursor: optional("old_cursor", text, cursor),
  newCursor: optional("new_cursor", text, cursor),
  reason: optional("reason", text, { example: null }),
  runId: optional("run_id", runIdText, runId),
  hash: required("hash", text, { description: "Covers every other field and the row before it." }),
});

/** The fields of a log row that callers see: all of them. */
export const shownOfAudit = [
  "number",
  "partition",
  "atUtc",
  "actor",
  "action",
  "oldCursor",
  "newCursor",
  "reason",
  "runId",
  "hash",
] as const;

/** The identities of records already delivered at a watermark, a row each. */
export const tieSet = table("tidemark_tie_set", [], {
  ...name,
  ...scope,
  identity: required("identity", sortedText),
  cursor: required("cursor_value", sortedText),
  count: required("count", wholeNumber),
});

/** The merged ranges that are known to be delivered whole, in their order. */
export const coverage = table("tidemark_coverage", [], {
  ...name,
  ...scope,
  number: required("number", wholeNumber),
  lower: optional("lower_value", sortedText),
  upper: required("upper_value", sortedText),
});

/** Every stream that was ever stored, and up to where its audit log was moved into an archive. */
export const logs = table("tidemark_logs", ["connector", "stream"], {
  ...name,
  archivedNumber: required("archived_number", wholeNumber, { initial: 0 }),
  archivedHash: required("archived_hash", text, { initial: "" }),
});

export type StreamFields = Fields<typeof streams.columns>;
export type PartitionFields = Fields<typeof partitions.columns>;
export type RunFields = Fields<typeof runs.columns>;
export type AuditFields = Fields<typeof audit.columns>;

/** The initial values of a stream's row that are always the same. */
export const initialStream = initialFields(streams);
