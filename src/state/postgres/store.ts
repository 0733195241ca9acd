import { decodePosition, type Interval } from "../../model/position.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import { checkAct, checkKey, keptMetadata } from "../arguments.ts";
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
} from "../contract.ts";
import * as lifecycle from "../lifecycle.ts";
import { decodeNumber, decodePlace, encodePlace, listing, pageLimit } from "../listing.ts";
import { runNotFound, streamNotFound } from "../refusals.ts";
import { notYet } from "../row-store.ts";
import type { StreamRow } from "../rows.ts";
import { exportedStream, runRecord, streamState } from "../view.ts";
import type { Ledger } from "./ledger.ts";
import type { PostgresRows } from "./rows.ts";
import { RunSteps } from "./run-steps.ts";
import type { Steps } from "./steps.ts";
import { verifyAll, verifyOne } from "./verify.ts";

/** The `StateStore` on PostgreSQL. */
export class PostgresStateStore implements StateStore {
  readonly #ledger: Ledger;
  readonly #runs: RunSteps;

  constructor(ledger: Ledger, steps: Steps) {
    this.#ledger = ledger;
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
    return this.#move(key, "reset", reset, async (_, row) => lifecycle.resetTarget(row, key, reset));
  }

  async rewind(key: StreamKey, rewind: Rewind): Promise<StreamState> {
    checkAct(key, "rewind", rewind);
    const { toRun } = rewind;
    const target = async (rows: PostgresRows, row: StreamRow | null) => {
      if (row === null) throw streamNotFound(key);
      const run = await rows.loadRun(key, toRun);
      const stored = run?.kind === "live" ? run.endPosition : null;
      if (stored === null) throw runNotFound(key, toRun);
      const position = decodePosition(stored, `run ${toRun} of ${formatStreamKey(key)}`);
      return { position, cursorType: row.cursorType };
    };
    return this.#move(key, "rewind", { ...rewind, runId: toRun }, target);
  }

  async import(exported: ExportedStream, act: OperatorAct): Promise<StreamState> {
    const key = { connector: exported.connector, stream: exported.stream };
    checkKey(key);
    checkAct(key, "import", act);
    const metadata = exported.metadata === null ? null : keptMetadata(key, exported.metadata);
    const position = decodePosition(exported.position, `the export of ${formatStreamKey(key)}`);
    return this.#move(key, "import", act, async () => ({
      position,
      cursorType: exported.cursorType,
      metadata,
    }));
  }

  /** An operator's act is not repeated where its outcome is unknown: it would be a second one. */
  async #move(
    key: StreamKey,
    action: lifecycle.Act["action"],
    act: OperatorAct & { runId?: string },
    target: (rows: PostgresRows, row: StreamRow | null) => Promise<lifecycle.Destination>,
  ): Promise<StreamState> {
    const { actor, reason, runId } = act;
    const { row: moved } = await this.#ledger.inTurn(false, { key, lane: "" }, async ({ row, now }, rows) =>
      lifecycle.moveByOperator(row, key, await target(rows, row), {
        now,
        actor,
        action,
        reason,
        ...(runId === undefined ? {} : { runId }),
      }),
    );
    return streamState(moved);
  }

  async get(key: StreamKey): Promise<StreamState | null> {
    const { row } = await this.#rows.read(key, "");
    return row === null ? null : streamState(row);
  }

  async export(key: StreamKey): Promise<ExportedStream> {
    const { row } = await this.#rows.read(key, "");
    if (row === null) throw streamNotFound(key);
    return exportedStream(row);
  }

  async list(
    options: { after?: string; limit?: number; connector?: string } = {},
  ): Promise<Listing<StreamState>> {
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
    options: { key?: StreamKey; after?: string; limit?: number } = {},
  ): Promise<Listing<AuditRecord>> {
    const limit = pageLimit(options.limit, 100);
    const after = options.after === undefined ? null : decodePlace(options.after);
    const rows = await this.#rows.listAudit({ key: options.key ?? null, after, limit: limit + 1 });
    return listing(rows, limit, encodePlace, (row) => row);
  }

  async verifyAudit(options: { key?: StreamKey } = {}): Promise<{ streams: number; rows: number }> {
    const { key } = options;
    return this.#ledger.database.transact(
      true,
      (session) => {
        const rows = this.#ledger.rowsOn(session);
        return key === undefined ? verifyAll(rows) : verifyOne(rows, key);
      },
      "ISOLATION LEVEL REPEATABLE READ READ ONLY",
    );
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
    await this.#ledger.database.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
