import type {
  Batch,
  Commit,
  CommitPosition,
  Output,
  OutputContext,
  OutputSession,
} from "../src/engine/ports.ts";
import { TidemarkError } from "../src/errors.ts";
import type { SourceRecord } from "../src/model/record.ts";
import { formatStreamKey } from "../src/model/stream-key.ts";
import { compareTexts } from "../src/model/text-order.ts";

/** What a memory output holds. Hand it to a second output to see what a crash left behind. */
export class MemoryTable {
  /** Every row committed, in the order of its delivery. */
  readonly rows: SourceRecord[] = [];
  /** The sink offsets, by stream and scope; the scope is empty for live runs and names a backfill. */
  readonly delivered = new Map<string, Set<string>>();
  readonly fenced = new Map<string, number>();
  /** A partition's commit position stands under the name of its stream and scope, a slash, and its own. */
  readonly commitPositions = new Map<string, CommitPosition>();

  /** The newest commit position of a live stream; of the only one, where the table holds one stream. */
  get commitPosition(): CommitPosition | null {
    for (const [name, commitPosition] of this.commitPositions)
      if (name.endsWith(liveEnd)) return commitPosition;
    return null;
  }

  /** The newest row of each value of a field: what an output with that key would hold. */
  latest(key = "id"): ReadonlyMap<unknown, SourceRecord> {
    return new Map(this.rows.map((row) => [row[key], row]));
  }
}

const liveEnd = "\n";

function nameOf({ key, scope }: Pick<OutputContext, "key" | "scope">): string {
  return `${formatStreamKey(key)}\n${scope}`;
}

export interface MemoryOutputOptions {
  /**
   * Whether delivering a record twice adds it twice, as an output without a key does: true unless given. With false,
   * `table.latest(key)` is what the output holds.
   */
  readonly appends?: boolean;
  /** By which field a record finds the row that it replaces, where `appends` is false: `id` unless given. */
  readonly key?: string;
}

/**
 * An output in memory for tests of pipelines and connectors. It has the guarantees of a transactional output: rows,
 * delivered identities and commit position are taken together or not at all, and older epochs are shut out. What it
 * wrote is in `table.rows`, committed rows only. Any number of streams may write to it.
 *
 * ```ts
 * const table = new MemoryTable();
 * const engine = new SyncEngine(memoryOutput(table), { state: await openState("memory:") });
 * await engine.sync(crm);
 * expect(table.rows).toEqual([{ id: 1, name: "Ada" }]);
 * ```
 */
export function memoryOutput(
  table: MemoryTable,
  { appends = true, key = "id" }: MemoryOutputOptions = {},
): Output {
  return {
    kind: "memory",
    guarantee: "exactly-once",
    appends,
    ...(appends ? {} : { upsertKey: [key] }),
    open: async (context) => new MemorySession(table, nameOf(context)),
  };
}

class MemorySession implements OutputSession {
  readonly databaseIdentity = null;
  readonly #table: MemoryTable;
  readonly #name: string;
  #rows: SourceRecord[] = [];
  #delivered: string[] = [];

  constructor(table: MemoryTable, name: string) {
    this.#table = table;
    this.#name = name;
  }

  async fencedEpoch(): Promise<number> {
    return this.#table.fenced.get(this.#name) ?? 0;
  }

  async holdsRecords(): Promise<boolean> {
    return this.#table.rows.length > 0;
  }

  async fence(epoch: number): Promise<CommitPosition | null> {
    const fenced = await this.fencedEpoch();
    if (fenced > epoch) throw superseded(epoch, fenced);
    this.#table.fenced.set(this.#name, epoch);
    return this.#table.commitPositions.get(this.#name) ?? null;
  }

  async partition(partition: string): Promise<CommitPosition | null> {
    return this.#table.commitPositions.get(`${this.#name}/${partition}`) ?? null;
  }

  async keepsDelivered(): Promise<boolean> {
    return (this.#table.delivered.get(this.#name)?.size ?? 0) > 0;
  }

  async delivered(identities: readonly string[]): Promise<ReadonlySet<string>> {
    const before = this.#table.delivered.get(this.#name);
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
    const fenced = await this.fencedEpoch();
    if (fenced !== commit.epoch) throw superseded(commit.epoch, fenced);
    const { epoch, sequence, position } = commit;
    this.#table.rows.push(...this.#rows);
    const before = this.#table.delivered.get(this.#name) ?? [];
    this.#table.delivered.set(
      this.#name,
      new Set([...before, ...this.#delivered].filter((name) => staysDelivered(commit, name))),
    );
    this.#table.commitPositions.set(this.#name, { epoch, sequence, position });
    for (const move of commit.partitions ?? []) {
      this.#table.commitPositions.set(`${this.#name}/${move.partition}`, {
        epoch,
        sequence,
        position: move.position,
      });
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

function superseded(epoch: number, fenced: number): TidemarkError {
  return new TidemarkError(
    "RUN_SUPERSEDED",
    `epoch ${epoch} writes after epoch ${fenced} has fenced the output`,
  );
}
