import type { OpenTransaction } from "../databases/port.ts";
import type { Cursor, CursorType } from "../model/cursor.ts";
import type { CursorRange, Position } from "../model/position.ts";
import type { StreamKey } from "../model/stream-key.ts";
import type { AuditArchiving } from "./archiving.ts";
import type { ExportedStream } from "./exported.ts";
import type { LeaseOwner } from "./owner.ts";
import type { Retention } from "./retention.ts";
import type { Heartbeat, RunStopping, StopRequest } from "./stop-requests.ts";
import type { ListOptions, WithUnreadable } from "./unreadable.ts";
import type { WriteProbing } from "./write-probing.ts";

export const streamStatuses = ["idle", "running", "completed", "failed"] as const;
export type StreamStatus = (typeof streamStatuses)[number];

export const runOutcomes = ["running", "completed", "failed", "superseded"] as const;
export type RunOutcome = (typeof runOutcomes)[number];

/** `live` moves the stream's watermark; a `backfill` has a position and a lease of its own. */
export const runKinds = ["live", "backfill"] as const;
export type RunKind = (typeof runKinds)[number];

/** A JSON object that the caller keeps with a run; numbers too long for a double come back as `ExactNumber`. */
export type Metadata = Readonly<Record<string, unknown>>;

/** Which write a position came from: the higher epoch, then the higher sequence, is the newer. */
export interface PositionTag {
  readonly epoch: number;
  readonly sequence: number;
}

export interface Lease {
  /** How long the run may be silent, in seconds. */
  readonly seconds: number;
  readonly expiresAtUtc: string;
  /** The process that holds it, if the caller named one. */
  readonly owner: LeaseOwner | null;
}

/** A stream as stored. Times are ISO 8601 in UTC with milliseconds, by the store's own clock. */
export interface StreamState {
  readonly key: StreamKey;
  readonly cursorType: CursorType | null;
  /** The watermark; null before the first. */
  readonly cursor: Cursor | null;
  /** The watermark as it was committed, which may be another spelling of the same value: `007`, `1.50`. */
  readonly cursorText: string | null;
  readonly position: Position;
  readonly positionTag: PositionTag;
  readonly status: StreamStatus;
  readonly epoch: number;
  /** The sequence of the running run's last checkpoint; 0 before the first. */
  readonly sequence: number;
  readonly runId: string | null;
  readonly startedAtUtc: string | null;
  /** The lease of the running run; null when none runs. */
  readonly lease: Lease | null;
  /** The request to stop the running run; null where there is none, or nothing runs. */
  readonly stopRequested: StopRequest | null;
  readonly lastError: string | null;
  readonly recordsProcessed: number;
  readonly metadata: Metadata | null;
  readonly updatedAtUtc: string;
}

export interface BeginOptions {
  /** What the stream's cursors are; null where the pipeline keeps none. A stream keeps its first type. */
  readonly cursorType: CursorType | null;
  /** `override` (default) takes the stream over; `refuse` throws `RUN_ACTIVE` while a lease is held. */
  readonly ifRunning?: "override" | "refuse";
  /** How long the run may be silent before another may take over: 60 unless given, 1 to 86,400. */
  readonly leaseSeconds?: number;
  /** The caller sets it so that begin can be repeated safely. The store makes one when it is absent. */
  readonly runId?: string;
  readonly kind?: RunKind;
  /** The backfill to continue, by its id from `backfills`. Default: the run's own id, which begins a new backfill. */
  readonly backfill?: string;
  /** The holder of the lease, so that a dead process's lease is free at once on its machine. */
  readonly owner?: LeaseOwner;
  /** Who acts, for the audit log: a user, a key's id. */
  readonly actor?: string;
  /** The epoch granted is above this one too; an output that remembers more than the state says so. */
  readonly epochFloor?: number;
}

/** Names a run in every later call; a plain value that can cross a process or a network. */
export interface RunRef {
  readonly key: StreamKey;
  readonly kind: RunKind;
  readonly runId: string;
  readonly epoch: number;
  /** The backfill that a run of that kind is of; its own id where this is absent. */
  readonly backfill?: string;
}

/** A granted run. */
export interface Run extends RunRef {
  readonly cursorType: CursorType | null;
  /** The watermark at begin, null on the first run: read from here, inclusively. */
  readonly lowerBound: Cursor | null;
  /** The same as it was committed, to be handed to a source that compares texts. */
  readonly lowerBoundText: string | null;
  readonly position: Position;
  readonly positionTag: PositionTag;
  readonly leaseSeconds: number;
  readonly startedAtUtc: string;
  /** The run that this one took over from, if one was running. */
  readonly supersededRunId: string | null;
  /** The change made by hand that this begin found and took, if it did: the watermark before and after it. */
  readonly edited?: { readonly oldCursor: string | null; readonly newCursor: string | null };
}

/** The new position of one partition of a stream. */
export interface PartitionMove {
  /** The partition's name: any text of 1 to 200 characters without control characters. */
  readonly partition: string;
  readonly position: Position;
}

/** One partition as stored. */
export interface PartitionState extends PartitionMove {
  /** Which write the position came from; after a reset of the whole stream, that reset. */
  readonly positionTag: PositionTag;
  readonly updatedAtUtc: string;
  /** With `compare`: the change made by hand that the next move of the partition takes. */
  readonly edited?: Run["edited"];
}

export interface PartitionOptions {
  /** In that backfill, and not in the live stream. */
  readonly backfill?: string;
  /** Compares the live partition with the log, as `begin` does the stream. Throws `STATE_EDITED`. */
  readonly compare?: boolean;
}

export interface Checkpoint {
  /** 1 for the run's first checkpoint, then one more each time. */
  readonly sequence: number;
  readonly position: Position;
  /**
   * Of a partitioned stream: the partitions that have moved since the last checkpoint, each named once.
   * They are stored in the same step as the position and under the same fence; the others stay as they
   * are, and cost nothing.
   */
  readonly partitions?: readonly PartitionMove[];
  /** Records delivered by this run so far. */
  readonly recordsProcessed: number;
  /**
   * Why the watermark goes back, where it does: the correction of promise P9. It may go back to the watermark that the
   * stream, or the partition, had when the run began, and no further. Without a correction a lower watermark is refused
   * with `CURSOR_REGRESSION`.
   */
  readonly correction?: string;
  /**
   * Whether an output keeps the position durably with its rows. The store then need not wait for the disk: the
   * checkpoint survives a crash of this process, and may be lost with a loss of power. The next run finds the position
   * in the output.
   */
  readonly keptByOutput?: boolean;
}

export interface Completion {
  /** The new watermark as text, for callers that keep only a cursor. The tie set stays if the watermark is the old one. */
  readonly newCursor?: string;
  /** The whole new position, for callers that keep one (the engine). Not together with `newCursor`. */
  readonly position?: Position;
  /** As in a checkpoint: the partitions that have moved since the last one. */
  readonly partitions?: readonly PartitionMove[];
  readonly recordsProcessed?: number;
  readonly metadata?: Metadata;
}

export interface Failure {
  /** One line without secrets; kept as the stream's last error. */
  readonly error: string;
  readonly recordsProcessed?: number;
  readonly metadata?: Metadata;
}

/** One row of the append-only history. */
export interface RunRecord {
  readonly key: StreamKey;
  readonly runId: string;
  readonly kind: RunKind;
  readonly epoch: number;
  readonly outcome: RunOutcome;
  readonly startedAtUtc: string;
  readonly endedAtUtc: string | null;
  readonly lowerBound: string | null;
  readonly newCursor: string | null;
  readonly recordsProcessed: number;
  /** How many checkpoints it made; its completion is none. */
  readonly checkpoints: number;
  readonly error: string | null;
  readonly metadata: Metadata | null;
  readonly actor: string | null;
}

/** A backfill's current state: running, unfinished (a further run can continue it), or completed. */
export interface BackfillState {
  /** Pass this as `BeginOptions.backfill` to continue it. */
  readonly backfill: string;
  readonly status: StreamStatus;
  readonly cursorType: CursorType | null;
  /** The range it reads, from the window of its position. Null before the first checkpoint. */
  readonly range: { readonly lower: string | null; readonly upper: string | null } | null;
  /** The ranges of it that are delivered completely. */
  readonly coverage: readonly CursorRange[];
  /** The epoch, id and start of its last run. */
  readonly epoch: number;
  readonly runId: string;
  readonly startedAtUtc: string;
  /** When the lease of its last run ends; null when none runs. */
  readonly lease: Lease | null;
  readonly lastError: string | null;
  /** Records delivered by its last run so far. */
  readonly recordsProcessed: number;
  readonly updatedAtUtc: string;
}

export const auditActions = ["advance", "correction", "reset", "rewind", "import", "edit", "stop"] as const;
export type AuditAction = (typeof auditActions)[number];

/**
 * One row of the append-only audit log; `hash` covers it and the row before. An `edit` was made outside Tidemark. A
 * `stop` asked the run `runId` to stop, and moved nothing.
 */
export interface AuditRecord {
  readonly key: StreamKey;
  /** Counts from 1 within the stream, without gaps. */
  readonly number: number;
  /** The partition that was moved; null where it was the stream as a whole. */
  readonly partition: string | null;
  readonly atUtc: string;
  readonly actor: string;
  readonly action: AuditAction;
  readonly oldCursor: string | null;
  readonly newCursor: string | null;
  readonly reason: string | null;
  readonly runId: string | null;
  readonly hash: string;
}

export interface OperatorAct {
  readonly reason: string;
  readonly actor: string;
}

export interface Reset extends OperatorAct {
  /** The new watermark as text; null starts the stream over. */
  readonly to: string | null;
  /** Changes the stream's cursor type on the way; without it a stream that is not stored is not made. */
  readonly cursorType?: CursorType;
  /** The one partition to reset; the others, and the stream's own position, stay where they are. */
  readonly partition?: string;
}

export interface Rewind extends OperatorAct {
  /** The run whose end position the stream goes back to. */
  readonly toRun: string;
}

export interface Listing<T> {
  readonly items: readonly T[];
  /** Pass this as `after` to get the next page; null at the end. */
  readonly next: string | null;
}

export interface WriteContext {
  /**
   * The caller's own open transaction on the same database, by a driver that docs/library.md lists or as a
   * `StatementRunner`; its commit makes the change durable. Throws `ARGUMENT_INVALID` where it cannot be used.
   */
  readonly transaction?: OpenTransaction;
}

/**
 * Keeps every stream's position, fenced (promises P3, P4, P8, P10, P12).
 *
 * The protocol: one `begin` grants a run, with epoch + 1. Then any number of `checkpoint` (numbered 1, 2, 3 …) and
 * `heartbeat`, each before the lease runs out. Then one `complete` or `fail`. Every one of these calls may be repeated
 * as it was, with no further effect. Once another `begin`, a `reset` or a `rewind` has been made, each of them throws
 * `RUN_SUPERSEDED` and changes nothing. A run whose lease ran out and that nobody took over goes on as if nothing had
 * happened.
 *
 * All methods may be called at once, from many processes. Every method may also throw `ARGUMENT_INVALID` for arguments
 * that no store accepts, `STATE_UNREADABLE`, `STATE_TOO_NEW` and `STATE_UNAVAILABLE`.
 */
export interface StateStore extends AuditArchiving, RunStopping, WriteProbing, AsyncDisposable {
  /** Names the database that holds the state, as `SqlConnection.identity` does; null where it is none. */
  readonly databaseIdentity: string | null;
  /** The store's state of a stream; null where it has never begun. */
  get(key: StreamKey): Promise<StreamState | null>;
  /**
   * All streams by connector and stream, `limit` (100) at a time. A stream that cannot be read fails the call, unless
   * the options ask to list it as `unreadable`.
   */
  list(options?: ListOptions): Promise<Listing<StreamState> & WithUnreadable>;
  /**
   * The position of one partition, in the live stream or in a backfill. Null where nothing is known of it. A reset of
   * the whole stream, or an import, makes all earlier partition positions invalid: every partition is then empty, with
   * the tag of that act.
   */
  partition(key: StreamKey, partition: string, options?: PartitionOptions): Promise<PartitionState | null>;
  /** The live stream's partitions by name, 100 at a time. Throws `STREAM_NOT_FOUND`. */
  partitions(key: StreamKey, options?: { after?: string; limit?: number }): Promise<Listing<PartitionState>>;
  /**
   * The ranges that are known to be delivered completely, of the stream or of one partition: by live runs (the coverage
   * of their position) and by finished backfills. Merged and sorted.
   */
  coverage(key: StreamKey, options?: { partition?: string }): Promise<readonly CursorRange[]>;
  /**
   * The stream's backfills: first those that are not completed, then the completed ones, each the newest first; at most
   * `limit` (100). One that neither runs nor is completed can be continued.
   */
  backfills(key: StreamKey, options?: { limit?: number }): Promise<readonly BackfillState[]>;
  /**
   * Grants a run. Throws `RUN_ACTIVE` (only with `ifRunning: "refuse"`; its `details` hold `run_id`,
   * `started_at_utc`, `lease_expires_at_utc` and `at_utc`, all times by the store's clock),
   * `CURSOR_TYPE_MISMATCH` where the stream has another type, `RUN_FINISHED` for a backfill that is completed,
   * `STATE_EDITED` where the row was changed outside Tidemark. Repeated with a `runId` that is the stream's running
   * run, it grants the same run again; with that of a run that is over: `RUN_FINISHED` or `RUN_SUPERSEDED`.
   */
  begin(key: StreamKey, options: BeginOptions): Promise<Run>;
  /**
   * Stores a position, and those of the partitions that moved, renews the lease, and returns whether somebody asked the
   * run to stop. Throws `RUN_SUPERSEDED`, `RUN_FINISHED`, `CURSOR_REGRESSION`, `CURSOR_TYPE_MISMATCH`,
   * `CHECKPOINT_OUT_OF_ORDER` (with the last sequence as `details.last_sequence`).
   */
  checkpoint(run: RunRef, checkpoint: Checkpoint, context?: WriteContext): Promise<Heartbeat>;
  /** Renews the lease, and returns whether somebody asked the run to stop. Throws `RUN_SUPERSEDED`, `RUN_FINISHED`. */
  heartbeat(run: RunRef): Promise<Heartbeat>;
  /**
   * Ends the run as completed. With neither `newCursor` nor `position` the watermark stays. What a backfill covered
   * becomes part of the stream's coverage; the live position stays as it is (P11). Throws `CURSOR_REGRESSION`
   * (timestamp, numeric, text, offset: the new value must not be lower; an opaque token may be any),
   * `CURSOR_TYPE_MISMATCH` (the value is not one of the stream's type), `RUN_SUPERSEDED`, `RUN_FINISHED` (also where
   * the run has completed with another cursor).
   */
  complete(run: RunRef, completion: Completion, context?: WriteContext): Promise<StreamState>;
  /** Ends the run as failed; the position stays at its last checkpoint. Throws `RUN_SUPERSEDED`, `RUN_FINISHED`. */
  fail(run: RunRef, failure: Failure): Promise<StreamState>;
  /**
   * Sets the watermark as an operator's act. A running run ends as superseded. Starting the whole stream over (`to:
   * null`, no `partition`) empties every partition and removes the coverage of backfills. Throws `STREAM_NOT_FOUND` for
   * a stream that is not stored, unless `cursorType` says how to make it; `CURSOR_INVALID` where `to` is not of that
   * type; `ARGUMENT_INVALID` for a value for a stream with partitions as a whole.
   */
  reset(key: StreamKey, reset: Reset): Promise<StreamState>;
  /**
   * Sets the stream back to the position at the end of an earlier live run. Throws `STREAM_NOT_FOUND`, `RUN_NOT_FOUND`
   * (also for a run that has not ended, and for a backfill), `CURSOR_TYPE_MISMATCH` where the stream's type was changed
   * since, and `ARGUMENT_INVALID` for a stream with partitions, since the history does not keep the positions of
   * partitions.
   */
  rewind(key: StreamKey, rewind: Rewind): Promise<StreamState>;
  /** The stream's history, newest first, 50 at a time. Throws `STREAM_NOT_FOUND`. */
  runs(key: StreamKey, options?: { after?: string; limit?: number }): Promise<Listing<RunRecord>>;
  /**
   * The audit log, 100 rows at a time: by stream and number (`oldest`, the default), or from the newest
   * row back by time, of one stream by number (`newest`). `after` is of a listing in the same order.
   */
  audit(options?: {
    key?: StreamKey;
    order?: "oldest" | "newest";
    after?: string;
    limit?: number;
  }): Promise<Listing<AuditRecord>>;
  /** Verifies the logs of one stream or all, and that what is stored agrees. Throws `AUDIT_BROKEN` naming the bad row. */
  verifyAudit(options?: { key?: StreamKey }): Promise<{ streams: number; rows: number }>;
  /** All of a stream's state in a form that `import` takes, here or in another store. */
  export(key: StreamKey): Promise<ExportedStream>;
  /**
   * Sets a stream to the state in an export, with a row in the audit log. A running run ends as superseded. Throws
   * `STATE_UNREADABLE`, `STATE_TOO_NEW`, `CURSOR_TYPE_MISMATCH` for an export that cannot be used.
   */
  import(exported: ExportedStream, act: OperatorAct): Promise<StreamState>;
  /**
   * Deletes ended runs from the history in short steps, and returns how many. Running runs and the audit
   * log stay. A stream cannot be rewound to a deleted run.
   */
  prune(retention: Retention): Promise<{ runs: number }>;
  close(): Promise<void>;
}
