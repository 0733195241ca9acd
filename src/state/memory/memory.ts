import { type Clock, systemClock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";
import { compareStreamKeys, type StreamKey } from "../../model/stream-key.ts";
import type { AuditRecord, StateStore } from "../contract.ts";
import type { Place } from "../listing.ts";
import { storeClosed } from "../refusals.ts";
import { RowStateStore, type RowStorage, type RowTransaction, type Transacting } from "../row-store.ts";
import type { RunRow, StreamRow } from "../rows.ts";

/** State that lives as long as the process: for tests and for trying things out (`memory:`). */
export function openMemoryState(options: { clock?: Clock } = {}): StateStore {
  return new RowStateStore(new MemoryStorage(), options.clock ?? systemClock);
}

class MemoryStorage implements RowStorage {
  readonly databaseIdentity = null;
  #open = true;
  readonly #tables = {
    streams: new Map<string, StreamRow>(),
    runs: new Map<string, RunRow>(),
    audit: [] as AuditRecord[],
  };

  async read<T>(work: (tx: RowTransaction) => T): Promise<T> {
    if (!this.#open) throw storeClosed("memory:");
    return work(new MemoryTransaction(this.#tables));
  }

  async transact<T>(
    _: StreamKey,
    work: (tx: RowTransaction) => T,
    { transaction }: Transacting = {},
  ): Promise<T> {
    if (transaction !== undefined) {
      throw new TidemarkError(
        "ARGUMENT_INVALID",
        "the memory store cannot take part in a database transaction",
      );
    }
    if (!this.#open) throw storeClosed("memory:");
    const tx = new MemoryTransaction(this.#tables);
    const result = work(tx);
    tx.commit();
    return result;
  }

  async close(): Promise<void> {
    this.#open = false;
  }
}

type Tables = {
  readonly streams: Map<string, StreamRow>;
  readonly runs: Map<string, RunRow>;
  readonly audit: AuditRecord[];
};

/** Writes are kept aside until the work has returned, so that work which throws leaves nothing behind. */
class MemoryTransaction implements RowTransaction {
  readonly #tables: Tables;
  readonly #writes: (() => void)[] = [];

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  commit(): void {
    for (const write of this.#writes) write();
  }

  load(key: StreamKey, lane: string): StreamRow | null {
    return this.#tables.streams.get(rowName(key, lane)) ?? null;
  }

  save(row: StreamRow, previous: StreamRow | null): void {
    // A copy, as a database would take one: the caller may go on using its own arrays.
    const position = row.position === previous?.position ? row.position : structuredClone(row.position);
    this.#writes.push(() => this.#tables.streams.set(rowName(row.key, row.lane), { ...row, position }));
  }

  saveRun(run: RunRow): void {
    this.#writes.push(() => this.#tables.runs.set(rowName(run.key, run.runId), run));
  }

  loadRun(key: StreamKey, runId: string): RunRow | null {
    return this.#tables.runs.get(rowName(key, runId)) ?? null;
  }

  appendAudit(record: AuditRecord): void {
    this.#writes.push(() => this.#tables.audit.push(record));
  }

  listStreams(options: { after: StreamKey | null; limit: number; connector: string | null }): StreamRow[] {
    return [...this.#tables.streams.values()]
      .filter(
        (row) => row.lane === "" && (options.connector === null || row.key.connector === options.connector),
      )
      .filter((row) => options.after === null || compareStreamKeys(row.key, options.after) > 0)
      .sort((a, b) => compareStreamKeys(a.key, b.key))
      .slice(0, options.limit);
  }

  listRuns(
    key: StreamKey,
    options: { before: number | null; limit: number },
  ): { number: number; run: RunRow }[] {
    return [...this.#tables.runs.values()]
      .map((run, index) => ({ number: index + 1, run }))
      .filter(({ run }) => compareStreamKeys(run.key, key) === 0)
      .filter(({ number }) => options.before === null || number < options.before)
      .reverse()
      .slice(0, options.limit);
  }

  listAudit(options: { key: StreamKey | null; after: Place | null; limit: number }): AuditRecord[] {
    const { key, after } = options;
    return this.#tables.audit
      .filter((row) => key === null || compareStreamKeys(row.key, key) === 0)
      .filter((row) => after === null || comparePlaces(row, after) > 0)
      .sort(comparePlaces)
      .slice(0, options.limit);
  }
}

function rowName(key: StreamKey, part: string): string {
  return JSON.stringify([key.connector, key.stream, part]);
}

function comparePlaces(a: Place, b: Place): number {
  return compareStreamKeys(a.key, b.key) || a.number - b.number;
}
