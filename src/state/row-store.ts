import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import { type CursorRange, decodePosition } from "../model/position.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import {
  checkAct,
  checkBegin,
  checkCheckpoint,
  checkCompletion,
  checkFailure,
  checkKey,
  checkPartition,
  checkRetention,
} from "./arguments.ts";
import type { ChainLink } from "./chain-link.ts";
import { type ComparedRow, comparedRow, loaded } from "./compared-row.ts";
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
  PartitionOptions,
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
  decodeMoment,
  decodeNumber,
  decodePlace,
  encodeMoment,
  encodePlace,
  listing,
  pageLimit,
} from "./listing.ts";
import {
  type Act,
  type Destination,
  importTarget,
  moveByOperator,
  resetPartition,
  resetTarget,
} from "./operator-acts.ts";
import { confirmedByAct, editedByHand, editOf, withTaken } from "./outside.ts";
import { knownCoverage, standing } from "./partitions.ts";
import { resetsPartitioned, rewindsPartitioned, runNotFound, streamNotFound } from "./refusals.ts";
import type { Retention } from "./retention.ts";
import { withTies } from "./rewind-ties.ts";
import {
  archiveLog,
  besideOf,
  earlierEnds,
  hasPartitions,
  partitionsOf,
  pruneRuns,
  standingIn,
  store,
} from "./row-changes.ts";
import { dueRuns, type RowStorage, type RowTransaction } from "./row-storage.ts";
import { backfillScope, type Change, type EditPolicy, runRef, type StreamRow, scopeOf } from "./rows.ts";
import { listTold } from "./told-listing.ts";
import type { ListOptions, TellsUnreadable } from "./unreadable.ts";
import { verifyAll, verifyOne } from "./verify-rows.ts";
import { backfillState, exportedStream, partitionState, runRecord, streamState } from "./view.ts";

/** The `StateStore` over rows: loads a row, takes one step of the lifecycle, stores what changed. */
export class RowStateStore implements StateStore {
  readonly #storage: RowStorage;
  readonly #clock: Clock;
  readonly #absentIsFresh: boolean;
  readonly #edits: EditPolicy;

  /**
   * `absentIsFresh`: a stream that is not stored starts over, whatever an output remembers of it. `edits`: what a
   * run does about a row that was changed outside Tidemark; `refuse` unless given.
   */
  constructor(
    storage: RowStorage,
    clock: Clock,
    options: { absentIsFresh?: boolean; edits?: EditPolicy } = {},
  ) {
    this.#storage = storage;
    this.#clock = clock;
    this.#absentIsFresh = options.absentIsFresh ?? false;
    this.#edits = options.edits ?? "refuse";
  }

  get databaseIdentity(): string | null {
    return this.#storage.databaseIdentity;
  }

  async get(key: StreamKey): Promise<StreamState | null> {
    const row = await this.#storage.read((tx) => tx.load(key, ""));
    return row === null ? null : streamState(row);
  }

  async list(options: ListOptions = {}): Promise<Listing<StreamState> & TellsUnreadable> {
    if (options.unreadable === "told") {
      return listTold(this, options, (from, most) =>
        this.#storage.read((tx) => tx.listKeys({ after: from, limit: most })),
      );
    }
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
      const scope = scopeOf({ ...options, kind, runId });
      const found = scope === "" ? this.#compared(tx, key) : null;
      const live = found === null ? tx.load(key, "") : found.row;
      const previous = scope === "" ? live : tx.load(key, scope);
      if (options.runId !== undefined) lifecycle.refuseEndedRun(previous, tx.loadRun(key, runId));
      const typed = live ?? previous;
      const hasOthers =
        typed !== null &&
        lifecycle.changesType(typed, options.cursorType) &&
        tx.hasPartitions(key, typed.scope, typed.resetEpoch);
      const granted = lifecycle.begin(previous, live, key, runId, options, this.#clock.now(), hasOthers);
      const isNew = (previous?.epoch ?? 0) === 0 && (options.epochFloor ?? 0) > 0;
      const begun = this.#absentIsFresh && isNew ? lifecycle.asFreshStart(granted) : granted;
      store(tx, withTaken(begun, found), found === null ? previous : found.stored);
      const run = lifecycle.grantedRun(begun, runRef(begun.row, runId, options));
      return found?.change == null ? run : { ...run, edited: editOf(found.change) };
    });
  }

  async checkpoint(run: RunRef, made: Checkpoint, context: WriteContext = {}): Promise<void> {
    checkCheckpoint(run.key, made);
    const work = (tx: RowTransaction): void => {
      const { row, stored, audit } = this.#heldBy(tx, run);
      const change = lifecycle.checkpoint(row, run, made, this.#clock.now(), besideOf(tx, row, this.#edits));
      if (change !== null) store(tx, withTaken(change, { audit }), stored);
    };
    await this.#storage.transact(run.key, work, { ...context, relaxed: made.keptByOutput ?? false });
  }

  async heartbeat(run: RunRef): Promise<void> {
    await this.#storage.transact(run.key, (tx) => {
      const row = tx.load(run.key, scopeOf(run));
      tx.save(lifecycle.heartbeat(row, run, this.#clock.now()), row);
    });
  }

  async complete(run: RunRef, done: Completion, context: WriteContext = {}): Promise<StreamState> {
    checkCompletion(run.key, done);
    return this.#end(
      run,
      (row, tx) => lifecycle.complete(row, run, done, this.#clock.now(), besideOf(tx, row, this.#edits)),
      context,
    );
  }

  async fail(run: RunRef, failure: Failure): Promise<StreamState> {
    checkFailure(run.key, failure);
    return this.#end(run, (row) => lifecycle.fail(row, run, failure, this.#clock.now()), {}, true);
  }

  async #end(
    run: RunRef,
    step: (row: StreamRow | null, tx: RowTransaction) => Change | null,
    context: WriteContext,
    fails = false,
  ): Promise<StreamState> {
    return this.#storage.transact(
      run.key,
      (tx) => {
        const { row, stored, audit } = fails ? loaded(tx.load(run.key, scopeOf(run))) : this.#heldBy(tx, run);
        const change = step(row, tx);
        if (change !== null) store(tx, withTaken(change, { audit }), stored);
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
    const { partition, reason, actor } = reset;
    if (partition !== undefined) checkPartition(key, partition);
    return this.#storage.transact(key, (tx) => {
      const found = this.#confirmed(tx, key);
      const { row } = found;
      if (partition === undefined) {
        if (reset.to !== null && hasPartitions(tx, row)) throw resetsPartitioned(key);
        const to = resetTarget(found.stored, key, reset, row?.position ?? null);
        return this.#move(tx, found, key, to, "reset", reset);
      }
      const act = { now: this.#clock.now(), actor, action: "reset", reason } as const;
      const change = resetPartition(row, key, partition, reset, act, besideOf(tx, row, "take", key));
      store(tx, withTaken(change, found), found.stored);
      return streamState(change.row);
    });
  }

  async rewind(key: StreamKey, rewind: Rewind): Promise<StreamState> {
    checkAct(key, "rewind", rewind);
    return this.#storage.transact(key, (tx) => {
      const found = this.#confirmed(tx, key);
      const { row } = found;
      if (row === null || found.stored === null) throw streamNotFound(key);
      if (tx.hasPartitions(key, "", 0)) throw rewindsPartitioned(key);
      const run = tx.loadRun(key, rewind.toRun);
      const stored = run?.kind === "live" ? run.endPosition : null;
      if (stored === null) throw runNotFound(key, rewind.toRun);
      const end = decodePosition(stored, `run ${rewind.toRun} of ${formatStreamKey(key)}`);
      const position = withTies(end, row, earlierEnds(tx, key, rewind.toRun));
      return this.#move(
        tx,
        found,
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
    const to = importTarget(exported);
    return this.#storage.transact(key, (tx) =>
      this.#move(tx, this.#confirmed(tx, key), key, to, "import", act),
    );
  }

  #move(
    tx: RowTransaction,
    found: ComparedRow,
    key: StreamKey,
    to: Destination,
    action: Act["action"],
    act: OperatorAct,
    runId?: string,
  ): StreamState {
    const { reason, actor } = act;
    const now = this.#clock.now();
    const how = { now, actor, action, reason, ...(runId === undefined ? {} : { runId }) };
    const change = moveByOperator(found.row, key, to, how, besideOf(tx, found.row, "take", key));
    store(tx, withTaken(change, found), found.stored);
    return streamState(change.row);
  }

  #compared(tx: RowTransaction, key: StreamKey): ComparedRow {
    return comparedRow(tx, key, { edits: this.#edits, now: this.#clock.now(), reason: editedByHand });
  }

  /** For an operator's act, which confirms what was changed outside Tidemark before it changes the stream itself. */
  #confirmed(tx: RowTransaction, key: StreamKey): ComparedRow {
    return comparedRow(tx, key, { edits: "take", now: this.#clock.now(), reason: confirmedByAct });
  }

  /** The row that a run's step is about. Backfills have no log, since no watermark is theirs. */
  #heldBy(tx: RowTransaction, run: RunRef): Pick<ComparedRow, "row" | "stored" | "audit"> {
    const scope = scopeOf(run);
    return scope === "" ? this.#compared(tx, run.key) : loaded(tx.load(run.key, scope));
  }

  async export(key: StreamKey): Promise<ExportedStream> {
    return this.#storage.read((tx) => {
      const row = tx.load(key, "");
      if (row === null) throw streamNotFound(key);
      const backfilled = new Map<string | null, readonly CursorRange[]>();
      for (const partition of [null, ...tx.backfilledPartitions(key)]) {
        backfilled.set(partition, tx.loadBackfilled(key, partition));
      }
      return exportedStream(row, { partitions: partitionsOf(tx, row), backfilled });
    });
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
    options: { key?: StreamKey; order?: "oldest" | "newest"; after?: string; limit?: number } = {},
  ): Promise<Listing<AuditRecord>> {
    const limit = pageLimit(options.limit, 100);
    const key = options.key ?? null;
    if (options.order === "newest") {
      const before = options.after === undefined ? null : decodeMoment(options.after);
      const rows = await this.#storage.read((tx) => tx.listNewestAudit({ key, before, limit: limit + 1 }));
      return listing(rows, limit, encodeMoment, (row) => row);
    }
    const after = options.after === undefined ? null : decodePlace(options.after);
    const rows = await this.#storage.read((tx) => tx.listAudit({ key, after, limit: limit + 1 }));
    return listing(rows, limit, encodePlace, (row) => row);
  }

  async verifyAudit(options: { key?: StreamKey } = {}): Promise<{ streams: number; rows: number }> {
    const { key } = options;
    return this.#storage.read((tx) => (key === undefined ? verifyAll(tx) : verifyOne(tx, key)));
  }

  async archiveAudit(key: StreamKey, to: ChainLink): Promise<{ rows: number }> {
    return this.#storage.transact(key, (tx) => archiveLog(tx, key, to));
  }

  async partition(
    key: StreamKey,
    partition: string,
    options: PartitionOptions = {},
  ): Promise<PartitionState | null> {
    const scope = options.backfill === undefined ? "" : backfillScope(options.backfill);
    const { compare = false } = options;
    const row = await this.#storage.read((tx) => standingIn(tx, { key, scope }, partition, compare));
    return row === null ? null : partitionState(row, compare ? this.#edits : null);
  }

  async partitions(
    key: StreamKey,
    options: { after?: string; limit?: number } = {},
  ): Promise<Listing<PartitionState>> {
    const limit = pageLimit(options.limit, 100);
    const rows = await this.#storage.read((tx) => {
      const stream = tx.load(key, "");
      if (stream === null) throw streamNotFound(key);
      const listed = tx.listPartitions(key, { after: options.after ?? null, limit: limit + 1 });
      return listed.map((row) => standing(row, stream, row.partition) ?? row);
    });
    return listing(
      rows,
      limit,
      (row) => row.partition,
      (row) => partitionState(row),
    );
  }

  async coverage(key: StreamKey, options: { partition?: string } = {}): Promise<readonly CursorRange[]> {
    const partition = options.partition ?? null;
    return this.#storage.read((tx) => {
      const live = tx.load(key, "");
      const backfilled = tx.loadBackfilled(key, partition);
      const stored = partition === null ? null : tx.loadPartition(key, "", partition);
      return knownCoverage(live, partition, stored, backfilled);
    });
  }

  async backfills(key: StreamKey, options: { limit?: number } = {}): Promise<readonly BackfillState[]> {
    const limit = pageLimit(options.limit, 100);
    const rows = await this.#storage.read((tx) => tx.listBackfills(key, limit));
    return rows.map(backfillState);
  }

  async prune(retention: Retention): Promise<{ runs: number }> {
    checkRetention(retention);
    const due = dueRuns(retention, this.#clock.now());
    return { runs: await pruneRuns(this.#storage, retention.key ?? null, due) };
  }

  probe(): Promise<void> {
    return this.#storage.probe();
  }

  async close(): Promise<void> {
    await this.#storage.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
