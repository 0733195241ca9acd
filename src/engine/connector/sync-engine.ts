import type { Clock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";
import { kindOf } from "../../model/plain-object.ts";
import { type StreamKey, streamNameProblem } from "../../model/stream-key.ts";
import { checkState } from "../../state/arguments.ts";
import type { OperatorAct, StateStore } from "../../state/contract.ts";
import { defaultStateUrl, openState } from "../../state/storage/open.ts";
import type { ConcurrencyPolicy, Output } from "../ports.ts";
import type { FaultInjector } from "../run/fault-points.ts";
import type { Progress } from "../run/progress.ts";
import type { RunResult } from "../run/result.ts";
import { sync } from "../run/sync.ts";
import { type Connector, checkConnector } from "./connector.ts";
import { checkedBatchSize, connectorInput } from "./connector-input.ts";

export interface SyncEngineOptions {
  /**
   * Where checkpoints are kept: a store that its opener closes, or a URL as `openState` takes it, which the engine
   * opens when it is first needed and closes itself. `sqlite:./.tidemark/state.db` unless given.
   */
  readonly state?: StateStore | string;
  /** How many records are written between two checkpoints. Default: 100; at most 10,000. */
  readonly batchSize?: number;
  /** What a sync does while another of the same connector runs. Default: `skip`. */
  readonly onConcurrentRun?: ConcurrencyPolicy;
  /** How long a run may be silent before another may take over, in seconds. Default: 60. */
  readonly leaseSeconds?: number;
  /** Who runs it, for the history and the audit log. */
  readonly actor?: string;
  readonly clock?: Clock;
  readonly faults?: FaultInjector;
}

export interface ConnectorSyncOptions {
  /** Stops the run early: what a cursor covers is committed, then it fails with `RUN_CANCELLED`. */
  readonly signal?: AbortSignal;
  /** For the connector; checked and completed by its `configSchema`. */
  readonly config?: unknown;
  /** Called after every batch. */
  readonly onProgress?: (progress: Progress) => void;
}

/** The result of one sync; `newCursor` is the connector's current cursor. */
export interface ConnectorSyncResult extends RunResult {
  /** How many records this run delivered. */
  readonly itemsSynced: number;
}

/** A connector's current checkpoint. */
export interface SyncCheckpoint {
  /**
   * Records delivered over all runs. Records that a failed run delivered, and that the next run did not repeat, count
   * once.
   */
  readonly itemsSynced: number;
  /** The cursor that the next run is given. */
  readonly cursor: string | null;
  /** When the last run that completed began, as ISO 8601 in UTC; a failed run never moves it. */
  readonly lastSync: string | null;
  /** Why the last run failed; null where it did not. */
  readonly error: string | null;
}

/** Names a connector of stream `default`, or any other. */
type ConnectorName = string | Pick<Connector, "id" | "stream">;

/**
 * Drives connectors in code: records go to the output in batches, and each batch is a checkpoint with
 * the connector's current cursor, kept as that of any pipeline is (promises P1 to P5, P8, P10, P12).
 * An interrupted sync goes on from its last checkpoint.
 *
 * The checkpoint's cursor is always one whose records are all delivered. An output that upserts takes
 * every batch at once; one that appends takes batches that no cursor covers yet together with the next
 * that has one, or at the end of the run, so that no record is ever added twice.
 *
 * ```ts
 * const output = defineOutput({ type: "database", connectionString: "sqlite:./crm.db", table: "contacts", key: "id" });
 * await using engine = new SyncEngine(output);
 * const { itemsSynced } = await engine.sync(crm, { config: { url, token } });
 * const checkpoint = await engine.getCheckpoint("crm");
 * ```
 */
export class SyncEngine implements AsyncDisposable {
  readonly #output: Output;
  readonly #options: SyncEngineOptions & { readonly batchSize: number };
  /** The state that the engine opened itself; null before it was needed, and where it was given. */
  #opened: Promise<StateStore> | null = null;

  /** Throws `ARGUMENT_INVALID` for an invalid output, state or `batchSize`. */
  constructor(output: Output, options: SyncEngineOptions = {}) {
    checkOutput(output);
    if (options.state !== undefined && typeof options.state !== "string") checkState(options.state);
    this.#output = output;
    this.#options = { ...options, batchSize: checkedBatchSize(options.batchSize) };
  }

  #state(): Promise<StateStore> {
    const { state = defaultStateUrl } = this.#options;
    if (typeof state !== "string") return Promise.resolve(state);
    this.#opened ??= openState(state).catch((error: unknown) => {
      // If opening fails, the next call tries again.
      this.#opened = null;
      throw error;
    });
    return this.#opened;
  }

  /** Closes the state where the engine opened it; a later call opens it anew. */
  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = null;
    await (await opened)?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Runs a connector once. Resolves when the run completed, or was skipped because another of the same connector holds
   * the stream (`status`). Throws what ended it otherwise: `CONNECTOR_FAILED`, `RUN_CANCELLED`, `RUN_SUPERSEDED`, an
   * error of the output or of the state; `ARGUMENT_INVALID` for an invalid connector and for a configuration that it
   * rejects.
   */
  async sync(connector: Connector, options: ConnectorSyncOptions = {}): Promise<ConnectorSyncResult> {
    const { batchSize, onConcurrentRun = "skip", leaseSeconds = 60, actor, clock, faults } = this.#options;
    const { config, signal, onProgress } = options;
    checkConnector(connector);
    const input = connectorInput(connector, { config, batchSize });
    const result = await sync(
      {
        name: connector.id,
        key: keyOf(connector),
        onConcurrentRun,
        leaseSeconds,
        input,
        filters: [],
        output: this.#output,
      },
      {
        state: await this.#state(),
        ...(signal === undefined ? {} : { signal }),
        ...(onProgress === undefined ? {} : { onProgress }),
        ...(actor === undefined ? {} : { actor }),
        ...(clock === undefined ? {} : { clock }),
        ...(faults === undefined ? {} : { faults }),
      },
    );
    return { ...result, itemsSynced: result.recordsWritten };
  }

  /**
   * Returns a connector's current checkpoint; null where it has never run. For a connector that declares a `stream`,
   * pass the connector itself, not its id. Throws `STATE_UNREADABLE` for stored state that cannot be read.
   */
  async getCheckpoint(connector: ConnectorName): Promise<SyncCheckpoint | null> {
    const stored = await (await this.#state()).get(keyOf(connector));
    if (stored === null) return null;
    const { watermark, tally } = stored.position;
    return {
      itemsSynced: tally?.records ?? 0,
      cursor: watermark,
      lastSync: tally?.lastStart ?? null,
      error: stored.status === "failed" ? stored.lastError : null,
    };
  }

  /**
   * Starts a connector over, as an operator's act: its next run gets no cursor and no `since`. A running run is
   * superseded. Records in the output stay there. The audit log keeps `reason` and `actor`; without either it throws
   * `ARGUMENT_INVALID`. Throws `STREAM_NOT_FOUND` for a connector that has never run.
   */
  async resetCheckpoint(connector: ConnectorName, { reason, actor }: OperatorAct): Promise<void> {
    await (await this.#state()).reset(keyOf(connector), { to: null, reason, actor });
  }
}

function checkOutput(output: unknown): void {
  if (typeof output === "object" && output !== null && "open" in output && typeof output.open === "function")
    return;
  throw new TidemarkError("ARGUMENT_INVALID", `the output is ${kindOf(output)}, not an output`, {
    hint: 'Make one: `defineOutput({ type: "database", connectionString: "sqlite:./out.db", table: "items" })`.',
  });
}

function keyOf(connector: ConnectorName): StreamKey {
  const { id, stream = "default" } = typeof connector === "string" ? { id: connector } : connector;
  const problem = streamNameProblem(id);
  if (problem !== null) throw new TidemarkError("ARGUMENT_INVALID", `no connector has this name: ${problem}`);
  return { connector: id, stream };
}
