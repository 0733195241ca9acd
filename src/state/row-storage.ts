import type { OpenTransaction } from "../databases/port.ts";
import type { CursorRange } from "../model/position.ts";
import type { StreamKey } from "../model/stream-key.ts";
import { compareTexts } from "../model/text-order.ts";
import type { AuditRecord } from "./contract.ts";
import type { ChainLink } from "./hash-chain.ts";
import type { Moment, Place } from "./listing.ts";
import type { Retention } from "./retention.ts";
import type { PartitionRow, RunRow, StreamRow } from "./rows.ts";

/** Which ended runs to delete: those beyond the newest `keep`, and those that ended before a time. */
export interface DueRuns {
  readonly keep: number | null;
  /** In milliseconds since 1970. */
  readonly endedBefore: number | null;
}

/** What a row store reads and writes inside one transaction. */
export interface RowTransaction {
  load(key: StreamKey, scope: string): StreamRow | null;
  /** Stores a changed row; `previous` is what `load` gave, so that only what differs need be written. */
  save(row: StreamRow, previous: StreamRow | null): void;
  saveRun(run: RunRow): void;
  loadRun(key: StreamKey, runId: string): RunRow | null;
  appendAudit(record: AuditRecord): void;
  loadPartition(key: StreamKey, scope: string, partition: string): PartitionRow | null;
  /** As `save`; the other partitions are not touched. */
  savePartition(row: PartitionRow, previous: PartitionRow | null): void;
  /** Whether the row of that scope has a partition of this epoch or a later one. */
  hasPartitions(key: StreamKey, scope: string, sinceEpoch: number): boolean;
  /** The live stream's partitions after a name, by name. */
  listPartitions(key: StreamKey, options: { after: string | null; limit: number }): PartitionRow[];
  loadBackfilled(key: StreamKey, partition: string | null): readonly CursorRange[];
  saveBackfilled(key: StreamKey, partition: string | null, coverage: readonly CursorRange[]): void;
  /** Removes the coverage of backfills, of the stream and its partitions. The row was saved before. */
  clearBackfilled(key: StreamKey): void;
  /** The partitions of which backfills have covered something. */
  backfilledPartitions(key: StreamKey): readonly string[];
  /** Those that are not completed first, then by their start, the newest first. */
  listBackfills(key: StreamKey, limit: number): StreamRow[];
  /** Every stream after a key that has a row of any kind. */
  listKeys(options: { after: StreamKey | null; limit: number }): StreamKey[];
  /** Deletes ended runs, the oldest first; returns how many. Where it is fewer than the limit, no more are due. */
  pruneRuns(key: StreamKey, due: DueRuns & { limit: number }): number;
  /** Live streams after a key, in the order of connector and stream. */
  listStreams(options: { after: StreamKey | null; limit: number; connector: string | null }): StreamRow[];
  /** Runs of a stream that began before the `before`-th, newest first, with their numbers. */
  listRuns(
    key: StreamKey,
    options: { before: number | null; limit: number },
  ): { number: number; run: RunRow }[];
  listAudit(options: { key: StreamKey | null; after: Place | null; limit: number }): AuditRecord[];
  /** The last row of a log about one partition, or about the stream as a whole; a `stop` is passed over. */
  lastAudit(key: StreamKey, partition: string | null): AuditRecord | null;
  /** Up to where a stream's log was moved into an archive. */
  archivedTo(key: StreamKey): ChainLink;
  /** Removes the rows of a log up to one, whose number and hash are kept in their place; returns how many. */
  archiveAudit(key: StreamKey, to: ChainLink): number;
  /** Whether the store's list of streams has the stream: whether it was ever stored. */
  isListed(key: StreamKey): boolean;
  /** Every stream that was ever stored, in the order of connector and stream. Throws `AUDIT_BROKEN` for a list that was cut. */
  listed(options: { after: StreamKey | null; limit: number }): StreamKey[];
  /** From the newest back: of one stream by number, of all by time, stream and number. */
  listNewestAudit(options: { key: StreamKey | null; before: Moment | null; limit: number }): AuditRecord[];
}

export interface Transacting {
  /** The caller's own open transaction, to make the change in. */
  readonly transaction?: OpenTransaction;
  /** The change must survive the process, but not a loss of power. */
  readonly relaxed?: boolean;
}

/**
 * Where a row store keeps its rows. `transact` runs the function in one transaction that excludes
 * every other writer of the stream, in the caller's transaction where one is given; it commits when the function
 * returns and leaves nothing behind when it throws. The function is synchronous and may be run twice.
 */
export interface RowStorage {
  readonly databaseIdentity: string | null;
  read<T>(work: (tx: RowTransaction) => T): Promise<T>;
  transact<T>(key: StreamKey, work: (tx: RowTransaction) => T, how?: Transacting): Promise<T>;
  /** As `StateStore.probe`. */
  probe(): Promise<void>;
  close(): Promise<void>;
}

/** What a retention asks to delete. */
export function dueRuns({ keepRuns, maxAgeDays }: Retention, now: number): DueRuns {
  return {
    keep: keepRuns ?? null,
    endedBefore: maxAgeDays === undefined ? null : now - maxAgeDays * 86_400_000,
  };
}

/** Whether an ended run is to go; `newer` ended runs of its stream began after it. */
export function isDue(run: RunRow, newer: number, { keep, endedBefore }: DueRuns): boolean {
  return (
    (keep !== null && newer >= keep) ||
    (endedBefore !== null && run.endedAt !== null && run.endedAt < endedBefore)
  );
}

/** The order in which `listBackfills` lists. */
export function compareBackfills(a: StreamRow, b: StreamRow): number {
  const completed = (row: StreamRow): number => (row.status === "completed" ? 1 : 0);
  return (
    completed(a) - completed(b) || (b.startedAt ?? 0) - (a.startedAt ?? 0) || compareTexts(a.scope, b.scope)
  );
}
