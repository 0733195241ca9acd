import { type CursorRange, decodePosition } from "../../../model/position.ts";
import { formatStreamKey, type StreamKey } from "../../../model/stream-key.ts";
import { checkAct, checkKey, checkPartition, checkRetention } from "../../arguments.ts";
import { refuseArchiving } from "../../audit.ts";
import type { ChainLink } from "../../chain-link.ts";
import type { ComparedRow } from "../../compared-row.ts";
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
} from "../../contract.ts";
import {
  decodeMoment,
  decodeNumber,
  decodePlace,
  encodeMoment,
  encodePlace,
  listing,
  mostListed,
  pageLimit,
} from "../../listing.ts";
import { importTarget, moveByOperator, resetPartition, resetTarget } from "../../operator-acts.ts";
import { withTaken } from "../../outside.ts";
import { knownCoverage, standing } from "../../partitions.ts";
import { resetsPartitioned, rewindsPartitioned, runNotFound, streamNotFound } from "../../refusals.ts";
import type { Retention } from "../../retention.ts";
import { mostSearched, withTies } from "../../rewind-ties.ts";
import { type DueRuns, dueRuns } from "../../row-storage.ts";
import {
  type Beside,
  backfillScope,
  type Change,
  type PartitionRow,
  type RunRow,
  type StreamRow,
} from "../../rows.ts";
import { listTold } from "../../told-listing.ts";
import type { ListOptions, TellsUnreadable } from "../../unreadable.ts";
import { backfillState, exportedStream, partitionState, runRecord, streamState } from "../../view.ts";
import { comparedFound } from "./compared-row.ts";
import type { Ledger } from "./ledger.ts";
import type { PostgresProbe } from "./probe.ts";
import type { Found, PostgresRows } from "./rows.ts";
import { RunSteps } from "./run-steps.ts";
import type { Steps } from "./steps.ts";
import { verifyAll, verifyOne } from "./verify.ts";

/** The `StateStore` on PostgreSQL. */
export class PostgresStateStore implements StateStore {
  readonly #ledger: Ledger;
  readonly #runs: RunSteps;
  readonly #probe: PostgresProbe;

  constructor(ledger: Ledger, steps: Steps, probe: PostgresProbe) {
    this.#ledger = ledger;
    this.#probe = probe;
    this.#runs = new RunSteps(ledger, steps);
  }

  get databaseIdentity(): string {
    return this.#ledger.database.identity;
  }

  get #rows(): PostgresRows {
    return this.#ledger.rows;
  }

  begin(key: StreamKey, options: BeginOptions): Promise<Run> {
    return this.#runs.begin(key, options);
  }

  checkpoint(run: RunRef, made: Checkpoint, context: WriteContext = {}): Promise<void> {
    return this.#runs.checkpoint(run, made, context);
  }

  heartbeat(run: RunRef): Promise<void> {
    return this.#runs.heartbeat(run);
  }

  complete(run: RunRef, done: Completion, context: WriteContext = {}): Promise<StreamState> {
    return this.#runs.complete(run, done, context);
  }

  fail(run: RunRef, failure: Failure): Promise<StreamState> {
    return this.#runs.fail(run, failure);
  }

  async reset(key: StreamKey, reset: Reset): Promise<StreamState> {
    checkKey(key);
    checkAct(key, "reset", reset);
    const { partition, actor, reason } = reset;
    if (partition !== undefined) checkPartition(key, partition);
    return this.#act(key, async ({ row, stored, now }, rows) => {
      const act = { now, actor, reason, action: "reset" } as const;
      if (partition !== undefined) {
        const beside = await rows.partitions.beside(key, "", [partition], [partition], "take");
        return resetPartition(row, key, partition, reset, act, beside);
      }
      const isPartitioned =
        reset.to !== null && row !== null && (await rows.partitions.hasAny(key, "", row.resetEpoch));
      if (isPartitioned) throw resetsPartitioned(key);
      const to = resetTarget(stored, key, reset, row?.position ?? null);
      return moveByOperator(row, key, to, act, nothingBeside);
    });
  }

  async rewind(key: StreamKey, rewind: Rewind): Promise<StreamState> {
    checkAct(key, "rewind", rewind);
    const { toRun: runId, actor, reason } = rewind;
    return this.#act(key, async ({ row, stored: found, now }, rows) => {
      if (row === null || found === null) throw streamNotFound(key);
      if (await rows.partitions.hasAny(key, "", 0)) throw rewindsPartitioned(key);
      const run = await rows.loadRun(key, runId);
      const stored = run?.kind === "live" ? run.endPosition : null;
      if (stored === null) throw runNotFound(key, runId);
      const end = decodePosition(stored, `run ${runId} of ${formatStreamKey(key)}`);
      const position = withTies(end, row, await earlierEnds(rows, key, runId));
      const act = { now, actor, reason, action: "rewind", runId } as const;
      return moveByOperator(row, key, { position, cursorType: row.cursorType }, act, nothingBeside);
    });
  }

  async import(exported: ExportedStream, { actor, reason }: OperatorAct): Promise<StreamState> {
    const key = { connector: exported.connector, stream: exported.stream };
    checkKey(key);
    checkAct(key, "import", { actor, reason });
    const to = importTarget(exported);
    const names = (to.partitions ?? []).map(({ partition }) => partition);
    return this.#act(key, async ({ row, now }, rows) => {
      const act = { now, actor, reason, action: "import" } as const;
      return moveByOperator(row, key, to, act, await rows.partitions.beside(key, "", names, [], "take"));
    });
  }

  /**
   * An operator's act is not repeated where its outcome is unknown: it would be a second one. It confirms what was
   * changed outside Tidemark before it changes the stream itself.
   */
  async #act(
    key: StreamKey,
    step: (found: ComparedRow & Pick<Found, "now">, rows: PostgresRows) => Promise<Change>,
  ): Promise<StreamState> {
    const { row } = await this.#ledger.inTurn(false, { key, scope: "" }, async (held, rows) => {
      const found = await comparedFound(rows, key, held, "take");
      return withTaken(await step({ ...found, now: held.now }, rows), found);
    });
    return streamState(row);
  }

  async get(key: StreamKey): Promise<StreamState | null> {
    const { row } = await this.#rows.read(key, "");
    return row === null ? null : streamState(row);
  }

  async export(key: StreamKey): Promise<ExportedStream> {
    return this.#snapshot(async (rows) => {
      const { row } = await rows.read(key, "");
      if (row === null) throw streamNotFound(key);
      const covered = [null, ...(await rows.partitions.backfilledPartitions(key))];
      const backfilled = await rows.partitions.backfilled(key, covered);
      return exportedStream(row, { partitions: await partitionsOf(rows, row), backfilled });
    });
  }

  async partition(
    key: StreamKey,
    partition: string,
    options: PartitionOptions = {},
  ): Promise<PartitionState | null> {
    const scope = options.backfill === undefined ? "" : backfillScope(options.backfill);
    const { row: stream } = await this.#rows.read(key, scope);
    if (stream === null) return null;
    const { partitions } = this.#rows;
    const stored = (await partitions.load(key, scope, [partition])).get(partition) ?? null;
    const asks = options.compare === true && stored === null && scope === "";
    const removed = asks ? ((await partitions.removed(key, [partition])).get(partition) ?? null) : null;
    const row = standing(stored, stream, partition, removed);
    return row === null ? null : partitionState(row, options.compare === true ? "refuse" : null);
  }

  async partitions(
    key: StreamKey,
    options: { after?: string; limit?: number } = {},
  ): Promise<Listing<PartitionState>> {
    const limit = pageLimit(options.limit, 100);
    const { row: stream } = await this.#rows.read(key, "");
    if (stream === null) throw streamNotFound(key);
    const stored = await this.#rows.partitions.list(key, options.after ?? null, limit + 1);
    const rows = stored.map((row) => standing(row, stream, row.partition) ?? row);
    return listing(
      rows,
      limit,
      (row) => row.partition,
      (row) => partitionState(row),
    );
  }

  async coverage(key: StreamKey, options: { partition?: string } = {}): Promise<readonly CursorRange[]> {
    const partition = options.partition ?? null;
    return this.#snapshot(async (rows) => {
      const { row: live } = await rows.read(key, "");
      const backfilled = (await rows.partitions.backfilled(key, [partition])).get(partition) ?? [];
      const stored =
        partition === null ? null : (await rows.partitions.load(key, "", [partition])).get(partition);
      return knownCoverage(live, partition, stored ?? null, backfilled);
    });
  }

  async backfills(key: StreamKey, options: { limit?: number } = {}): Promise<readonly BackfillState[]> {
    const rows = await this.#rows.listBackfills(key, pageLimit(options.limit, 100));
    return rows.map(backfillState);
  }

  async prune(retention: Retention): Promise<{ runs: number }> {
    checkRetention(retention);
    const due = dueRuns(retention, await this.#rows.now());
    const { key } = retention;
    return { runs: await pruneRuns(this.#rows, key ?? null, due) };
  }

  probe(): Promise<void> {
    return this.#probe.write();
  }

  async list(options: ListOptions = {}): Promise<Listing<StreamState> & TellsUnreadable> {
    if (options.unreadable === "told") {
      return listTold(this, options, (from, most) => this.#rows.listKeys(from, most));
    }
    const limit = pageLimit(options.limit, 100);
    const after = options.after === undefined ? null : decodePlace(options.after).key;
    const connector = options.connector ?? null;
    const rows = await this.#rows.listStreams({ after, limit: limit + 1, connector });
    return listing(rows, limit, (row) => encodePlace({ key: row.key, number: 0 }), streamState);
  }

  async runs(key: StreamKey, options: { after?: string; limit?: number } = {}): Promise<Listing<RunRecord>> {
    const limit = pageLimit(options.limit, 50);
    const before = options.after === undefined ? null : decodeNumber(options.after);
    const rows = await this.#rows.listRuns(key, { before, limit: limit + 1 });
    if (rows.length === 0 && !(await this.#rows.isKnown(key))) throw streamNotFound(key);
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
      const rows = await this.#rows.listNewestAudit({ key, before, limit: limit + 1 });
      return listing(rows, limit, encodeMoment, (row) => row);
    }
    const after = options.after === undefined ? null : decodePlace(options.after);
    const rows = await this.#rows.listAudit({ key, after, limit: limit + 1 });
    return listing(rows, limit, encodePlace, (row) => row);
  }

  async verifyAudit(options: { key?: StreamKey } = {}): Promise<{ streams: number; rows: number }> {
    const { key } = options;
    return this.#snapshot((rows) => (key === undefined ? verifyAll(rows) : verifyOne(rows, key)));
  }

  async archiveAudit(key: StreamKey, to: ChainLink): Promise<{ rows: number }> {
    return this.#ledger.database.transact(false, async (session) => {
      const rows = this.#ledger.rowsOn(session);
      const { row } = await rows.lock(key, "");
      const after = { key, number: to.number - 1 };
      const [record] = await rows.listAudit({ key, after, limit: 1 });
      refuseArchiving(key, row, record, to);
      return { rows: await rows.logs.archive(key, to) };
    });
  }

  /** Reads all as it was at one moment. */
  #snapshot<T>(work: (rows: PostgresRows) => Promise<T>): Promise<T> {
    return this.#ledger.database.transact(
      true,
      (session) => work(this.#ledger.rowsOn(session)),
      "ISOLATION LEVEL REPEATABLE READ READ ONLY",
    );
  }

  async close(): Promise<void> {
    await this.#ledger.database.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

const nothingBeside: Beside = {
  edits: "take",
  partition: () => null,
  backfilled: () => [],
  removed: () => null,
};

/** As in `row-changes.ts`. */
async function earlierEnds(rows: PostgresRows, key: StreamKey, runId: string): Promise<RunRow[]> {
  let before: number | null = null;
  for (;;) {
    const page: { number: number; run: RunRow }[] = await rows.listRuns(key, { before, limit: mostSearched });
    const at = page.find(({ run }) => run.runId === runId);
    if (at !== undefined) {
      const earlier = await rows.listRuns(key, { before: at.number, limit: mostSearched });
      return earlier.map(({ run }) => run);
    }
    before = page.at(-1)?.number ?? null;
    if (before === null) return [];
  }
}

/** All that count, by name. */
async function partitionsOf(rows: PostgresRows, stream: StreamRow): Promise<PartitionRow[]> {
  const found: PartitionRow[] = [];
  let after: string | null = null;
  for (;;) {
    const page: PartitionRow[] = await rows.partitions.list(stream.key, after, mostListed);
    found.push(...page.filter((row) => row.positionTag.epoch >= stream.resetEpoch));
    after = page.at(-1)?.partition ?? null;
    if (after === null) return found;
  }
}

/** Deletes what is due of one stream's history, or of all, a bounded statement at a time. */
async function pruneRuns(rows: PostgresRows, key: StreamKey | null, due: DueRuns): Promise<number> {
  let runs = 0;
  let keys = key === null ? await rows.listKeys(null, mostListed) : [key];
  while (keys.length > 0) {
    for (const each of keys) {
      for (let gone = mostListed; gone === mostListed; runs += gone) {
        gone = await rows.pruneRuns(each, due, mostListed);
      }
    }
    keys = key === null ? await rows.listKeys(keys.at(-1) ?? null, mostListed) : [];
  }
  return runs;
}
