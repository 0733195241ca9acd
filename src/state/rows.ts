import type { CursorRange, Position } from "../model/position.ts";
import { partitionScope } from "../model/scope.ts";
import type { StreamKey } from "../model/stream-key.ts";
import type { AuditRecord, PositionTag, RunRef } from "./contract.ts";
import type { PartitionFields, RunFields, StreamFields } from "./tables.ts";

/** A stream or a backfill as it is stored. Times are milliseconds since 1970 by the store's clock. */
export interface StreamRow
  extends Omit<StreamFields, keyof StreamKey | "cursorValue" | "position" | keyof TagFields> {
  readonly key: StreamKey;
  readonly position: Position;
  /** The watermark inside the stored position, where it is not the one in the column: one of them was edited. */
  readonly positionWatermark?: string | null;
  readonly positionTag: PositionTag;
}

/** One partition of a stream or of a backfill. The stream's row fences it (promise P4). */
export interface PartitionRow
  extends Omit<PartitionFields, keyof StreamKey | "cursorValue" | "position" | keyof TagFields> {
  readonly key: StreamKey;
  readonly position: Position;
  readonly positionTag: PositionTag;
  /** As of a stream. */
  readonly positionWatermark?: string | null;
  /** The watermark that the audit log ends with, where it was looked up and is known. */
  readonly logged?: string | null;
  /** Nothing is stored of a live partition that the audit log still has. */
  readonly removed?: true;
}

type TagFields = Pick<StreamFields, "positionEpoch" | "positionSequence">;

/** What a store does about a change made outside Tidemark. Files may be edited by hand; rows of a database may not. */
export type EditPolicy = "take" | "refuse";

/** What finished backfills cover: of the stream as a whole, or of one partition. */
export interface Backfilled {
  readonly partition: string | null;
  readonly coverage: readonly CursorRange[];
}

export interface RunRow extends Omit<RunFields, keyof StreamKey> {
  readonly key: StreamKey;
}

/** What one step of the lifecycle changes; a store makes all of it in one transaction. */
export interface Change {
  readonly row: StreamRow;
  /** Runs to insert or to replace, by run id. */
  readonly runs: readonly RunRow[];
  readonly audit: readonly AuditRecord[];
  readonly partitions?: readonly PartitionChange[];
  /**
   * Whether the coverage of backfills is removed, of the stream and of each partition, before `backfilled` is stored.
   */
  readonly startsOver?: boolean;
  readonly backfilled?: readonly Backfilled[];
}

export interface PartitionChange {
  readonly row: PartitionRow;
  /** As it is stored, whether that still counts or not. */
  readonly previous: PartitionRow | null;
}

/** The rows that belong to a stream's row, as far as a step needs to know them. */
export interface ChildRows {
  /** As it is stored, whether that still counts or not. */
  partition(partition: string): PartitionRow | null;
  backfilled(partition: string | null): readonly CursorRange[];
  /** The watermark that the log still has for a live partition of which nothing is stored. */
  removed(partition: string): string | null;
  /** How the step handles a partition that was changed outside Tidemark. */
  readonly edits: EditPolicy;
}

/** The scope in which a run keeps its row. */
export function scopeOf({ kind, runId, backfill }: Pick<RunRef, "kind" | "runId" | "backfill">): string {
  return kind === "live" ? "" : backfillScope(backfill ?? runId);
}

/** The run that a row has been given to. */
export function runRef(row: StreamRow, runId: string, options: Pick<RunRef, "backfill">): RunRef {
  const { key, scope, epoch } = row;
  if (scope === "") return { key, kind: "live", runId, epoch };
  return { key, kind: "backfill", runId, epoch, backfill: options.backfill ?? runId };
}

export function backfillScope(backfill: string): string {
  return `backfill/${backfill}`;
}

export function backfillOfScope(scope: string): string {
  return scope.slice("backfill/".length);
}

/** Where the coverage by finished backfills is kept. */
export function backfilledScope(partition: string | null): string {
  return partition === null ? "backfilled" : `backfilled/${partitionScope("", partition)}`;
}

/** The first of the scopes under one, and the end of them. */
export function scopesUnder(scope: string): { first: string; end: string } {
  return { first: `${scope}/`, end: `${scope}0` };
}
