import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "../../clock.ts";
import { inStream, isTidemarkError, messageOf, TidemarkError } from "../../errors.ts";
import type { Pause } from "../../http/retry.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import { checkState } from "../../state/arguments.ts";
import type { BeginOptions, Run, StateStore } from "../../state/contract.ts";
import { processOwner } from "../../state/owner.ts";
import { filteredMetadata } from "../filter-account.ts";
import type { OutputSession, PartContext, Pipeline } from "../ports.ts";
import { RunRefusals } from "../refusals/refusals.ts";
import { workFor } from "../user-code/user-code.ts";
import { cursorAskedFor } from "./asked.ts";
import { Deadline } from "./deadline.ts";
import { type FaultInjector, noFaults } from "./fault-points.ts";
import { assertNotAppendingAgain } from "./full-refresh.ts";
import type { BackfillPlan } from "./plan-parts.ts";
import { noProgress, type Progress } from "./progress.ts";
import { type RunResult, type RunStatus, Warnings } from "./result.ts";
import { runToEnd } from "./run.ts";

export interface SyncOptions {
  readonly state: StateStore;
  /** Stops the run early: the batch at hand is finished and committed, then it fails with `RUN_CANCELLED`. */
  readonly signal?: AbortSignal;
  /** Starts the stream over: the state is reset, audited, and everything is read again. */
  readonly fullRefresh?: boolean;
  /** Lets a full refresh add everything once more to an output that appends; refused unless given. */
  readonly appendAgain?: boolean;
  /**
   * Reads from this value of the leading cursor on, instead of from where the stream stands: a time in
   * UTC, or an id. The watermark goes on from where it was. Not for outputs that append, once the
   * stream has been read, since they would hold what lies between twice.
   */
  readonly since?: string;
  /** How many days back a stream begins that has never been read; before the pipeline's own `start`. */
  readonly lookbackDays?: number;
  /** Called after every page. */
  readonly onProgress?: (progress: Progress) => void;
  /**
   * Makes the run's waits of 5 s and more, such as those that a source asks for with `Retry-After`: called as the
   * wait begins. Must call `sleep`, and resolve after it.
   */
  readonly onPause?: (wait: RunPause, sleep: () => Promise<void>) => Promise<void>;
  /** Who runs it, for the history and the audit log. */
  readonly actor?: string;
  readonly clock?: Clock;
  readonly faults?: FaultInjector;
}

/** A wait in the middle of a run. */
export interface RunPause {
  readonly milliseconds: number;
  /** What is waited for. */
  readonly why: string;
}

/** Shorter waits belong to any run. */
const longPauseMs = 5000;

/**
 * Runs a pipeline once: begin → read page → filter → write → commit → complete. Each delivered row
 * and the stream's position become durable together where the output can do that (promise P2).
 *
 * Resolves when the run completed, or was skipped because another holds the stream. Throws the
 * `TidemarkError` that ended it otherwise; the state then stands at the last checkpoint (P8), and the
 * next run goes on from there.
 *
 * ```ts
 * await using state = await openState("sqlite:./.tidemark/state.db");
 * const [pipeline] = await loadPipelines(["events.yaml"]);
 * const result = await sync(pipeline, { state });
 * console.log(result.recordsWritten, result.newCursor);
 * ```
 */
export async function sync(pipeline: Pipeline, options: SyncOptions): Promise<RunResult> {
  const result = await attemptSync(pipeline, options);
  if (result.error !== null) throw result.error;
  return result;
}

/** As `sync`, but a run that failed is a result with its `error` and its counts, and nothing is thrown. */
export async function attemptSync(pipeline: Pipeline, options: SyncOptions): Promise<RunResult> {
  return attemptRun(pipeline, options, liveRun);
}

/** What kind of run is made: one that moves the stream on, or a backfill. */
export interface RunKind {
  /** Under which scope the output keeps its commit positions. */
  readonly scope: string;
  readonly begin: Pick<BeginOptions, "kind" | "backfill">;
  /** What a backfill reads, once it is granted. */
  readonly plan: (run: Run) => Promise<BackfillPlan | null>;
}

const liveRun: RunKind = { scope: "", begin: {}, plan: async () => null };

/** One attempt at a run of any kind; what fails it is in the result. */
export async function attemptRun(
  pipeline: Pipeline,
  options: SyncOptions,
  kind: RunKind,
): Promise<RunResult> {
  checkState(options.state);
  const clock = options.clock ?? systemClock;
  const startedAt = clock.elapsed();
  const warnings = new Warnings();
  const attempt = new Attempt(pipeline, options, kind, clock, warnings);
  const end = await workFor(pipeline, (stray) => attempt.make(stray));
  return {
    pipeline: pipeline.name,
    connector: pipeline.key.connector,
    stream: pipeline.key.stream,
    status: end.status,
    runId: attempt.run?.runId ?? null,
    recordsRead: attempt.progress.recordsRead,
    recordsWritten: attempt.recordsWritten(end.status),
    recordsRefused: attempt.progress.recordsRefused,
    recordsDeadLettered: attempt.progress.recordsDeadLettered,
    filters: attempt.progress.filters,
    pages: attempt.progress.pages,
    checkpoints: attempt.progress.checkpoints,
    lowerBound: attempt.lowerBound,
    newCursor: attempt.progress.watermark,
    durationMs: Math.round(clock.elapsed() - startedAt),
    warnings: warnings.list(),
    error: end.error,
  };
}

interface End {
  readonly status: RunStatus;
  readonly error: TidemarkError | null;
}

class Attempt {
  readonly #pipeline: Pipeline;
  readonly #options: SyncOptions;
  readonly #kind: RunKind;
  readonly #clock: Clock;
  readonly #warnings: Warnings;
  readonly #faults: FaultInjector;
  readonly #refusals: RunRefusals;
  readonly #deadline: Deadline;
  /** Aborts where the run is to stop at its next checkpoint. */
  readonly #cancelled: AbortSignal;
  run: Run | null = null;
  lowerBound: string | null = null;
  progress: Progress = noProgress;

  constructor(pipeline: Pipeline, options: SyncOptions, kind: RunKind, clock: Clock, warnings: Warnings) {
    this.#pipeline = pipeline;
    this.#options = options;
    this.#kind = kind;
    this.#clock = clock;
    this.#warnings = warnings;
    this.#faults = options.faults ?? noFaults;
    const limit = kind.scope === "" ? (pipeline.deadlineMs ?? null) : null;
    this.#deadline = new Deadline(limit, clock, formatStreamKey(pipeline.key));
    const { signal } = this.#deadline;
    this.#cancelled = options.signal === undefined ? signal : AbortSignal.any([options.signal, signal]);
    this.#refusals = new RunRefusals({ pipeline, clock, warn: warnings.add });
  }

  /** What the output holds. An exactly-once output lets go of what a run that ends early did not commit. */
  recordsWritten(status: RunStatus): number {
    const { recordsWritten, recordsCommitted } = this.progress;
    const keeps = status === "completed" || this.#pipeline.output.guarantee !== "exactly-once";
    return keeps ? recordsWritten : recordsCommitted;
  }

  /** `stray` aborts where an error of the pipeline's own code reached nobody. */
  async make(stray: AbortSignal): Promise<End> {
    using deadline = this.#deadline;
    let session: OutputSession | undefined;
    try {
      this.#options.signal?.throwIfAborted();
      session = await this.#openOutput();
      this.run = await this.#begin(session);
      if (this.run === null) return { status: "skipped", error: null };
      this.#refusals.begin(this.run.runId, { refusesLate: session.settlesRefusals === true });
      await deadline.race(this.#runToEnd(this.run, session, stray));
      return { status: "completed", error: null };
    } catch (thrown) {
      return await this.#failed(this.#asError(thrown));
    } finally {
      this.#refusals.close();
      const closed = session
        ?.close()
        .catch((error: unknown) => this.#warnings.add("OUTPUT_CLOSE_FAILED", messageOf(error)));
      // An output that hangs would hold its own end up as well.
      if (!deadline.cut.aborted) await closed;
    }
  }

  #openOutput(): Promise<OutputSession> {
    const { output, leaseSeconds, input } = this.#pipeline;
    const { scope } = this.#kind;
    const cursor = scope === "" ? undefined : input.incremental.cursors[0];
    return output.open({
      ...this.#partContext(),
      scope,
      leaseSeconds,
      cursorPath: cursor?.path ?? null,
      cursorType: cursor?.type ?? null,
      refusals: this.#refusals,
    });
  }

  #partContext(signal: AbortSignal = this.#cancelled): PartContext {
    const { key } = this.#pipeline;
    return { key, clock: this.#clock, signal, warn: this.#warnings.add, pause: this.#pause };
  }

  readonly #pause: Pause = (milliseconds, why, signal) => {
    const { onPause } = this.#options;
    const sleep = () => this.#clock.sleep(milliseconds, signal);
    return onPause === undefined || milliseconds < longPauseMs
      ? sleep()
      : onPause({ milliseconds, why }, sleep);
  };

  /** The granted run, or null where the pipeline's policy is to skip. */
  async #begin(session: OutputSession): Promise<Run | null> {
    const { onConcurrentRun } = this.#pipeline;
    await this.#faults("beforeBegin");
    if (this.#options.fullRefresh === true && this.#options.appendAgain !== true) {
      await assertNotAppendingAgain(this.#pipeline, session, this.#options.state);
    }
    for (;;) {
      try {
        const run = await this.#granted(session);
        await this.#faults("afterBegin");
        return run;
      } catch (error) {
        if (!isTidemarkError(error, "RUN_ACTIVE") || onConcurrentRun === "takeover") throw error;
        if (onConcurrentRun === "skip") {
          this.#warnings.add("RUN_ACTIVE", error.message);
          return null;
        }
        await this.#clock.sleep(waitBetweenTriesMs, this.#cancelled);
      }
    }
  }

  /** A full refresh holds the stream before it resets it, so that it never cuts off a run it should wait for. */
  async #granted(session: OutputSession): Promise<Run> {
    const run = await this.#tryBegin(session);
    if (this.#options.fullRefresh !== true) return run;
    const { key } = this.#pipeline;
    const reset = { to: null, reason: "full refresh", actor: this.#options.actor ?? "local" };
    await this.#options.state.reset(key, reset);
    return this.#tryBegin(session);
  }

  async #tryBegin(session: OutputSession): Promise<Run> {
    const { key, input, leaseSeconds, onConcurrentRun } = this.#pipeline;
    const { state, actor } = this.#options;
    return state.begin(key, {
      cursorType: input.incremental.cursors[0]?.type ?? null,
      ifRunning: onConcurrentRun === "takeover" ? "override" : "refuse",
      leaseSeconds,
      runId: randomUUID(),
      owner: processOwner(),
      epochFloor: await session.fencedEpoch(),
      ...this.#kind.begin,
      ...(actor === undefined ? {} : { actor }),
    });
  }

  async #runToEnd(run: Run, session: OutputSession, stray: AbortSignal): Promise<void> {
    const { since, lookbackDays } = this.#options;
    const { incremental } = this.#pipeline.input;
    const backfill = await this.#kind.plan(run);
    await runToEnd({
      backfill,
      asked: {
        ...(since === undefined ? {} : { since: cursorAskedFor(incremental, since, "since") }),
        ...(lookbackDays === undefined ? {} : { lookbackDays }),
      },
      pipeline: this.#pipeline,
      run,
      session,
      state: this.#options.state,
      clock: this.#clock,
      faults: this.#faults,
      fullRefresh: this.#options.fullRefresh ?? false,
      cancelled: this.#cancelled,
      cut: this.#deadline.cut,
      stray,
      warn: this.#warnings.add,
      warnings: this.#warnings,
      refusals: this.#refusals,
      context: (signal) => this.#partContext(signal),
      onStart: (start) => {
        this.lowerBound = start.watermark;
        this.progress = { ...this.progress, watermark: start.watermark };
      },
      onProgress: (progress) => {
        this.progress = progress;
        this.#options.onProgress?.(progress);
      },
    });
  }

  async #failed(error: TidemarkError): Promise<End> {
    if (error.code === "RUN_SUPERSEDED") return { status: "superseded", error };
    if (this.run === null) return { status: "failed", error };
    // What such an output took and was not asked to commit is gone again; the last checkpoint has the count.
    const keepsCount = this.#pipeline.output.guarantee === "exactly-once";
    const { recordsRead, recordsRefused, recordsDeadLettered, filters, pages } = this.progress;
    const { retry_after_ms } = error.details ?? {};
    try {
      await this.#options.state.fail(this.run, {
        error: `${error.code}: ${error.message}`,
        metadata: {
          records_read: recordsRead,
          records_refused: recordsRefused,
          records_dead_lettered: recordsDeadLettered,
          ...filteredMetadata(filters),
          pages,
          warnings: this.#warnings.list(),
          // Whoever runs the stream next is to know when that makes sense.
          recoverable: error.recoverable,
          ...(retry_after_ms === undefined ? {} : { retry_after_ms }),
        },
        ...(keepsCount ? {} : { recordsProcessed: this.progress.recordsWritten }),
      });
    } catch (failure) {
      if (isTidemarkError(failure, "RUN_SUPERSEDED")) return { status: "superseded", error: failure };
      this.#warnings.add("FAILURE_NOT_RECORDED", messageOf(failure));
    }
    return { status: "failed", error };
  }

  /** Every failure leaves with a code and the stream it happened to. */
  #asError(thrown: unknown): TidemarkError {
    const stream = formatStreamKey(this.#pipeline.key);
    const stopped = !this.#options.signal?.aborted && this.#deadline.signal.aborted;
    if (stopped && (!isTidemarkError(thrown) || thrown.code === "RUN_CANCELLED")) {
      return this.#asError(this.#deadline.signal.reason);
    }
    if (thrown instanceof TidemarkError) return inStream(thrown, stream);
    if (this.#options.signal?.aborted) {
      return new TidemarkError("RUN_CANCELLED", `the run of ${stream} was asked to stop`, {
        stream,
        cause: thrown,
      });
    }
    return new TidemarkError("INTERNAL", messageOf(thrown), { stream, cause: thrown });
  }
}

const waitBetweenTriesMs = 1000;
