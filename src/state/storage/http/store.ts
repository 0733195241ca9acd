import { randomUUID } from "node:crypto";
import { auditRecordFromWire, runRecordFromWire } from "../../../api/contracts/history.ts";
import {
  pruneToWire,
  resetToWire,
  rewindToWire,
  stoppingFromWire,
  stopToWire,
} from "../../../api/contracts/operator.ts";
import { backfillFromWire, partitionFromWire } from "../../../api/contracts/partition.ts";
import { streamRoutes as routes } from "../../../api/contracts/routes.ts";
import {
  beginToWire,
  heartbeatFromWire,
  referenceToWire,
  runFromWire,
  type WireRun,
} from "../../../api/contracts/run.ts";
import {
  exportFromWire,
  exportToWire,
  streamFromWire,
  type WireStream,
} from "../../../api/contracts/stream.ts";
import { unreadableFromWire } from "../../../api/contracts/unreadable.ts";
import { isTidemarkError, TidemarkError } from "../../../errors.ts";
import { type CursorRange, decodePosition } from "../../../model/position.ts";
import { formatStreamKey, type StreamKey } from "../../../model/stream-key.ts";
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
  keptMetadata,
} from "../../arguments.ts";
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
} from "../../contract.ts";
import type { ExportedStream } from "../../exported.ts";
import { pageLimit } from "../../listing.ts";
import type { LeaseOwner } from "../../owner.ts";
import { nothingToStop } from "../../refusals.ts";
import type { Retention } from "../../retention.ts";
import type { Heartbeat, Stop, StoppingRun } from "../../stop-requests.ts";
import type { ListOptions, UnreadableStream, WithUnreadable } from "../../unreadable.ts";
import { leaseAsGiven, ownerAsGiven, ownerToSend } from "./lease-owners.ts";
import { gathered, listingOf } from "./pages.ts";
import { checkpointToWire, completionToWire, failureToWire } from "./run-bodies.ts";
import type { Route, ServiceClient } from "./service-client.ts";

/** The page size for streams, partitions and their positions, which may be long. */
const mostWithPositions = 100;
/** How long to wait for the answer to a call that reads or deletes everything that is stored, in milliseconds. */
const longMs = 600_000;
const withPosition = { include: "position" } as const;

/**
 * State in a Tidemark service. Every call of a run may be made again when its answer was lost, and is; an operator's
 * act is made again only where it surely did not arrive, and otherwise ends in an error that says so. Times are those
 * of the store behind the service; this machine's clock is not used.
 */
export class HttpStateStore implements StateStore {
  readonly databaseIdentity = null;
  readonly #client: ServiceClient;
  readonly #isDead: (owner: LeaseOwner) => boolean;

  /** `isDead`: whether the process that holds a lease is known on this machine to have ended. */
  constructor(client: ServiceClient, isDead: (owner: LeaseOwner) => boolean) {
    this.#client = client;
    this.#isDead = isDead;
  }

  async get(key: StreamKey): Promise<StreamState | null> {
    checkKey(key);
    return orNull("STREAM_NOT_FOUND", async () => {
      const stream = await this.#client.call(routes.getStream, { params: named(key), query: withPosition });
      return this.#state(key, stream);
    });
  }

  async list(options: ListOptions = {}): Promise<Listing<StreamState> & WithUnreadable> {
    const limit = pageLimit(options.limit, 100);
    const { connector, unreadable: unreadableFilter } = options;
    const unreadable: UnreadableStream[] = [];
    const listed = await gathered(limit, mostWithPositions, options.after, async (page) => {
      const query = { ...withPosition, ...page, connector, unreadable: unreadableFilter };
      const answer = await this.#client.call(routes.listStreams, { query });
      unreadable.push(...(answer.unreadable ?? []).map(unreadableFromWire));
      return listingOf(answer, (stream) =>
        this.#state({ connector: stream.connector, stream: stream.stream }, stream),
      );
    });
    return unreadable.length === 0 ? listed : { ...listed, unreadable };
  }

  async begin(key: StreamKey, options: BeginOptions): Promise<Run> {
    checkBegin(key, options);
    const asked = { ...options, runId: options.runId ?? randomUUID() };
    try {
      return await this.#begin(key, asked);
    } catch (error) {
      if (!isTidemarkError(error, "RUN_ACTIVE")) throw error;
      const dead = await this.#deadRun(key, asked, error.details?.run_id);
      if (dead === null) throw error;
      const ended = await this.#endDead(dead);
      const run = await this.#begin(key, asked);
      return ended ? { ...run, supersededRunId: run.supersededRunId ?? dead.runId } : run;
    }
  }

  async #begin(key: StreamKey, options: BeginOptions & { readonly runId: string }): Promise<Run> {
    const { owner } = options;
    const body = beginToWire(owner === undefined ? options : { ...options, owner: ownerToSend(owner) });
    const wire = await this.#client.call(routes.begin, { params: named(key), query: withPosition, body });
    this.#assertSameStream(routes.begin.path, key, wire);
    if (wire.run_id !== options.runId) {
      throw this.#client.unreadable(routes.begin.path, `it grants run ${wire.run_id}, not ${options.runId}`);
    }
    return runFromWire(wire);
  }

  /** The run that holds the lease, where its process is known to have ended. */
  async #deadRun(key: StreamKey, { kind = "live" }: BeginOptions, runId: unknown): Promise<RunRef | null> {
    const held = kind === "live" ? [await this.get(key)] : await this.backfills(key);
    const holder = held.find((each) => each !== null && each.runId === runId && each.status === "running");
    const owner = holder?.lease?.owner;
    if (holder == null || holder.runId === null || owner == null || !this.#isDead(owner)) return null;
    const { epoch } = holder;
    const ref = { key, kind, runId: holder.runId, epoch };
    return "backfill" in holder ? { ...ref, backfill: holder.backfill } : ref;
  }

  /** False where another process ended it or took over first; the next begin then decides. */
  async #endDead(run: RunRef): Promise<boolean> {
    try {
      await this.fail(run, { error: "the process that ran it has ended" });
      return true;
    } catch (error) {
      if (isTidemarkError(error, "RUN_SUPERSEDED") || isTidemarkError(error, "RUN_FINISHED")) return false;
      throw error;
    }
  }

  async checkpoint(run: RunRef, made: Checkpoint, context: WriteContext = {}): Promise<Heartbeat> {
    checkCheckpoint(run.key, made);
    assertNoTransaction(run.key, context);
    const body = checkpointToWire(run, made);
    return heartbeatFromWire(await this.#client.call(routes.checkpoint, { params: named(run.key), body }));
  }

  async heartbeat(run: RunRef): Promise<Heartbeat> {
    const body = referenceToWire(run);
    return heartbeatFromWire(await this.#client.call(routes.heartbeat, { params: named(run.key), body }));
  }

  async stop(key: StreamKey, stop: Stop): Promise<StoppingRun> {
    checkStop(key, stop);
    await this.#assertNotDead(key, stop);
    const body = stopToWire(stop);
    const { runId, owner } = stoppingFromWire(
      await this.#client.call(routes.stop, { params: named(key), body }),
    );
    return { runId, owner: owner === null ? null : ownerAsGiven(owner) };
  }

  /** The service cannot know that a process of this machine has ended. */
  async #assertNotDead(key: StreamKey, { backfill }: Stop): Promise<void> {
    const all = backfill === undefined ? [await this.get(key)] : await this.backfills(key);
    const held = all.find((each) => each !== null && (!("backfill" in each) || each.backfill === backfill));
    const owner = held?.status === "running" ? held.lease?.owner : null;
    if (owner != null && this.#isDead(owner)) throw nothingToStop(key, backfill ?? null, []);
  }

  async complete(run: RunRef, done: Completion, context: WriteContext = {}): Promise<StreamState> {
    checkCompletion(run.key, done);
    assertNoTransaction(run.key, context);
    const kept = done.metadata === undefined ? {} : { metadata: keptMetadata(run.key, done.metadata) };
    return this.#move(routes.complete, run.key, completionToWire(run, { ...done, ...kept }));
  }

  async fail(run: RunRef, failure: Failure): Promise<StreamState> {
    checkFailure(run.key, failure);
    const kept = failure.metadata === undefined ? {} : { metadata: keptMetadata(run.key, failure.metadata) };
    return this.#move(routes.fail, run.key, failureToWire(run, { ...failure, ...kept }));
  }

  async reset(key: StreamKey, reset: Reset): Promise<StreamState> {
    checkKey(key);
    checkAct(key, "reset", reset);
    if (reset.partition !== undefined) checkPartition(key, reset.partition);
    return this.#move(routes.reset, key, resetToWire(reset), "unsent");
  }

  async rewind(key: StreamKey, rewind: Rewind): Promise<StreamState> {
    checkKey(key);
    checkAct(key, "rewind", rewind);
    return this.#move(routes.rewind, key, rewindToWire(rewind), "unsent");
  }

  async import(exported: ExportedStream, act: OperatorAct): Promise<StreamState> {
    const key = { connector: exported.connector, stream: exported.stream };
    checkKey(key);
    checkAct(key, "import", act);
    const holder = `the export of ${formatStreamKey(key)}`;
    for (const { position } of [exported, ...(exported.partitions ?? [])]) decodePosition(position, holder);
    const { connector: _, stream: __, ...state } = exportToWire(exported);
    return this.#move(routes.import, key, { state, reason: act.reason, actor: act.actor }, "unsent");
  }

  /** Makes a call that moves a stream; returns the state of the stream after it. */
  async #move(
    route: Route<WireStream>,
    key: StreamKey,
    body: unknown,
    repeatable: "always" | "unsent" = "always",
  ): Promise<StreamState> {
    const options = { params: named(key), query: withPosition, body, repeatable };
    return this.#state(key, await this.#client.call(route, options));
  }

  async runs(key: StreamKey, options: { after?: string; limit?: number } = {}): Promise<Listing<RunRecord>> {
    checkKey(key);
    const query = { limit: pageLimit(options.limit, 50), cursor: options.after };
    return listingOf(await this.#client.call(routes.runs, { params: named(key), query }), runRecordFromWire);
  }

  async audit(
    options: { key?: StreamKey; order?: "oldest" | "newest"; after?: string; limit?: number } = {},
  ): Promise<Listing<AuditRecord>> {
    const { key, order, after: cursor } = options;
    const query = { limit: pageLimit(options.limit, 100), order, cursor };
    const page =
      key === undefined
        ? await this.#client.call(routes.auditLog, { query })
        : await this.#client.call(routes.audit, { params: named(key), query });
    return listingOf(page, auditRecordFromWire);
  }

  /** Rows can only be removed where they are stored, so that an API key cannot delete the log. */
  async archiveAudit(key: StreamKey): Promise<never> {
    throw new TidemarkError(
      "ARGUMENT_INVALID",
      "the audit log of a service is archived where the service keeps it",
      {
        stream: formatStreamKey(key),
        hint: "Run `tidemark audit --archive` with the service's own `--state`.",
      },
    );
  }

  async verifyAudit(options: { key?: StreamKey } = {}): Promise<{ streams: number; rows: number }> {
    const { key } = options;
    const { streams, rows } =
      key === undefined
        ? await this.#client.call(routes.verifyAudit, { timeoutMs: longMs })
        : await this.#client.call(routes.verifyStreamAudit, { params: named(key), timeoutMs: longMs });
    return { streams, rows };
  }

  async export(key: StreamKey): Promise<ExportedStream> {
    checkKey(key);
    return exportFromWire(await this.#client.call(routes.export, { params: named(key) }));
  }

  async partition(
    key: StreamKey,
    partition: string,
    options: PartitionOptions = {},
  ): Promise<PartitionState | null> {
    checkKey(key);
    checkPartition(key, partition);
    return orNull("PARTITION_NOT_FOUND", async () => {
      const params = { ...named(key), partition };
      const query = { backfill: options.backfill, compare: options.compare === true ? "log" : undefined };
      return partitionFromWire(await this.#client.call(routes.partition, { params, query }));
    });
  }

  async partitions(
    key: StreamKey,
    options: { after?: string; limit?: number } = {},
  ): Promise<Listing<PartitionState>> {
    checkKey(key);
    const limit = pageLimit(options.limit, 100);
    return gathered(limit, mostWithPositions, options.after, async (query) =>
      listingOf(await this.#client.call(routes.partitions, { params: named(key), query }), partitionFromWire),
    );
  }

  async coverage(key: StreamKey, options: { partition?: string } = {}): Promise<readonly CursorRange[]> {
    checkKey(key);
    const query = { partition: options.partition };
    return (await this.#client.call(routes.coverage, { params: named(key), query })).intervals;
  }

  async backfills(key: StreamKey, options: { limit?: number } = {}): Promise<readonly BackfillState[]> {
    checkKey(key);
    const query = { limit: pageLimit(options.limit, 100) };
    const { items } = await this.#client.call(routes.backfills, { params: named(key), query });
    return items.map((item) => {
      const backfill = backfillFromWire(item);
      return { ...backfill, lease: leaseAsGiven(backfill.lease) };
    });
  }

  async prune(retention: Retention): Promise<{ runs: number }> {
    checkRetention(retention);
    const { key } = retention;
    const body = pruneToWire(retention);
    return key === undefined
      ? this.#client.call(routes.pruneAll, { body, timeoutMs: longMs })
      : this.#client.call(routes.prune, { params: named(key), body, timeoutMs: longMs });
  }

  probe(): Promise<void> {
    return this.#client.assertReady();
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #state(key: StreamKey, wire: WireStream): StreamState {
    this.#assertSameStream(routes.getStream.path, key, wire);
    const state = streamFromWire(wire);
    return { ...state, lease: leaseAsGiven(state.lease) };
  }

  /** An answer from a cache in between may belong to another request. */
  #assertSameStream(path: string, key: StreamKey, wire: WireRun | WireStream): void {
    if (wire.connector === key.connector && wire.stream === key.stream) return;
    const [asked, answered] = [formatStreamKey(key), formatStreamKey(wire)];
    throw this.#client.unreadable(path, `it is about ${answered}, not ${asked}`);
  }
}

function named({ connector, stream }: StreamKey): Record<string, string> {
  return { connector, stream };
}

async function orNull<T>(
  code: "STREAM_NOT_FOUND" | "PARTITION_NOT_FOUND",
  ask: () => Promise<T>,
): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (isTidemarkError(error, code)) return null;
    throw error;
  }
}

function assertNoTransaction(key: StreamKey, { transaction }: WriteContext): void {
  if (transaction === undefined) return;
  throw new TidemarkError("ARGUMENT_INVALID", "state in a service takes no transaction of the caller's", {
    stream: formatStreamKey(key),
    hint: "Leave `transaction` out; to commit rows and cursor together, open the state by its database's own URL.",
  });
}
