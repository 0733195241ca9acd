import { type Clock, systemClock } from "../../clock.ts";
import { inStream, isTidemarkError, messageOf, TidemarkError } from "../../errors.ts";
import type { Pause } from "../../http/retry.ts";
import type { Position } from "../../model/position.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import { checkState } from "../../state/arguments.ts";
import type { BeginOptions, Run } from "../../state/contract.ts";
import { closeOutput } from "../closing.ts";
import { filteredMetadata } from "../filter-account.ts";
import type { OutputSession, PartContext, Pipeline } from "../ports.ts";
import { RunRefusals } from "../refusals/refusals.ts";
import { workFor } from "../user-code/user-code.ts";
import { type FaultInjector, noFaults } from "./fault-points.ts";
import { grantRun } from "./grant-run.ts";
import type { BackfillPlan } from "./plan-parts.ts";
import { noProgress, type Progress } from "./progress.ts";
import { cursorAskedFor, type RequestedStart } from "./requested-start.ts";
import { type RunResult, type RunStatus, Warnings } from "./result.ts";
import { runToEnd } from "./run.ts";
import { RunLimit } from "./run-limit.ts";
import type { SyncOptions } from "./sync-options.ts";

/** Shorter waits are normal in a run and are not reported. */
const longPauseMs = 5000;

/** What kind of run is made: one that moves the stream on, or a backfill. */
export interface AttemptKind {
  /** Under which scope the output keeps its commit positions. */
  readonly scope: string;
  readonly begin: Pick<BeginOptions, "kind" | "backfill">;
  /** What a backfill reads, once it is granted. */
  readonly plan: (run: Run) => Promise<BackfillPlan | null>;
}

/** One attempt at a run of any kind; an error is part of the result. */
export async function attemptRun(
  pipeline: Pipeline,
  options: SyncOptions,
  kind: AttemptKind,
): Promise<RunResult> {
  checkState(options.state);
  const clock = options.clock ?? systemClock;
  const startedAt = clock.elapsed();
  const warnings = new Warnings();
  const attempt = new Attempt(pipeline, options, kind, clock, warnings);
  const end = await workFor(pipeline, (codeFailed) => attempt.make(codeFailed));
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
  readonly #kind: AttemptKind;
  readonly #clock: Clock;
  readonly #warnings: Warnings;
  readonly #faults: FaultInjector;
  readonly #refusals: RunRefusals;
  readonly #limit: RunLimit;
  /** Aborts when the run must stop at its next checkpoint. */
  readonly #cancelled: AbortSignal;
  run: Run | null = null;
  lowerBound: string | null = null;
  progress: Progress = noProgress;

  constructor(pipeline: Pipeline, options: SyncOptions, kind: AttemptKind, clock: Clock, warnings: Warnings) {
    this.#pipeline = pipeline;
    this.#options = options;
    this.#kind = kind;
    this.#clock = clock;
    this.#warnings = warnings;
    this.#faults = options.faults ?? noFaults;
    const deadlineMs = kind.scope === "" ? (pipeline.deadlineMs ?? null) : null;
    this.#limit = new RunLimit(deadlineMs, clock, formatStreamKey(pipeline.key));
    const { signal } = this.#limit;
    this.#cancelled = options.signal === undefined ? signal : AbortSignal.any([options.signal, signal]);
    this.#refusals = new RunRefusals({ pipeline, clock, warn: warnings.add });
  }

  /** How many records the output holds. An exactly-once output discards what a run that ends early did not commit. */
  recordsWritten(status: RunStatus): number {
    const { recordsWritten, recordsCommitted } = this.progress;
    const keeps = status === "completed" || this.#pipeline.output.guarantee !== "exactly-once";
    return keeps ? recordsWritten : recordsCommitted;
  }

  /** `codeFailed` aborts on an uncaught error of the pipeline's own code. */
  async make(codeFailed: AbortSignal): Promise<End> {
    using limit = this.#limit;
    let session: OutputSession | undefined;
    try {
      this.#options.signal?.throwIfAborted();
      const asked = this.#asked();
      session = await this.#openOutput();
      this.run = await this.#begun(session);
      if (this.run === null) return { status: "skipped", error: null };
      this.#showPosition(this.run.position);
      this.#refusals.begin(this.run.runId, { refusesLate: session.settlesRefusals === true });
      await limit.race(this.#runToEnd(this.run, session, asked, codeFailed));
      return { status: "completed", error: null };
    } catch (thrown) {
      return await this.#failed(this.#asError(thrown));
    } finally {
      this.#refusals.close();
      const closed = session === undefined ? null : closeOutput(session, this.#warnings.add);
      // An output that hangs would also block its `close`.
      if (!limit.cut.aborted) await closed;
    }
  }

  #begun(session: OutputSession): Promise<Run | null> {
    return grantRun({
      pipeline: this.#pipeline,
      options: this.#options,
      begin: this.#kind.begin,
      session,
      clock: this.#clock,
      faults: this.#faults,
      cancelled: this.#cancelled,
      warn: this.#warnings.add,
    });
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

  /** Where the caller wants the run to begin. Throws before anything is opened where that is no cursor value. */
  #asked(): RequestedStart {
    const { since, lookbackDays } = this.#options;
    const { incremental } = this.#pipeline.input;
    return {
      ...(since === undefined ? {} : { since: cursorAskedFor(incremental, since, "since") }),
      ...(lookbackDays === undefined ? {} : { lookbackDays }),
    };
  }

  /** The watermark from which the run starts, as the result shows it. */
  #showPosition({ watermark }: Position): void {
    this.lowerBound = watermark;
    this.progress = { ...this.progress, watermark };
  }

  async #runToEnd(
    run: Run,
    session: OutputSession,
    asked: RequestedStart,
    codeFailed: AbortSignal,
  ): Promise<void> {
    const backfill = await this.#kind.plan(run);
    await runToEnd({
      backfill,
      asked,
      pipeline: this.#pipeline,
      run,
      session,
      state: this.#options.state,
      clock: this.#clock,
      faults: this.#faults,
      fullRefresh: this.#options.fullRefresh ?? false,
      cancelled: this.#cancelled,
      cut: this.#limit.cut,
      onStop: (error) => this.#limit.ask(error),
      codeFailed,
      warn: this.#warnings.add,
      warnings: this.#warnings,
      refusals: this.#refusals,
      context: (signal) => this.#partContext(signal),
      onStart: (start) => this.#showPosition(start),
      onProgress: (progress) => {
        this.progress = progress;
        this.#options.onProgress?.(progress);
      },
    });
  }

  async #failed(error: TidemarkError): Promise<End> {
    if (error.code === "RUN_SUPERSEDED") return { status: "superseded", error };
    if (this.run === null) return { status: "failed", error };
    // An exactly-once output has discarded what was not committed, so the count of the last checkpoint stays.
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
          // The next run needs to know when a retry makes sense.
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
    const { signal } = this.#limit;
    // What asked first counts: the process may be ended after that.
    const isLimited = signal.aborted && this.#cancelled.reason === signal.reason;
    // The error that the signal caused, and not one of its own.
    if (isLimited && (!isTidemarkError(thrown) || thrown.code === "RUN_CANCELLED")) {
      return this.#asError(signal.reason);
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
