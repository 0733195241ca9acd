import type { Batch, Commit, Mark, Output, OutputSession } from "../engine/ports.ts";
import { TidemarkError } from "../errors.ts";
import type { SourceRecord } from "../model/record.ts";

/** What a memory output holds; pass it on to see what a crash left behind. */
export class MemoryTable {
  /** Every row committed, in the order of its delivery. */
  readonly rows: SourceRecord[] = [];
  readonly delivered = new Set<string>();
  claimed = 0;
  mark: Mark | null = null;

  /** The newest row of each id: what an upsert would hold. */
  latest(): ReadonlyMap<unknown, SourceRecord> {
    return new Map(this.rows.map((row) => [row.id, row]));
  }
}

/**
 * An output in memory with the guarantees of a transactional one: rows, delivered identities and
 * mark are taken together or not at all, and older epochs are shut out. For tests that crash a run
 * thousands of times.
 */
export function memoryOutput(table: MemoryTable, options: { appends: boolean }): Output {
  return {
    kind: "memory",
    guarantee: "exactly-once",
    appends: options.appends,
    open: async () => new MemorySession(table),
  };
}

class MemorySession implements OutputSession {
  readonly databaseIdentity = null;
  readonly #table: MemoryTable;
  #rows: SourceRecord[] = [];
  #delivered: string[] = [];

  constructor(table: MemoryTable) {
    this.#table = table;
  }

  async claimedEpoch(): Promise<number> {
    return this.#table.claimed;
  }

  async claim(epoch: number): Promise<Mark | null> {
    if (this.#table.claimed > epoch) throw superseded(epoch, this.#table.claimed);
    this.#table.claimed = epoch;
    return this.#table.mark;
  }

  async delivered(identities: readonly string[]): Promise<ReadonlySet<string>> {
    const known = new Set(identities.filter((identity) => this.#table.delivered.has(identity)));
    this.#delivered.push(...identities.filter((identity) => !known.has(identity)));
    return known;
  }

  async write(batch: Batch): Promise<number> {
    this.#rows.push(...batch.records);
    return batch.records.length;
  }

  async commit(commit: Commit): Promise<void> {
    if (this.#table.claimed !== commit.epoch) throw superseded(commit.epoch, this.#table.claimed);
    const { epoch, sequence, position } = commit;
    this.#table.rows.push(...this.#rows);
    for (const identity of this.#delivered) this.#table.delivered.add(identity);
    if (commit.windowFinished) this.#table.delivered.clear();
    this.#table.mark = { epoch, sequence, position };
    this.#rows = [];
    this.#delivered = [];
  }

  async close(): Promise<void> {
    this.#rows = [];
    this.#delivered = [];
  }
}

function superseded(epoch: number, claimed: number): TidemarkError {
  return new TidemarkError(
    "RUN_SUPERSEDED",
    `epoch ${epoch} writes after epoch ${claimed} has claimed the output`,
  );
}
