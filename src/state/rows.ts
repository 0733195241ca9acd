import type { CursorType } from "../model/cursor.ts";
import type { CursorRange, Position } from "../model/position.ts";
import { partitionScope } from "../model/scope.ts";
import type { StreamKey } from "../model/stream-key.ts";
import type {
  AuditRecord,
  Metadata,
  PositionTag,
  RunKind,
  RunOutcome,
  RunRef,
  StreamStatus,
} from "./contract.ts";
import type { LeaseOwner } from "./owner.ts";

/** A stream as the row stores keep it. Times are milliseconds since 1970 by the store's clock. */
export interface StreamRow {
  readonly key: StreamKey;
  /** `""` for the live stream, `backfill/<id>` for a backfill beside it. */
  readonly lane: string;
  readonly cursorType: CursorType | null;
  readonly position: Position;
  /** The watermark inside the stored position, where it is not the one in the column: one of them was edited. */
  readonly positionWatermark?: string | null;
  readonly positionTag: PositionTag;
  readonly status: StreamStatus;
  readonly epoch: number;
  readonly sequence: number;
  readonly runId: string | null;
  /** The watermark when the run began, and who began it; the run's row repeats them at its end. */
  readonly runLowerBound: string | null;
  readonly runActor: string | null;
  readonly startedAt: number | null;
  readonly leaseSeconds: number;
  readonly leaseExpiresAt: number | null;
  readonly leaseOwner: LeaseOwner | null;
  readonly lastError: string | null;
  readonly recordsProcessed: number;
  readonly metadata: Metadata | null;
  readonly updatedAt: number;
  /** The last audit row of the stream: its number and hash, so that cutting the log's end shows. */
  readonly auditNumber: number;
  readonly auditHead: string;
  /**
   * The epoch of the act that last started the whole stream over. What partitions were given under an
   * older one counts no more, so that starting over costs the same however many there are.
   */
  readonly resetEpoch: number;
}

/** One partition of a stream or of a backfill. The stream's row fences it (promise P4). */
export interface PartitionRow {
  readonly key: StreamKey;
  /** The lane of the row that it belongs to. */
  readonly lane: string;
  readonly partition: string;
  readonly position: Position;
  readonly positionTag: PositionTag;
  /** The run that last moved it, by its epoch, and the partition's watermark when that run began. */
  readonly runEpoch: number;
  readonly runLowerBound: string | null;
  readonly updatedAt: number;
  /** As of a stream. */
  readonly positionWatermark?: string | null;
  /** The watermark that the audit log ends with, where it was looked up and is known. */
  readonly logged?: string | null;
  /** Nothing is stored of a live partition that the audit log still has. */
  readonly removed?: true;
}

/** What a store does about a change made outside Tidemark: files may be edited by hand, rows of a database may not. */
export type EditPolicy = "take" | "refuse";

/** What finished backfills cover: of the stream as a whole, or of one partition. */
export interface Backfilled {
  readonly partition: string | null;
  readonly coverage: readonly CursorRange[];
}

export interface RunRow {
  readonly key: StreamKey;
  readonly runId: string;
  readonly kind: RunKind;
  readonly epoch: number;
  readonly outcome: RunOutcome;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly lowerBound: string | null;
  readonly newCursor: string | null;
  readonly recordsProcessed: number;
  readonly checkpoints: number;
  readonly error: string | null;
  readonly metadata: Metadata | null;
  readonly actor: string | null;
  /** Where the stream stood when the run ended, without the tie set: what a rewind goes back to. */
  readonly endPosition: string | null;
}

/** What one step of the lifecycle changes; a store makes all of it in one transaction. */
export interface Change {
  readonly row: StreamRow;
  /** Runs to insert or to replace, by run id. */
  readonly runs: readonly RunRow[];
  readonly audit: readonly AuditRecord[];
  readonly partitions?: readonly PartitionChange[];
  /** Whether what backfills covered is forgotten, of the stream and of each partition; before `backfilled`. */
  readonly startsOver?: boolean;
  readonly backfilled?: readonly Backfilled[];
}

export interface PartitionChange {
  readonly row: PartitionRow;
  /** As it is stored, whether that still counts or not. */
  readonly previous: PartitionRow | null;
}

/** What is stored beside a stream's row, as far as a step needs to know it. */
export interface Beside {
  /** As it is stored, whether that still counts or not. */
  partition(partition: string): PartitionRow | null;
  backfilled(partition: string | null): readonly CursorRange[];
  /** The watermark that the log still has for a live partition of which nothing is stored. */
  removed(partition: string): string | null;
  /** What the step does about a partition that was changed outside Tidemark. */
  readonly edits: EditPolicy;
}

/** The lane in which a run keeps its row. */
export function laneOf({ kind, runId, backfill }: Pick<RunRef, "kind" | "runId" | "backfill">): string {
  return kind === "live" ? "" : backfillLane(backfill ?? runId);
}

/** The run that a row has been given to. */
export function runRef(row: StreamRow, runId: string, options: Pick<RunRef, "backfill">): RunRef {
  const { key, lane, epoch } = row;
  if (lane === "") return { key, kind: "live", runId, epoch };
  return { key, kind: "backfill", runId, epoch, backfill: options.backfill ?? runId };
}

export function backfillLane(backfill: string): string {
  return `backfill/${backfill}`;
}

export function backfillOfLane(lane: string): string {
  return lane.slice("backfill/".length);
}

/** Where a partition's tie set and coverage are kept, beside those of its stream or backfill. */
export const partitionLane = partitionScope;

/** Where the coverage by finished backfills is kept. */
export function backfilledLane(partition: string | null): string {
  return partition === null ? "backfilled" : `backfilled/${partitionLane("", partition)}`;
}

/** The first of the lanes under one, and the end of them. */
export function lanesUnder(lane: string): { first: string; end: string } {
  return { first: `${lane}/`, end: `${lane}0` };
}

/** Milliseconds since 1970 as ISO 8601 in UTC with milliseconds. */
export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
