import { randomUUID } from "node:crypto";
import type { CursorRange } from "../model/position.ts";
import type { StreamKey } from "../model/stream-key.ts";
import {
  checkAct,
  checkBegin,
  checkCheckpoint,
  checkCompletion,
  checkFailure,
  checkKey,
  checkPartition,
  checkRetention,
  checkStop,
} from "./arguments.ts";
import { type ComparedRow, comparedRow, loaded } from "./compared-row.ts";
import type {
  AuditRecord,
  BackfillState,
  BeginOptions,
  Checkpoint,
  Completion,
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
import type { ExportedStream } from "./exported.ts";
import type { ChainLink } from "./hash-chain.ts";
import * as lifecycle from "./lifecycle.ts";
import { listWithUnreadable } from "./list-with-unreadable.ts";
import {
  decodeMoment,
  decodeNumber,
  decodePlace,
  encodeMoment,
  encodePlace,
  listing,
  pageLimit,
} from "./listing.ts";
import { importTarget } from "./operator-acts.ts";
import { importChange, resetChange, rewindChange } from "./operator-steps.ts";
import { confirmedByAct, editedByHand, editOf, withTaken } from "./outside.ts";
import { currentPartition, knownCoverage } from "./partitions.ts";
import { streamNotFound } from "./refusals.ts";
import type { Retention } from "./retention.ts";
import { dueRuns } from "./row-storage.ts";
import {
  backfillScope,
  type Change,
  type ChildRows,
  type EditPolicy,
  runRef,
  type StreamRow,
  scopeOf,
} from "./rows.ts";
import { coveredBy, heldRow, namesOf, stepped } from "./run-steps.ts";
import type { Rows, StateStorage, Stepping } from "./state-storage.ts";
import type { Heartbeat, Stop, StoppingRun } from "./stop-requests.ts";
import { heartbeatFor, takeStop } from "./stop-steps.ts";
import {
  archiveLog,
  childRowsOf,
  currentIn,
  hasPartitionsOfOtherType,
  partitionsOf,
  pruneRuns,
  type WantedRows,
} from "./stored-rows.ts";
import type { ListOptions, WithUnreadable } from "./unreadable.ts";
import { verifyAll, verifyOne } from "./verify-rows.ts";
import { backfillState, exportedStream, partitionState, runRecord, streamState } from "./view.ts";
import { got, type Work } from "./work.ts";

/**
 * The state store, the same over every storage: it reads a row, takes one pure step of the lifecycle, and has the
 * storage write what changed, as long as the row is still the one that was read.
 */
export class StreamStateStore implements StateStore {
  readonly #storage: StateStorage;
  readonly #absentIsFresh: boolean;
  readonly #edits: EditPolicy;

  /**
   * `absentIsFresh`: a stream that is not stored starts over, even if an output holds a position. `edits`: what a run
   * does about a row that was changed outside Tidemark. Default: `refuse`.
   */
  constructor(storage: StateStorage, options: { absentIsFresh?: boolean; edits?: EditPolicy } = {}) {
    this.#storage = storage;
    this.#absentIsFresh = options.absentIsFresh ?? false;
    this.#edits = options.edits ?? "refuse";
  }

  get databaseIdentity(): string | null {
    return this.#storage.databaseIdentity;
  }

  async get(key: StreamKey): Promise<StreamState | null> {
    const row = await this.#storage.read((rows) => got(rows.load(key, "")));
    return row === null ? null : streamState(row);
  }

  async list(options: ListOptions = {}): Promise<Listing<StreamState> & WithUnreadable> {
    if (options.unreadable === "include") {
      return listWithUnreadable(this, options, (after, limit) =>
        this.#storage.read((rows) => got(rows.listKeys({ after, limit }))),
      );
    }
    const limit = pageLimit(options.limit, 100);
    const after = options.after === undefined ? null : decodePlace(options.after).key;
    const connector = options.connector ?? null;
    const found = await this.#storage.read((rows) =>
      got(rows.listStreams({ after, limit: limit + 1, connector })),
    );
    return listing(found, limit, (row) => encodePlace({ key: row.key, number: 0 }), streamState);
  }

  async begin(key: StreamKey, options: BeginOptions): Promise<Run> {
    checkBegin(key, options);
    const runId = options.runId ?? randomUUID();
    const scope = scopeOf({ ...options, kind: options.kind ?? "live", runId });
    return this.#storage.step({ key, scope }, (rows) => this.#begin(rows, key, scope, runId, options));
  }

  *#begin(rows: Rows, key: StreamKey, scope: string, runId: string, options: BeginOptions): Work<Run> {
    const found = scope === "" ? yield* this.#compared(rows, key) : null;
    const live = found === null ? yield* got(rows.load(key, "")) : found.row;
    const previous = found === null ? yield* got(rows.load(key, scope)) : live;
    if (options.runId !== undefined) {
      lifecycle.assertNotEnded(previous, yield* got(rows.loadRun(key, runId)));
    }
    const asked = options.cursorType ?? live?.cursorType ?? null;
    const hasOthers = yield* hasPartitionsOfOtherType(rows, [live, previous], asked);
    const now = yield* got(rows.now());
    const granted = lifecycle.begin(previous, live, key, runId, options, now, hasOthers);
    const isNew = (previous?.epoch ?? 0) === 0 && (options.epochFloor ?? 0) > 0;
    const begun = this.#absentIsFresh && isNew ? lifecycle.asFreshStart(granted) : granted;
    const isRepeated = begun.runs.length === 0 && (found?.audit ?? []).length === 0;
    const row = isRepeated
      ? begun.row
      : yield* got(rows.store(withTaken(begun, found), found === null ? previous : found.stored));
    const run = lifecycle.grantedRun({ ...begun, row }, runRef(row, runId, options));
    return found?.change == null ? run : { ...run, edited: editOf(found.change) };
  }

  async checkpoint(run: RunRef, made: Checkpoint, context: WriteContext = {}): Promise<Heartbeat> {
    checkCheckpoint(run.key, made);
    const wanted = { partitions: namesOf(made.partitions), backfilled: coveredBy(run, made.partitions) };
    const how = { ...context, relaxed: made.keptByOutput ?? false };
    const { heard } = await this.#take(run, how, wanted, (row, now, childRows) =>
      lifecycle.checkpoint(row, run, made, now, childRows),
    );
    return heard;
  }

  async heartbeat(run: RunRef): Promise<Heartbeat> {
    const scope = scopeOf(run);
    return this.#storage.step({ key: run.key, scope }, function* (rows) {
      const stored = yield* got(rows.load(run.key, scope));
      const row = lifecycle.heartbeat(stored, run, yield* got(rows.now()));
      const heard = yield* heartbeatFor(rows, run, row);
      yield* got(rows.store({ row, runs: [], audit: [] }, stored));
      return heard;
    });
  }

  async stop(key: StreamKey, stop: Stop): Promise<StoppingRun> {
    checkStop(key, stop);
    const edits = this.#edits;
    return this.#storage.step({ key, scope: "" }, (rows) => takeStop(rows, key, edits, stop), { once: true });
  }

  async complete(run: RunRef, done: Completion, context: WriteContext = {}): Promise<StreamState> {
    checkCompletion(run.key, done);
    const covered = run.kind === "backfill" ? [null, ...coveredBy(run, done.partitions)] : [];
    const wanted = { partitions: namesOf(done.partitions), backfilled: covered };
    const { row } = await this.#take(run, context, wanted, (held, now, childRows) =>
      lifecycle.complete(held, run, done, now, childRows),
    );
    return streamState(row);
  }

  async fail(run: RunRef, failure: Failure): Promise<StreamState> {
    checkFailure(run.key, failure);
    const scope = scopeOf(run);
    const row = await this.#storage.step({ key: run.key, scope }, function* (rows) {
      const stored = yield* got(rows.load(run.key, scope));
      const change = lifecycle.fail(stored, run, failure, yield* got(rows.now()));
      return yield* stepped(rows, run.key, { ...loaded(stored), change });
    });
    return streamState(row);
  }

  /** Applies a step of a run that has begun. */
  #take(
    run: RunRef,
    how: Stepping,
    wanted: WantedRows,
    step: (row: StreamRow | null, now: number, childRows: ChildRows) => Change | null,
  ): Promise<{ readonly row: StreamRow; readonly heard: Heartbeat }> {
    const { key } = run;
    const scope = scopeOf(run);
    const edits = this.#edits;
    return this.#storage.step(
      { key, scope },
      function* (rows) {
        const held = yield* heldRow(rows, key, scope, edits);
        const childRows = yield* childRowsOf(rows, key, scope, edits, wanted);
        const change = step(held.row, yield* got(rows.now()), childRows);
        const heard = yield* heartbeatFor(rows, run, held.row);
        return { row: yield* stepped(rows, key, { ...held, change }), heard };
      },
      how,
    );
  }

  #compared(rows: Rows, key: StreamKey): Work<ComparedRow> {
    return comparedRow(rows, key, { edits: this.#edits, reason: editedByHand });
  }

  async reset(key: StreamKey, reset: Reset): Promise<StreamState> {
    checkKey(key);
    checkAct(key, "reset", reset);
    if (reset.partition !== undefined) checkPartition(key, reset.partition);
    return this.#act(key, (rows, found) => resetChange(rows, found, key, reset));
  }

  async rewind(key: StreamKey, rewind: Rewind): Promise<StreamState> {
    checkAct(key, "rewind", rewind);
    return this.#act(key, (rows, found) => rewindChange(rows, found, key, rewind));
  }

  async import(exported: ExportedStream, act: OperatorAct): Promise<StreamState> {
    const key = { connector: exported.connector, stream: exported.stream };
    checkKey(key);
    checkAct(key, "import", act);
    const to = importTarget(exported);
    return this.#act(key, (rows, found) => importChange(rows, found, key, to, act));
  }

  /** An operator's act confirms what was changed outside Tidemark before it changes the stream itself. */
  async #act(key: StreamKey, step: (rows: Rows, found: ComparedRow) => Work<Change>): Promise<StreamState> {
    const row = await this.#storage.step(
      { key, scope: "" },
      function* (rows) {
        const found = yield* comparedRow(rows, key, { edits: "take", reason: confirmedByAct });
        const change = yield* step(rows, found);
        return yield* got(rows.store(withTaken(change, found), found.stored));
      },
      { once: true },
    );
    return streamState(row);
  }

  async export(key: StreamKey): Promise<ExportedStream> {
    return this.#storage.snapshot(function* (rows) {
      const row = yield* got(rows.load(key, ""));
      if (row === null) throw streamNotFound(key);
      const covered = [null, ...(yield* got(rows.backfilledPartitions(key)))];
      const backfilled = yield* got(rows.loadBackfilled(key, covered));
      return exportedStream(row, { partitions: yield* partitionsOf(rows, row), backfilled });
    });
  }

  async runs(key: StreamKey, options: { after?: string; limit?: number } = {}): Promise<Listing<RunRecord>> {
    const limit = pageLimit(options.limit, 50);
    const before = options.after === undefined ? null : decodeNumber(options.after);
    const found = await this.#storage.read(function* (rows) {
      const page = yield* got(rows.listRuns(key, { before, limit: limit + 1 }));
      if (page.length > 0 || (yield* got(rows.load(key, ""))) !== null) return page;
      const any = yield* got(rows.listRuns(key, { before: null, limit: 1 }));
      if (any.length === 0) throw streamNotFound(key);
      return page;
    });
    return listing(
      found,
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
      const found = await this.#storage.read((rows) =>
        got(rows.listNewestAudit({ key, before, limit: limit + 1 })),
      );
      return listing(found, limit, encodeMoment, (row) => row);
    }
    const after = options.after === undefined ? null : decodePlace(options.after);
    const found = await this.#storage.read((rows) => got(rows.listAudit({ key, after, limit: limit + 1 })));
    return listing(found, limit, encodePlace, (row) => row);
  }

  async verifyAudit(options: { key?: StreamKey } = {}): Promise<{ streams: number; rows: number }> {
    const { key } = options;
    return this.#storage.snapshot((rows) => (key === undefined ? verifyAll(rows) : verifyOne(rows, key)));
  }

  async archiveAudit(key: StreamKey, to: ChainLink): Promise<{ rows: number }> {
    return this.#storage.step({ key, scope: "" }, (rows) => archiveLog(rows, key, to), { once: true });
  }

  async partition(
    key: StreamKey,
    partition: string,
    options: PartitionOptions = {},
  ): Promise<PartitionState | null> {
    const scope = options.backfill === undefined ? "" : backfillScope(options.backfill);
    const { compare = false } = options;
    const row = await this.#storage.read((rows) => currentIn(rows, { key, scope }, partition, compare));
    return row === null ? null : partitionState(row, compare ? this.#edits : null);
  }

  async partitions(
    key: StreamKey,
    options: { after?: string; limit?: number } = {},
  ): Promise<Listing<PartitionState>> {
    const limit = pageLimit(options.limit, 100);
    const found = await this.#storage.read(function* (rows) {
      const stream = yield* got(rows.load(key, ""));
      if (stream === null) throw streamNotFound(key);
      const page = yield* got(rows.listPartitions(key, { after: options.after ?? null, limit: limit + 1 }));
      return page.map((row) => currentPartition(row, stream, row.partition) ?? row);
    });
    return listing(
      found,
      limit,
      (row) => row.partition,
      (row) => partitionState(row),
    );
  }

  async coverage(key: StreamKey, options: { partition?: string } = {}): Promise<readonly CursorRange[]> {
    const partition = options.partition ?? null;
    return this.#storage.snapshot(function* (rows) {
      const live = yield* got(rows.load(key, ""));
      const backfilled = (yield* got(rows.loadBackfilled(key, [partition]))).get(partition) ?? [];
      const stored =
        partition === null
          ? null
          : ((yield* got(rows.loadPartitions(key, "", [partition]))).get(partition) ?? null);
      return knownCoverage(live, partition, stored, backfilled);
    });
  }

  async backfills(key: StreamKey, options: { limit?: number } = {}): Promise<readonly BackfillState[]> {
    const limit = pageLimit(options.limit, 100);
    return (await this.#storage.read((rows) => got(rows.listBackfills(key, limit)))).map(backfillState);
  }

  async prune(retention: Retention): Promise<{ runs: number }> {
    checkRetention(retention);
    const now = await this.#storage.read((rows) => got(rows.now()));
    return { runs: await pruneRuns(this.#storage, retention.key ?? null, dueRuns(retention, now)) };
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
