import type { OpenTransaction } from "../databases/port.ts";
import type { CursorRange } from "../model/position.ts";
import type { StreamKey } from "../model/stream-key.ts";
import type { AuditRecord } from "./contract.ts";
import type { ChainLink } from "./hash-chain.ts";
import type { Moment, Place } from "./listing.ts";
import type { DueRuns } from "./row-storage.ts";
import type { Change, PartitionRow, RunRow, StreamRow } from "./rows.ts";
import type { Maybe, Work } from "./work.ts";

/** What the state store reads from a storage and writes to it. */
export interface Rows {
  /**
   * A live row that `load` gives was found to agree with its audit log, and is stored only if it is still the same:
   * the log need not be read again.
   */
  readonly isCompared?: boolean;
  /** The storage's own time, in milliseconds since 1970. */
  now(): Maybe<number>;
  load(key: StreamKey, scope: string): Maybe<StreamRow | null>;
  loadRun(key: StreamKey, runId: string): Maybe<RunRow | null>;
  /** Those that are stored, by name. */
  loadPartitions(
    key: StreamKey,
    scope: string,
    partitions: readonly string[],
  ): Maybe<ReadonlyMap<string, PartitionRow>>;
  /** What finished backfills covered of partitions, and under null of the stream as a whole. */
  loadBackfilled(
    key: StreamKey,
    partitions: readonly (string | null)[],
  ): Maybe<ReadonlyMap<string | null, readonly CursorRange[]>>;
  /** Whether the row of that scope has a partition of this epoch or a later one. */
  hasPartitions(key: StreamKey, scope: string, sinceEpoch: number): Maybe<boolean>;
  /** The live stream's partitions after a name, by name. */
  listPartitions(key: StreamKey, options: { after: string | null; limit: number }): Maybe<PartitionRow[]>;
  /** The partitions of which backfills have covered something. */
  backfilledPartitions(key: StreamKey): Maybe<readonly string[]>;
  /** Those that are not completed first, then by their start, the newest first. */
  listBackfills(key: StreamKey, limit: number): Maybe<StreamRow[]>;
  /** Every stream after a key that has a row of any kind. */
  listKeys(options: { after: StreamKey | null; limit: number }): Maybe<StreamKey[]>;
  /** Live streams after a key, in the order of connector and stream. */
  listStreams(options: {
    after: StreamKey | null;
    limit: number;
    connector: string | null;
  }): Maybe<StreamRow[]>;
  /** Runs of a stream that began before the `before`-th, newest first, with their numbers. */
  listRuns(
    key: StreamKey,
    options: { before: number | null; limit: number },
  ): Maybe<{ number: number; run: RunRow }[]>;
  listAudit(options: { key: StreamKey | null; after: Place | null; limit: number }): Maybe<AuditRecord[]>;
  /** From the newest back: of one stream by number, of all by time, stream and number. */
  listNewestAudit(options: {
    key: StreamKey | null;
    before: Moment | null;
    limit: number;
  }): Maybe<AuditRecord[]>;
  /** The last row of a stream's log about the stream as a whole; a `stop` moved nothing and is passed over. */
  lastAudit(key: StreamKey): Maybe<AuditRecord | null>;
  /** The last row about each of some partitions, by name. */
  lastAuditOfEach(key: StreamKey, partitions: readonly string[]): Maybe<ReadonlyMap<string, AuditRecord>>;
  /** Up to where a stream's log was moved into an archive. */
  archivedTo(key: StreamKey): Maybe<ChainLink>;
  /** Whether the list of streams has the stream: whether it was ever stored. */
  isListed(key: StreamKey): Maybe<boolean>;
  /** Every stream that was ever stored, and whether it still is. Throws `AUDIT_BROKEN` for a list that was cut. */
  listed(options: { after: StreamKey | null; limit: number }): Maybe<{ key: StreamKey; isStored: boolean }[]>;
  /** The end of each live stream's log as its row remembers it. */
  listLogEnds(options: { after: StreamKey | null; limit: number }): Maybe<RememberedEnd[]>;
  /**
   * Stores a change to a row that `load` gave as `previous`; returns the row as it is stored. Only what differs is
   * written.
   */
  store(change: Change, previous: StreamRow | null): Maybe<StreamRow>;
  /** Deletes ended runs, the oldest first; returns how many. Where it is fewer than the limit, no more are due. */
  pruneRuns(key: StreamKey, due: DueRuns & { limit: number }): Maybe<number>;
  /** Removes the rows of a log up to one, whose number and hash are kept in their place; returns how many. */
  archiveAudit(key: StreamKey, to: ChainLink): Maybe<number>;
}

/** The end of a live stream's log as the stream's row remembers it. */
export interface RememberedEnd {
  readonly key: StreamKey;
  readonly number: number;
  readonly hash: string;
  readonly watermark: string | null;
  readonly positionWatermark: string | null;
  readonly resetEpoch: number;
  /** Up to where the log was moved into an archive. */
  readonly archived: ChainLink;
}

/** The row that a step is about. */
export interface Subject {
  readonly key: StreamKey;
  /** Null where the step is about no row, and needs no more than one statement. */
  readonly scope: string | null;
}

export interface Stepping {
  /** The caller's own open transaction, to make the change in. */
  readonly transaction?: OpenTransaction;
  /** The change must survive the process, but not a loss of power. */
  readonly relaxed?: boolean;
  /** Not repeated where the outcome is unknown, since it would then run twice. */
  readonly once?: boolean;
}

/** Where state is kept. Everything else is done by the one `store.ts`, in the same way for each. */
export interface StateStorage {
  readonly databaseIdentity: string | null;
  /** Reads by one query, or by several that need not see the same moment. */
  read<T>(work: (rows: Rows) => Work<T>): Promise<T>;
  /** Reads everything as of one moment. */
  snapshot<T>(work: (rows: Rows) => Work<T>): Promise<T>;
  /**
   * Takes a step: work that reads the subject's row and stores at most one change, with no other write of the row
   * between. It may be done several times until its change is stored, and leaves nothing behind when it throws.
   */
  step<T>(subject: Subject, work: (rows: Rows) => Work<T>, how?: Stepping): Promise<T>;
  /** As `StateStore.probe`. */
  probe(): Promise<void>;
  close(): Promise<void>;
}
