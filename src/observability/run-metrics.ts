import type { Clock } from "../clock.ts";
import type { StreamKey } from "../model/stream-key.ts";
import type { Completion, Failure, Metadata, Run, RunRef } from "../state/contract.ts";
import type { Instruments } from "./instruments.ts";
import type { StateObserver } from "./observed-state.ts";
import type { LabelledStreams } from "./stream-labels.ts";

/** A run that this process has seen begin, or go on. */
interface SeenRun {
  readonly key: StreamKey;
  /** By `Clock.elapsed`; null where it began elsewhere. */
  readonly beganAt: number | null;
  written: number;
}

type Outcome = "completed" | "failed" | "cancelled" | "stopped" | "superseded";

/** Runs of clients that go away are never ended; the oldest are forgotten beyond so many. */
const mostRuns = 10_000;

/** Counts runs by what they do with their state, so that a run of any process or language counts alike. */
export class RunMetrics implements StateObserver {
  readonly #instruments: Instruments;
  readonly #streams: LabelledStreams;
  readonly #clock: Clock;
  readonly #seen = new Map<string, SeenRun>();
  /** The last runs that were counted as ended: calls may be repeated. */
  readonly #ended = new Set<string>();
  /** Called when a live run of the stream has completed. */
  readonly #onSuccess: (key: StreamKey) => void;

  constructor(
    instruments: Instruments,
    streams: LabelledStreams,
    clock: Clock,
    onSuccess: (key: StreamKey) => void,
  ) {
    this.#instruments = instruments;
    this.#streams = streams;
    this.#clock = clock;
    this.#onSuccess = onSuccess;
  }

  called(call: string, seconds: number, ok: boolean): void {
    this.#instruments.stateSeconds.observe({ call, result: ok ? "ok" : "error" }, seconds);
    if (call === "checkpoint" && ok) this.#instruments.checkpointSeconds.observe(seconds);
  }

  begun(run: Run): void {
    if (this.#seen.has(run.runId)) return;
    this.#remember(run, this.#clock.elapsed());
    // A series must exist before it rises, so that its first rise is visible.
    for (const [, counter] of this.#reported()) counter.inc(this.#streams.of(run.key), 0);
    if (run.supersededRunId === null || this.#ended.has(run.supersededRunId)) return;
    this.#end(run.supersededRunId, run.key, "superseded");
  }

  checkpointed(run: RunRef, { recordsProcessed }: { readonly recordsProcessed: number }): void {
    this.#instruments.checkpoints.inc(this.#streams.of(run.key));
    this.#written(run, recordsProcessed);
  }

  completed(
    run: RunRef,
    { recordsProcessed, metadata }: Pick<Completion, "recordsProcessed" | "metadata">,
  ): void {
    if (this.#ended.has(run.runId)) return;
    if (recordsProcessed !== undefined) this.#written(run, recordsProcessed);
    this.#count(run.key, metadata);
    this.#end(run.runId, run.key, "completed");
    if (run.kind === "live") this.#onSuccess(run.key);
  }

  failed(run: RunRef, { recordsProcessed, error, metadata }: Failure): void {
    if (this.#ended.has(run.runId)) return;
    if (recordsProcessed !== undefined) this.#written(run, recordsProcessed);
    this.#count(run.key, metadata);
    this.#end(run.runId, run.key, outcomeOf(error));
  }

  superseded(run: RunRef): void {
    const name = `lost ${run.runId}`;
    if (this.#ended.has(name)) return;
    this.#forgetOldest(this.#ended);
    this.#ended.add(name);
    this.#instruments.leaseLosses.inc(this.#streams.of(run.key));
    if (!this.#ended.has(run.runId)) this.#end(run.runId, run.key, "superseded");
  }

  #written(run: RunRef, records: number): void {
    const seen = this.#seen.get(run.runId) ?? this.#remember(run, null);
    if (records <= seen.written) return;
    this.#instruments.recordsWritten.inc(this.#streams.of(run.key), records - seen.written);
    seen.written = records;
  }

  /** What runs report at their end, by the names that the history has. */
  #reported() {
    const { recordsRefused, recordsDeadLettered, recordsFiltered } = this.#instruments;
    return [
      ["records_refused", recordsRefused],
      ["records_dead_lettered", recordsDeadLettered],
      ["records_filtered", recordsFiltered],
    ] as const;
  }

  /** Clients of the service may put anything into a run's metadata. */
  #count(key: StreamKey, metadata: Metadata | undefined): void {
    for (const [name, counter] of this.#reported()) {
      const count = metadata?.[name];
      if (typeof count === "number" && Number.isSafeInteger(count) && count > 0) {
        counter.inc(this.#streams.of(key), count);
      }
    }
  }

  #remember({ runId, key }: RunRef, beganAt: number | null): SeenRun {
    this.#forgetOldest(this.#seen);
    const seen = { key, beganAt, written: 0 };
    this.#seen.set(runId, seen);
    this.#instruments.runsActive.set(this.#seen.size);
    return seen;
  }

  #end(runId: string, key: StreamKey, outcome: Outcome): void {
    const { runs, runSeconds, runsActive } = this.#instruments;
    runs.inc({ ...this.#streams.of(key), outcome });
    const beganAt = this.#seen.get(runId)?.beganAt ?? null;
    if (beganAt !== null) runSeconds.observe({ outcome }, (this.#clock.elapsed() - beganAt) / 1000);
    this.#seen.delete(runId);
    runsActive.set(this.#seen.size);
    this.#forgetOldest(this.#ended);
    this.#ended.add(runId);
  }

  #forgetOldest(kept: Map<string, unknown> | Set<string>): void {
    const [oldest] = kept.size < mostRuns ? [] : kept.keys();
    if (oldest !== undefined) kept.delete(oldest);
  }
}

/** A run that was asked to stop did nothing wrong, and the next goes on from there. */
function outcomeOf(error: string): Outcome {
  if (error.startsWith("RUN_CANCELLED")) return "cancelled";
  return error.startsWith("RUN_STOPPED") ? "stopped" : "failed";
}
