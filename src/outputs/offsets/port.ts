import type { Commit } from "../../engine/ports.ts";

/** What is stored of a scope: a stream's live runs (`""`), a backfill, or one partition of either. */
export interface StoredOffsets {
  /** The newest epoch that fenced the scope; only this epoch may commit. */
  readonly fence: number;
  /** The last commit; null before the first. */
  readonly committed: StoredCommit | null;
}

export interface StoredCommit {
  readonly epoch: number;
  readonly sequence: number;
  /** The position as `encodePosition` writes it. */
  readonly position: string;
}

/** What a commit stores for a scope. */
export interface CommitRow extends StoredCommit {
  readonly cursorType: Commit["cursorType"];
}

/**
 * Where an output keeps its sink offsets: the same place as its rows, so that one transaction changes both.
 *
 * An output that delivers exactly once implements this, and `SinkOffsets` does the rest. Each instance belongs to one
 * stream and to one session. Calls come one after another; "in a transaction" means the one that the output has open.
 *
 * `Facts` is additional data that the output stores with each commit, in the same statement.
 */
export interface OffsetsStorage<Facts = undefined> {
  /** For messages: `_tidemark_positions`. */
  readonly name: string;
  /** Throws `STATE_UNREADABLE` for a row that cannot be read. */
  read(scope: string): Promise<StoredOffsets | null>;
  /**
   * In a transaction: makes `epoch` the fence and keeps the last commit. Returns false without a change where the same
   * epoch or a newer one is stored. Of two calls at the same time, one waits for the other.
   */
  raiseFence(scope: string, epoch: number): Promise<boolean>;
  /** In a transaction: stores a commit. Returns false without a change where `row.epoch` is not the fence. */
  commit(scope: string, row: CommitRow, facts: Facts): Promise<boolean>;
  /** In a transaction: stores a partition's part of a commit, with the commit's epoch as its fence. */
  commitPartition(scope: string, row: CommitRow): Promise<void>;
  readonly identities: IdentityStorage;
}

/** The stored identities that were delivered in an unfinished window. */
export interface IdentityStorage {
  /** Whether any is stored for the scope. */
  any(scope: string): Promise<boolean>;
  /** Those of the identities that are stored. */
  find(scope: string, identities: readonly string[]): Promise<readonly string[]>;
  /** In a transaction: stores identities, of which some may be stored already. */
  add(scope: string, identities: readonly string[]): Promise<void>;
  /** In a transaction: removes all except those in the range, compared by code point. */
  drop(scope: string, keep?: Commit["keepDelivered"]): Promise<void>;
  /** Creates a place, private to this session, where identities wait for their commit. */
  createWaiting(): Promise<void>;
  addWaiting(identities: readonly string[]): Promise<void>;
  findWaiting(identities: readonly string[]): Promise<readonly string[]>;
  /** In a transaction: moves the waiting ones to the stored ones, or drops them, and removes the place. */
  settleWaiting(scope: string, keep: boolean): Promise<void>;
}
