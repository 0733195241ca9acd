import type { Clock } from "../clock.ts";
import type { CursorRange } from "../model/position.ts";
import type { StreamKey } from "../model/stream-key.ts";
import { storedPositionOf } from "./codec.ts";
import type { AuditRecord } from "./contract.ts";
import type { ChainLink } from "./hash-chain.ts";
import type { Moment, Place } from "./listing.ts";
import type { DueRuns, RowStorage, RowTransaction } from "./row-storage.ts";
import type { Change, PartitionRow, RunRow, StreamRow } from "./rows.ts";
import type { RememberedEnd, Rows, StateStorage, Stepping, Subject } from "./state-storage.ts";
import { runAtOnce, type Work } from "./work.ts";

/** A storage with synchronous transactions: each piece of work runs in one transaction, in one tick. */
export class StorageAtOnce implements StateStorage {
  readonly #storage: RowStorage;
  readonly #clock: Clock;

  constructor(storage: RowStorage, clock: Clock) {
    this.#storage = storage;
    this.#clock = clock;
  }

  get databaseIdentity(): string | null {
    return this.#storage.databaseIdentity;
  }

  read<T>(work: (rows: Rows) => Work<T>): Promise<T> {
    return this.#storage.read((tx) => runAtOnce(work(new RowsAtOnce(tx, this.#clock))));
  }

  snapshot<T>(work: (rows: Rows) => Work<T>): Promise<T> {
    return this.read(work);
  }

  step<T>({ key }: Subject, work: (rows: Rows) => Work<T>, how: Stepping = {}): Promise<T> {
    return this.#storage.transact(key, (tx) => runAtOnce(work(new RowsAtOnce(tx, this.#clock))), how);
  }

  probe(): Promise<void> {
    return this.#storage.probe();
  }

  close(): Promise<void> {
    return this.#storage.close();
  }
}

/** One synchronous transaction. */
class RowsAtOnce implements Rows {
  readonly #tx: RowTransaction;
  readonly #clock: Clock;

  constructor(tx: RowTransaction, clock: Clock) {
    this.#tx = tx;
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  load(key: StreamKey, scope: string): StreamRow | null {
    return this.#tx.load(key, scope);
  }

  loadRun(key: StreamKey, runId: string): RunRow | null {
    return this.#tx.loadRun(key, runId);
  }

  loadPartitions(key: StreamKey, scope: string, partitions: readonly string[]): Map<string, PartitionRow> {
    return found(partitions, (partition) => this.#tx.loadPartition(key, scope, partition));
  }

  loadBackfilled(
    key: StreamKey,
    partitions: readonly (string | null)[],
  ): Map<string | null, readonly CursorRange[]> {
    return found(partitions, (partition) => this.#tx.loadBackfilled(key, partition));
  }

  hasPartitions(key: StreamKey, scope: string, sinceEpoch: number): boolean {
    return this.#tx.hasPartitions(key, scope, sinceEpoch);
  }

  listPartitions(key: StreamKey, options: { after: string | null; limit: number }): PartitionRow[] {
    return this.#tx.listPartitions(key, options);
  }

  backfilledPartitions(key: StreamKey): readonly string[] {
    return this.#tx.backfilledPartitions(key);
  }

  listBackfills(key: StreamKey, limit: number): StreamRow[] {
    return this.#tx.listBackfills(key, limit);
  }

  listKeys(options: { after: StreamKey | null; limit: number }): StreamKey[] {
    return this.#tx.listKeys(options);
  }

  listStreams(options: { after: StreamKey | null; limit: number; connector: string | null }): StreamRow[] {
    return this.#tx.listStreams(options);
  }

  listRuns(
    key: StreamKey,
    options: { before: number | null; limit: number },
  ): { number: number; run: RunRow }[] {
    return this.#tx.listRuns(key, options);
  }

  listAudit(options: { key: StreamKey | null; after: Place | null; limit: number }): AuditRecord[] {
    return this.#tx.listAudit(options);
  }

  listNewestAudit(options: { key: StreamKey | null; before: Moment | null; limit: number }): AuditRecord[] {
    return this.#tx.listNewestAudit(options);
  }

  lastAudit(key: StreamKey): AuditRecord | null {
    return this.#tx.lastAudit(key, null);
  }

  lastAuditOfEach(key: StreamKey, partitions: readonly string[]): Map<string, AuditRecord> {
    return found(partitions, (partition) => this.#tx.lastAudit(key, partition));
  }

  archivedTo(key: StreamKey): ChainLink {
    return this.#tx.archivedTo(key);
  }

  isListed(key: StreamKey): boolean {
    return this.#tx.isListed(key);
  }

  listed(options: { after: StreamKey | null; limit: number }): { key: StreamKey; isStored: boolean }[] {
    return this.#tx.listed(options).map((key) => ({ key, isStored: this.#tx.load(key, "") !== null }));
  }

  listLogEnds(options: { after: StreamKey | null; limit: number }): RememberedEnd[] {
    return this.#tx
      .listStreams({ ...options, connector: null })
      .map((row) => rememberedEnd(row, this.#tx.archivedTo(row.key)));
  }

  store(change: Change, previous: StreamRow | null): StreamRow {
    const { row } = change;
    this.#tx.save(row, previous);
    for (const run of change.runs) this.#tx.saveRun(run);
    for (const record of change.audit) this.#tx.appendAudit(record);
    for (const moved of change.partitions ?? []) this.#tx.savePartition(moved.row, moved.previous);
    if (change.startsOver === true) this.#tx.clearBackfilled(row.key);
    for (const { partition, coverage } of change.backfilled ?? []) {
      this.#tx.saveBackfilled(row.key, partition, coverage);
    }
    return row;
  }

  pruneRuns(key: StreamKey, due: DueRuns & { limit: number }): number {
    return this.#tx.pruneRuns(key, due);
  }

  archiveAudit(key: StreamKey, to: ChainLink): number {
    return this.#tx.archiveAudit(key, to);
  }
}

function found<N, T>(names: readonly N[], load: (name: N) => T | null): Map<N, T> {
  const rows = new Map<N, T>();
  for (const name of names) {
    const row = load(name);
    if (row !== null) rows.set(name, row);
  }
  return rows;
}

/** The end of the log, as the stream's row stores it. */
export function rememberedEnd(row: StreamRow, archived: ChainLink): RememberedEnd {
  return {
    key: row.key,
    number: row.auditNumber,
    hash: row.auditHead,
    watermark: row.position.watermark,
    positionWatermark: storedPositionOf(row).watermark,
    resetEpoch: row.resetEpoch,
    archived,
  };
}
