import type { Committed, PartitionMove } from "../ports.ts";
import type { RunRefusals } from "../refusals/refusals.ts";
import type { StoredRange } from "../tracking/range.ts";

/** How many records of a page the output has taken, while it is being written. */
export interface PageAtHand {
  readonly taken: number;
}

/**
 * What a run has read and written since its last commit, with the totals of the whole run. Reading adds to it, and a
 * commit removes what it stores; the two do not depend on each other.
 */
export class Uncommitted {
  readonly #refusals: Pick<RunRefusals, "pending" | "holdsBack">;
  /** The ranges whose position may have moved. */
  readonly #ranges = new Set<StoredRange>();
  /** What the output took since the last commit, and what it held before that. */
  #taken = 0;
  #committed = 0;
  #wrote = false;
  /** How many records and pages the run has read. */
  recordsRead = 0;
  pages = 0;
  /** How many pages and ends of ranges came since the last commit. */
  steps = 0;
  /** Whether the output was given deliveries, which it keeps until the window is finished. */
  handedDeliveries = false;
  /** The page whose records are being counted one by one; null where none is. */
  pageAtHand: PageAtHand | null = null;

  constructor(refusals: Pick<RunRefusals, "pending" | "holdsBack">) {
    this.#refusals = refusals;
  }

  /** What the output has taken in this run, committed or not. */
  get recordsWritten(): number {
    return this.#committed + this.#taken + (this.pageAtHand?.taken ?? 0);
  }

  /** What of it is committed. */
  get recordsCommitted(): number {
    return this.#committed;
  }

  /** Whether anything was written, a record refused, or a position moved. */
  get any(): boolean {
    return this.#wrote || this.#refusals.pending || this.hasMoved;
  }

  /** Whether a position moved. */
  get hasMoved(): boolean {
    for (const range of this.#ranges) if (range.changed) return true;
    return false;
  }

  /** Whether there is anything to commit that a run from the new position would not repeat. */
  get isCommittable(): boolean {
    if (!this.any || this.#refusals.holdsBack) return false;
    for (const range of this.#ranges) if (!range.settled) return false;
    return true;
  }

  /** The partitions that have moved, each with its position. */
  partitionMoves(): PartitionMove[] {
    const moves: PartitionMove[] = [];
    for (const range of this.#ranges) {
      const { partition } = range;
      if (partition !== null && range.changed) moves.push({ partition, position: range.position() });
    }
    return moves;
  }

  /** Counts a page that was read. */
  readPage(records: number): void {
    this.pages += 1;
    this.recordsRead += records;
  }

  /** Counts the records that the output has taken of a whole batch. */
  wrote(records: number): void {
    this.pageAtHand = null;
    this.#taken += records;
    this.#wrote = true;
  }

  /** Corrects the count by what the output reports to hold. */
  holds(committed: Committed | undefined): void {
    if (committed !== undefined) this.#taken = committed.written;
  }

  has(range: StoredRange): boolean {
    return this.#ranges.has(range);
  }

  add(range: StoredRange): void {
    this.#ranges.add(range);
  }

  /** Adds a range that has something to commit, and removes one that has nothing. */
  addIfChanged(range: StoredRange): void {
    if (range.changed) this.#ranges.add(range);
    else this.#ranges.delete(range);
  }

  /** Marks everything as committed. */
  clear(): void {
    this.steps = 0;
    this.#wrote = false;
    this.#committed += this.#taken;
    this.#taken = 0;
    for (const range of this.#ranges) range.committed();
    this.#ranges.clear();
  }
}
