import type { Commit } from "../../engine/ports.ts";

/** What is stored of a scope: a stream's live runs (`""`), a backfill, or one partition of either. */
export interface StoredOffsets {
  /** The newest epoch that fenced the scope; only it may commit. */
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

/** What a commit stores of a scope. */
export interface CommitRow extends StoredCommit {
  readonly cursorType: Commit["cursorType"];
}

/**
 * Where an output keeps its sink offsets: the same place as its rows, so that one transaction changes both.
 *
 * An output that delivers exactly once implements this, and `SinkOffsets` does the rest. Each instance belongs to one
 * stream and to one session. Calls come one after another; "in a transaction" means the one that the output has open.
 *
 * `Facts` is what else the output stores with each commit, in the same statement.
 */
export interface OffsetsStorage<Facts = undefined> {
  /** For messages: `_tidemark_positions`. */
  readonly name: string;
  /** Throws `STATE_UNREADABLE` for a row that cannot be read. */
  read(scope: string): Promise<StoredOffsets | null>;
  /**
   * In a transaction: makes `epoch` the fence and keeps what is committed. False, and nothing changed, where the same
   * epoch or a newer one is there already. Of two calls at the same time, one waits for the other.
   */
  raiseFence(scope: string, epoch: number): Promise<boolean>;
  /** In a transaction: stores a commit. False, and nothing changed, where `row.epoch` is not the fence. */
  commit(scope: string, row: CommitRow, facts: Facts): Promise<boolean>;
  /** In a transaction: stores what a commit says of a partition, whose fence is the commit's epoch. */
  commitPartition(scope: string, row: CommitRow): Promise<void>;
  readonly identities: IdentityStorage;
}

/** Where the identities are kept that were delivered in a window which is not finished. */
export interface IdentityStorage {
  /** Whether any is kept for the scope. */
  any(scope: string): Promise<boolean>;
  /** Those of the identities that are kept. */
  find(scope: string, identities: readonly string[]): Promise<readonly string[]>;
  /** In a transaction: keeps identities, of which some may be kept already. */
  add(scope: string, identities: readonly string[]): Promise<void>;
  /** In a transaction: forgets all but those in the range, which compares by code point. */
  drop(scope: string, keep?: Commit["keepDelivered"]): Promise<void>;
  /** Makes a place of this session alone where identities wait for their commit. */
  createWaiting(): Promise<void>;
  addWaiting(identities: readonly string[]): Promise<void>;
  findWaiting(identities: readonly string[]): Promise<readonly string[]>;
  /** In a transaction: moves the waiting ones to the kept ones, or forgets them, and removes the place. */
  settleWaiting(scope: string, keep: boolean): Promise<void>;
}
