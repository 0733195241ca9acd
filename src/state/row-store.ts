import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import { decodePosition, type Interval } from "../model/position.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import type { OpenTransaction } from "../sql/port.ts";
import {
  checkAct,
  checkBegin,
  checkCheckpoint,
  checkCompletion,
  checkFailure,
  checkKey,
  keptMetadata,
} from "./arguments.ts";
import { auditBroken, ChainVerifier } from "./audit.ts";
import type {
  AuditRecord,
  BackfillState,
  BeginOptions,
  Checkpoint,
  Completion,
  ExportedStream,
  Failure,
  Listing,
  OperatorAct,
  PartitionState,
  Reset,
  Rewind,
  Run,
  RunRecord,
  RunRef,
  StateStore,
  StreamState,
  WriteContext,
} from "./contract.ts";
import * as lifecycle from "./lifecycle.ts";
import {
  decodeNumber,
  decodePlace,
  encodePlace,
  listing,
  mostListed,
  type Place,
  pageLimit,
} from "./listing.ts";
import { runNotFound, streamNotFound } from "./refusals.ts";
import { type Change, laneOf, type RunRow, type StreamRow } from "./rows.ts";
import { exportedStream, runRecord, streamState } from "./view.ts";

/** What a row store reads and writes inside one transaction. */
export interface RowTransaction {
  load(key: StreamKey, lane: string): StreamRow | null;
  /** Stores a changed row; `previous` is what `load` gave, so that only what differs need be written. */
  save(row: StreamRow, previous: StreamRow | null): void;
  saveRun(run: RunRow): void;
  loadRun(key: StreamKey, runId: string): RunRow | null;
  appendAudit(record: AuditRecord): void;
  /** Live streams after a key, in the order of connector and stream. */
  listStreams(options: { after: StreamKey | null; limit: number; connector: string | null }): StreamRow[];
  /** Runs of a stream that began before the `before`-th, newest first, with their numbers. */
  listRuns(
    key: StreamKey,
    options: { before: number | null; limit: number },
  ): { number: number; run: RunRow }[];
  listAudit(options: { key: StreamKey | null; after: Place | null; limit: number }): AuditRecord[];
}

export interface Transacting {
  /** The caller's own open transaction, to make the change in. */
  readonly transaction?: OpenTransaction;
  /** Enough that the change outlives the process; it need not outlive a loss of power. */
  readonly relaxed?: boolean;
}

/**
 * Where a row store keeps its rows. `transact` runs the function in one transaction that excludes
 * every other writer of the stream, in the caller's transaction where one is given; it commits when the function
 * returns and leaves nothing behind when it throws. The function is synchronous and may be run twice.
 */
export interface RowStorage {
  readonly databaseIdentity: string | null;
  read<T>(work: (tx: RowTransaction) => T): Promise<T>;
  transact<T>(key: StreamKey, work: (tx: RowTransaction) => T, how?: Transacting): Promise<T>;
  close(): Promise<void>;
}

/** The `StateStore` over rows: loads a row, takes one step of the lifecycle, stores what changed. */
export class RowStateStore implements StateStore {
  readonly #storage: RowStorage;
  readonly #clock: Clock;
  readonly #absentIsFresh: boolean;

  /** `absentIsFresh`: a stream that is not stored starts over, whatever an output remembers of it. */
  constructor(storage: RowStorage, clock: Clock, options: { absentIsFresh?: boolean } = {}) {
    this.#storage = storage;
    this.#clock = clock;
    this.#absentIsFresh = options.absentIsFresh ?? false;
  }

  get databaseIdentity(): string | null {
    return this.#storage.databaseIdentity;
  }

  async get(key: StreamKey): Promise<StreamState | null> {
    const row = await this.#storage.read((tx) => tx.load(key, ""));
    return row === null ? null : streamState(row);
  }

  async list(
    options: { after?: string; limit?: number; connector?: string } = {},
  ): Promise<Listing<StreamState>> {
    const limit = pageLimit(options.limit, 100);
    const after = options.after === undefined ? null : decodePlace(options.after).key;
    const connector = options.connector ?? null;
    const rows = await this.#storage.read((tx) => tx.listStreams({ after, limit: limit + 1, connector }));
    return listing(rows, limit, (row) => encodePlace({ key: row.key, number: 0 }), streamState);
  }

  async begin(key: StreamKey, options: BeginOptions): Promise<Run> {
    checkBegin(key, options);
    const runId = options.runId ?? randomUUID();
    const kind = options.kind ?? "live";
    return this.#storage.transact(key, (tx) => {
      const live = tx.load(key, "");
      const lane = laneOf({ ...options, kind, runId });
      const previous = lane === "" ? live : tx.load(key, lane);
      if (options.runId !== undefined) lifecycle.refuseEndedRun(previous, tx.loadRun(key, runId));
      const granted = lifecycle.begin(previous, live, key, runId, options, this.#clock.now());
      const isNew = (previous?.epoch ?? 0) === 0 && (options.epochFloor ?? 0) > 0;
      const begun = this.#absentIsFresh && isNew ? lifecycle.asFreshStart(granted) : granted;
      store(tx, begun, previous);
      return lifecycle.grantedRun(
        begun.row,
        { key, kind, runId, epoch: begun.row.epoch },
        begun.supersededRunId,
      );
    });
  }

  async checkpoint(run: RunRef, made: Checkpoint, context: WriteContext = {}): Promise<void> {
    checkCheckpoint(run.key, made);
    const work = (tx: RowTransaction): void => {
      const row = tx.load(run.key, laneOf(run));
      const change = lifecycle.checkpoint(row, run, made, this.#clock.now());
      if (change !== null) store(tx, change, row);
    };
    await this.#storage.transact(run.key, work, { ...context, relaxed: made.keptByOutput ?? false });
  }

  async heartbeat(run: RunRef): Promise<void> {
    await this.#storage.transact(run.key, (tx) => {
      const row = tx.load(run.key, laneOf(run));
      tx.save(lifecycle.heartbeat(row, run, this.#clock.now()), row);
    });
  }

  async complete(run: RunRef, done: Completion, context: WriteContext = {}): Promise<StreamState> {
    checkCompletion(run.key, done);
    return this.#end(run, (row) => lifecycle.complete(row, run, done, this.#clock.now()), context);
  }

  async fail(run: RunRef, failure: Failure): Promise<StreamState> {
    checkFailure(run.key, failure);
    return this.#end(run, (row) => lifecycle.fail(row, run, failure, this.#clock.now()), {});
  }

  async #end(
    run: RunRef,
    step: (row: StreamRow | null) => Change | null,
    context: WriteContext,
  ): Promise<StreamState> {
    return this.#storage.transact(
      run.key,
      (tx) => {
        const row = tx.load(run.key, laneOf(run));
        const change = step(row);
        if (change !== null) store(tx, change, row);
        const ended = change?.row ?? row;
        if (ended === null) throw streamNotFound(run.key);
        return streamState(ended);
      },
      context,
    );
  }

  async reset(key: StreamKey, reset: Reset): Promise<StreamState> {
    checkKey(key);
    checkAct(key, "reset", reset);
    return this.#storage.transact(key, (tx) => {
      const row = tx.load(key, "");
      return this.#move(tx, row, key, lifecycle.resetTarget(row, key, reset), "reset", reset);
    });
  }

  async rewind(key: StreamKey, rewind: Rewind): Promise<StreamState> {
    checkAct(key, "rewind", rewind);
    return this.#storage.transact(key, (tx) => {
      const row = tx.load(key, "");
      if (row === null) throw streamNotFound(key);
      const run = tx.loadRun(key, rewind.toRun);
      const stored = run?.kind === "live" ? run.endPosition : null;
      if (stored === null) throw runNotFound(key, rewind.toRun);
      const position = decodePosition(stored, `run ${rewind.toRun} of ${formatStreamKey(key)}`);
      return this.#move(
        tx,
        row,
        key,
        { position, cursorType: row.cursorType },
        "rewind",
        rewind,
        rewind.toRun,
      );
    });
  }

  async import(exported: ExportedStream, act: OperatorAct): Promise<StreamState> {
    const key = { connector: exported.connector, stream: exported.stream };
    checkKey(key);
    checkAct(key, "import", act);
    const metadata = exported.metadata === null ? null : keptMetadata(key, exported.metadata);
    const position = decodePosition(exported.position, `the export of ${formatStreamKey(key)}`);
    return this.#storage.transact(key, (tx) => {
      const row = tx.load(key, "");
      return this.#move(tx, row, key, { position, cursorType: exported.cursorType, metadata }, "import", act);
    });
  }

  #move(
    tx: RowTransaction,
    row: StreamRow | null,
    key: StreamKey,
    to: lifecycle.Destination,
    action: lifecycle.Act["action"],
    act: OperatorAct,
    runId?: string,
  ): StreamState {
    const { reason, actor } = act;
    const now = this.#clock.now();
    const change = lifecycle.moveByOperator(row, key, to, {
      now,
      actor,
      action,
      reason,
      ...(runId === undefined ? {} : { runId }),
    });
    store(tx, change, row);
    return streamState(change.row);
  }

  async export(key: StreamKey): Promise<ExportedStream> {
    const row = await this.#storage.read((tx) => tx.load(key, ""));
    if (row === null) throw streamNotFound(key);
    return exportedStream(row);
  }

  async runs(key: StreamKey, options: { after?: string; limit?: number } = {}): Promise<Listing<RunRecord>> {
    const limit = pageLimit(options.limit, 50);
    const before = options.after === undefined ? null : decodeNumber(options.after);
    const rows = await this.#storage.read((tx) => {
      if (tx.load(key, "") === null && tx.listRuns(key, { before: null, limit: 1 }).length === 0) {
        throw streamNotFound(key);
      }
      return tx.listRuns(key, { before, limit: limit + 1 });
    });
    return listing(
      rows,
      limit,
      (row) => String(row.number),
      (row) => runRecord(row.run),
    );
  }

  async audit(
    options: { key?: StreamKey; after?: string; limit?: number } = {},
  ): Promise<Listing<AuditRecord>> {
    const limit = pageLimit(options.limit, 100);
    const after = options.after === undefined ? null : decodePlace(options.after);
    const key = options.key ?? null;
    const rows = await this.#storage.read((tx) => tx.listAudit({ key, after, limit: limit + 1 }));
    return listing(rows, limit, encodePlace, (row) => row);
  }

  async verifyAudit(options: { key?: StreamKey } = {}): Promise<{ streams: number; rows: number }> {
    const { key } = options;
    return this.#storage.read((tx) => (key === undefined ? verifyAll(tx) : verifyOne(tx, key)));
  }

  async partition(): Promise<PartitionState | null> {
    throw notYet();
  }
  async partitions(): Promise<Listing<PartitionState>> {
    throw notYet();
  }
  async coverage(): Promise<readonly Interval[]> {
    throw notYet();
  }
  async backfills(): Promise<readonly BackfillState[]> {
    throw notYet();
  }
  async prune(): Promise<{ runs: number }> {
    throw notYet();
  }

  async close(): Promise<void> {
    await this.#storage.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function store(tx: RowTransaction, change: Change, previous: StreamRow | null): void {
  tx.save(change.row, previous);
  for (const run of change.runs) tx.saveRun(run);
  for (const record of change.audit) tx.appendAudit(record);
}

function verifyOne(tx: RowTransaction, key: StreamKey): { streams: number; rows: number } {
  const row = tx.load(key, "");
  if (row !== null) return { streams: 1, rows: verifyStream(tx, row) };
  refuseOrphan(tx, tx.listAudit({ key, after: null, limit: 1 })[0]);
  return { streams: 0, rows: 0 };
}

function verifyAll(tx: RowTransaction): { streams: number; rows: number } {
  let streams = 0;
  let rows = 0;
  let after: StreamKey | null = null;
  for (;;) {
    const page: StreamRow[] = tx.listStreams({ after, limit: mostListed, connector: null });
    for (const row of page) rows += verifyStream(tx, row);
    streams += page.length;
    after = page.at(-1)?.key ?? null;
    if (after === null) break;
  }
  // Then the log's own streams, one after another: none may be without its state.
  let last: Place | null = null;
  for (;;) {
    const [record]: AuditRecord[] = tx.listAudit({ key: null, after: last, limit: 1 });
    if (record === undefined) return { streams, rows };
    refuseOrphan(tx, record);
    last = { key: record.key, number: Number.MAX_SAFE_INTEGER };
  }
}

function refuseOrphan(tx: RowTransaction, record: AuditRecord | undefined): void {
  if (record === undefined || tx.load(record.key, "") !== null) return;
  throw auditBroken(record.key, record.number, "belongs to a stream whose state was removed");
}

function verifyStream(tx: RowTransaction, row: StreamRow): number {
  const verifier = new ChainVerifier(row.key);
  let after: Place | null = null;
  let count = 0;
  for (;;) {
    const rows = tx.listAudit({ key: row.key, after, limit: mostListed });
    for (const record of rows) verifier.row(record);
    count += rows.length;
    const last = rows.at(-1);
    if (last === undefined) break;
    after = { key: last.key, number: last.number };
  }
  verifier.end({ number: row.auditNumber, hash: row.auditHead });
  return count;
}

export function notYet(): Error {
  return new Error("not built yet");
}
