import type { CursorType } from "../model/cursor.ts";
import type { Position } from "../model/position.ts";
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
  /** Where the stream stood when the run ended, without boundary keys: what a rewind goes back to. */
  readonly endPosition: string | null;
}

/** What one step of the lifecycle changes; a store makes all of it in one transaction. */
export interface Change {
  readonly row: StreamRow;
  /** Runs to insert or to replace, by run id. */
  readonly runs: readonly RunRow[];
  readonly audit: readonly AuditRecord[];
}

/** The lane in which a run keeps its row. */
export function laneOf({ kind, runId, backfill }: Pick<RunRef, "kind" | "runId" | "backfill">): string {
  return kind === "live" ? "" : backfillLane(backfill ?? runId);
}

export function backfillLane(backfill: string): string {
  return `backfill/${backfill}`;
}

/** Milliseconds since 1970 as ISO 8601 in UTC with milliseconds. */
export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
