import { type Clock, systemClock } from "../../../clock.ts";
import { TidemarkError } from "../../../errors.ts";
import type { CursorRange } from "../../../model/position.ts";
import { partitionScope } from "../../../model/scope.ts";
import { compareStreamKeys, type StreamKey } from "../../../model/stream-key.ts";
import { compareTexts } from "../../../model/text-order.ts";
import { StorageAtOnce } from "../../at-once.ts";
import type { AuditRecord, StateStore } from "../../contract.ts";
import { type ChainLink, noLink } from "../../hash-chain.ts";
import { compareMoments, comparePlaces, type Moment, type Place } from "../../listing.ts";
import { storeClosed } from "../../refusals.ts";
import {
  compareBackfills,
  type DueRuns,
  isDue,
  type RowStorage,
  type RowTransaction,
  type Transacting,
} from "../../row-storage.ts";
import {
  type Backfilled,
  backfilledScope,
  type PartitionRow,
  type RunRow,
  type StreamRow,
} from "../../rows.ts";
import { StreamStateStore } from "../../store.ts";

/** State that lives as long as the process: for tests and for trying things out (`memory:`). */
export function openMemoryState(options: { clock?: Clock } = {}): StateStore {
  return new StreamStateStore(new StorageAtOnce(new MemoryStorage(), options.clock ?? systemClock));
}

class MemoryStorage implements RowStorage {
  readonly databaseIdentity = null;
  #open = true;
  readonly #tables = {
    streams: new Map<string, StreamRow>(),
    runs: new Map<string, NumberedRun>(),
    audit: [] as AuditRecord[],
    partitions: new Map<string, PartitionRow>(),
    backfilled: new Map<string, Backfilled & { readonly key: StreamKey }>(),
    archived: new Map<string, ChainLink>(),
    /** How many runs there ever were. */
    runsBegun: 0,
  };

  async read<T>(work: (tx: RowTransaction) => T): Promise<T> {
    if (!this.#open) throw storeClosed("memory:");
    return work(new MemoryTransaction(this.#tables));
  }

  async probe(): Promise<void> {
    if (!this.#open) throw storeClosed("memory:");
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

interface NumberedRun {
  readonly number: number;
  readonly run: RunRow;
}

interface Tables {
  readonly streams: Map<string, StreamRow>;
  readonly runs: Map<string, NumberedRun>;
  readonly audit: AuditRecord[];
  readonly partitions: Map<string, PartitionRow>;
  readonly backfilled: Map<string, Backfilled & { readonly key: StreamKey }>;
  readonly archived: Map<string, ChainLink>;
  runsBegun: number;
}

/** Writes are buffered until the work has returned, so that work that throws leaves nothing behind. */
class MemoryTransaction implements RowTransaction {
  readonly #tables: Tables;
  readonly #writes: (() => void)[] = [];

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  commit(): void {
    for (const write of this.#writes) write();
  }

  load(key: StreamKey, scope: string): StreamRow | null {
    return this.#tables.streams.get(rowName(key, scope)) ?? null;
  }

  save(row: StreamRow, previous: StreamRow | null): void {
    // A copy, as a database would take one: the caller may go on using its own arrays.
    const position = row.position === previous?.position ? row.position : structuredClone(row.position);
    this.#writes.push(() => this.#tables.streams.set(rowName(row.key, row.scope), { ...row, position }));
  }

  saveRun(run: RunRow): void {
    const name = rowName(run.key, run.runId);
    this.#writes.push(() => {
      const number = this.#tables.runs.get(name)?.number ?? ++this.#tables.runsBegun;
      this.#tables.runs.set(name, { number, run });
    });
  }

  loadRun(key: StreamKey, runId: string): RunRow | null {
    return this.#tables.runs.get(rowName(key, runId))?.run ?? null;
  }

  appendAudit(record: AuditRecord): void {
    this.#writes.push(() => this.#tables.audit.push(record));
  }

  listStreams(options: { after: StreamKey | null; limit: number; connector: string | null }): StreamRow[] {
    return [...this.#tables.streams.values()]
      .filter(
        (row) => row.scope === "" && (options.connector === null || row.key.connector === options.connector),
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

  listNewestAudit(options: { key: StreamKey | null; before: Moment | null; limit: number }): AuditRecord[] {
    const { key, before, limit } = options;
    // Rows of one stream are appended in their order, and each step asks for the last.
    if (key !== null && before === null && limit === 1) {
      const last = this.#tables.audit.findLast((row) => isOf(row.key, key));
      return last === undefined ? [] : [last];
    }
    const compare = key === null ? compareMoments : comparePlaces;
    return this.#tables.audit
      .filter((row) => key === null || compareStreamKeys(row.key, key) === 0)
      .filter((row) => before === null || compare(row, before) < 0)
      .sort((a, b) => compare(b, a))
      .slice(0, limit);
  }

  lastAudit(key: StreamKey, partition: string | null): AuditRecord | null {
    const isAsked = (row: AuditRecord): boolean =>
      isOf(row.key, key) && row.partition === partition && row.action !== "stop";
    return this.#tables.audit.findLast(isAsked) ?? null;
  }

  archivedTo(key: StreamKey): ChainLink {
    return this.#tables.archived.get(rowName(key, "")) ?? noLink;
  }

  archiveAudit(key: StreamKey, to: ChainLink): number {
    const kept = this.#tables.audit.filter((row) => !isOf(row.key, key) || row.number > to.number);
    const gone = this.#tables.audit.length - kept.length;
    this.#writes.push(() => {
      this.#tables.audit.splice(0, this.#tables.audit.length, ...kept);
      this.#tables.archived.set(rowName(key, ""), to);
    });
    return gone;
  }

  isListed(key: StreamKey): boolean {
    return this.load(key, "") !== null;
  }

  listed(options: { after: StreamKey | null; limit: number }): StreamKey[] {
    return this.listStreams({ ...options, connector: null }).map(({ key }) => key);
  }

  loadPartition(key: StreamKey, scope: string, partition: string): PartitionRow | null {
    return this.#tables.partitions.get(rowName(key, partitionScope(scope, partition))) ?? null;
  }

  savePartition(row: PartitionRow): void {
    const name = rowName(row.key, partitionScope(row.scope, row.partition));
    const kept = { ...row, position: structuredClone(row.position) };
    this.#writes.push(() => this.#tables.partitions.set(name, kept));
  }

  hasPartitions(key: StreamKey, scope: string, sinceEpoch: number): boolean {
    return this.#partitions(key, scope).some((row) => row.positionTag.epoch >= sinceEpoch);
  }

  listPartitions(key: StreamKey, options: { after: string | null; limit: number }): PartitionRow[] {
    const { after, limit } = options;
    return this.#partitions(key, "")
      .filter(({ partition }) => after === null || compareTexts(partition, after) > 0)
      .sort((a, b) => compareTexts(a.partition, b.partition))
      .slice(0, limit);
  }

  #partitions(key: StreamKey, scope: string): PartitionRow[] {
    return [...this.#tables.partitions.values()].filter(
      (row) => row.scope === scope && compareStreamKeys(row.key, key) === 0,
    );
  }

  loadBackfilled(key: StreamKey, partition: string | null): readonly CursorRange[] {
    return this.#tables.backfilled.get(rowName(key, backfilledScope(partition)))?.coverage ?? [];
  }

  saveBackfilled(key: StreamKey, partition: string | null, coverage: readonly CursorRange[]): void {
    const kept = { key, partition, coverage: structuredClone(coverage) };
    this.#writes.push(() => this.#tables.backfilled.set(rowName(key, backfilledScope(partition)), kept));
  }

  clearBackfilled(key: StreamKey): void {
    this.#writes.push(() => {
      for (const [name, stored] of this.#tables.backfilled) {
        if (compareStreamKeys(stored.key, key) === 0) this.#tables.backfilled.delete(name);
      }
    });
  }

  backfilledPartitions(key: StreamKey): readonly string[] {
    return [...this.#tables.backfilled.values()]
      .filter((stored) => compareStreamKeys(stored.key, key) === 0 && stored.coverage.length > 0)
      .flatMap(({ partition }) => partition ?? []);
  }

  listBackfills(key: StreamKey, limit: number): StreamRow[] {
    return [...this.#tables.streams.values()]
      .filter((row) => row.scope !== "" && compareStreamKeys(row.key, key) === 0)
      .sort(compareBackfills)
      .slice(0, limit);
  }

  listKeys(options: { after: StreamKey | null; limit: number }): StreamKey[] {
    const { after, limit } = options;
    const keys = [...this.#tables.streams.values()]
      .map(({ key }) => key)
      .filter((key) => after === null || compareStreamKeys(key, after) > 0)
      .sort(compareStreamKeys);
    return keys
      .filter((key, index) => index === 0 || compareStreamKeys(key, keys[index - 1] ?? key) !== 0)
      .slice(0, limit);
  }

  pruneRuns(key: StreamKey, due: DueRuns & { limit: number }): number {
    const ended = [...this.#tables.runs.values()]
      .filter(({ run }) => run.outcome !== "running" && compareStreamKeys(run.key, key) === 0)
      .sort((a, b) => b.number - a.number);
    const gone = ended.filter(({ run }, index) => isDue(run, index, due)).slice(-due.limit);
    for (const { run } of gone) {
      this.#writes.push(() => this.#tables.runs.delete(rowName(run.key, run.runId)));
    }
    return gone.length;
  }
}

function isOf(a: StreamKey, b: StreamKey): boolean {
  return a.connector === b.connector && a.stream === b.stream;
}

function rowName(key: StreamKey, part: string): string {
  return JSON.stringify([key.connector, key.stream, part]);
}
