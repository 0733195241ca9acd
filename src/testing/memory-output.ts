import type { Batch, Commit, Mark, Output, OutputSession } from "../engine/ports.ts";
import { TidemarkError } from "../errors.ts";
import type { SourceRecord } from "../model/record.ts";
import { compareTexts } from "../model/text-order.ts";

/** What a memory output holds; pass it on to see what a crash left behind. */
export class MemoryTable {
  /** Every row committed, in the order of its delivery. */
  readonly rows: SourceRecord[] = [];
  /** Identities delivered in an unfinished window, by lane. */
  readonly delivered = new Map<string, Set<string>>();
  /** By lane: the live stream's is empty. */
  readonly claimed = new Map<string, number>();
  readonly marks = new Map<string, Mark>();

  /** The live stream's newest mark. */
  get mark(): Mark | null {
    return this.marks.get("") ?? null;
  }

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
    open: async ({ lane }) => new MemorySession(table, lane),
  };
}

class MemorySession implements OutputSession {
  readonly databaseIdentity = null;
  readonly #table: MemoryTable;
  readonly #lane: string;
  #rows: SourceRecord[] = [];
  #delivered: string[] = [];

  constructor(table: MemoryTable, lane: string) {
    this.#table = table;
    this.#lane = lane;
  }

  async claimedEpoch(): Promise<number> {
    return this.#table.claimed.get(this.#lane) ?? 0;
  }

  async claim(epoch: number): Promise<Mark | null> {
    const claimed = await this.claimedEpoch();
    if (claimed > epoch) throw superseded(epoch, claimed);
    this.#table.claimed.set(this.#lane, epoch);
    return this.#table.marks.get(this.#lane) ?? null;
  }

  async partition(partition: string): Promise<Mark | null> {
    return this.#table.marks.get(`${this.#lane}/${partition}`) ?? null;
  }

  async keepsDelivered(): Promise<boolean> {
    return (this.#table.delivered.get(this.#lane)?.size ?? 0) > 0;
  }

  async delivered(identities: readonly string[]): Promise<ReadonlySet<string>> {
    const before = this.#table.delivered.get(this.#lane);
    return new Set(
      identities.filter((identity) => before?.has(identity) || this.#delivered.includes(identity)),
    );
  }

  async write(batch: Batch): Promise<number> {
    this.#rows.push(...batch.records);
    this.#delivered.push(...(batch.deliveries ?? []));
    return batch.records.length;
  }

  async commit(commit: Commit): Promise<void> {
    const claimed = await this.claimedEpoch();
    if (claimed !== commit.epoch) throw superseded(commit.epoch, claimed);
    const { epoch, sequence, position } = commit;
    this.#table.rows.push(...this.#rows);
    const before = this.#table.delivered.get(this.#lane) ?? [];
    this.#table.delivered.set(
      this.#lane,
      new Set([...before, ...this.#delivered].filter((name) => staysDelivered(commit, name))),
    );
    this.#table.marks.set(this.#lane, { epoch, sequence, position });
    for (const move of commit.partitions ?? []) {
      this.#table.marks.set(`${this.#lane}/${move.partition}`, { epoch, sequence, position: move.position });
    }
    this.#rows = [];
    this.#delivered = [];
  }

  async close(): Promise<void> {
    this.#rows = [];
    this.#delivered = [];
  }
}

/** Whether an identity is still known after a commit. */
function staysDelivered({ windowFinished, keepDelivered }: Commit, name: string): boolean {
  if (!windowFinished) return true;
  if (keepDelivered === undefined) return false;
  return compareTexts(name, keepDelivered.from) >= 0 && compareTexts(name, keepDelivered.below) < 0;
}

function superseded(epoch: number, claimed: number): TidemarkError {
  return new TidemarkError(
    "RUN_SUPERSEDED",
    `epoch ${epoch} writes after epoch ${claimed} has claimed the output`,
  );
}
