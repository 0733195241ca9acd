import { stat } from "node:fs/promises";
import type { Clock } from "../../clock.ts";
import type { RunResult } from "../../engine/run/result.ts";
import { attemptSync } from "../../engine/run/sync.ts";
import { observedState } from "../../observability/observed-state.ts";
import type { ScheduleLog } from "../../observability/schedule-log.ts";
import { tracedRun } from "../../observability/traced-run.ts";
import type { RunContext } from "../../schedule/job.ts";
import { type LastRun, lastRunOf } from "../../schedule/last-run.ts";
import { resultNamingState } from "../named-state.ts";
import type { Observability } from "../observe.ts";
import { failedResult } from "../run/attempt.ts";
import { actor } from "../state-access.ts";
import type { ScheduledPipeline } from "./pipelines.ts";
import type { States } from "./states.ts";

export interface RunnerParts {
  readonly states: States;
  /** The state URL of pipelines that do not keep their own. */
  readonly stateUrl: string;
  readonly observability: Pick<Observability, "metrics" | "tracing">;
  readonly log: ScheduleLog;
  readonly clock: Clock;
}

/** How a run that was refused counts once its pipeline file has changed: as one to repeat at once. */
const retryAsChanged = { kind: "retry", why: "changed", failures: 0, agoMs: 0, retryAfterMs: 0 } as const;

/** Runs scheduled pipelines, observed, over states that stay open. */
export class Runner {
  readonly #parts: RunnerParts;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** One run; an error is part of the result. */
  readonly run = async (pipeline: ScheduledPipeline, context: RunContext): Promise<RunResult> => {
    const { signal } = context;
    const { clock, log, observability } = this.#parts;
    const from = clock.elapsed();
    try {
      const state = await this.#stateOf(pipeline);
      const watched = observedState(state, { begun: (run) => log.begun(run) }, clock);
      const result = await tracedRun(observability.tracing, pipeline, watched, (traced, tracedState) =>
        attemptSync(traced, {
          state: tracedState,
          signal,
          actor: actor(),
          onProgress: this.#progress(pipeline, context),
          onPause: context.pause,
        }),
      );
      return resultNamingState(result, pipeline.stateUrl ?? this.#parts.stateUrl);
    } catch (thrown) {
      return failedResult(pipeline, thrown, Math.round(clock.elapsed() - from), signal);
    }
  };

  /** When the pipeline's stream was last run, by this process or any other. */
  readonly lastRun = async (pipeline: ScheduledPipeline): Promise<LastRun | null> => {
    const state = await this.#stateOf(pipeline);
    const last = await lastRunOf(state, pipeline.key, this.#parts.clock.now());
    if (last?.end.kind !== "refused") return last;
    return (await wasChangedSince(pipeline.file, last.end.endedAt)) ? { ...last, end: retryAsChanged } : last;
  };

  #stateOf({ stateUrl }: ScheduledPipeline) {
    return this.#parts.states.open(stateUrl ?? this.#parts.stateUrl);
  }

  #progress({ key }: ScheduledPipeline, { moved }: RunContext) {
    const { log, observability } = this.#parts;
    let before = 0;
    return ({
      recordsRead,
      recordsWritten,
      pages,
    }: {
      recordsRead: number;
      recordsWritten: number;
      pages: number;
    }) => {
      moved();
      observability.metrics.recordsRead(key, recordsRead - before);
      before = recordsRead;
      log.run(key).debug({ records_read: recordsRead, records_written: recordsWritten, pages }, "page");
    };
  }
}

/**
 * Whether a pipeline's file was written after a time: a permanent failure before that may have been fixed while no
 * process ran.
 */
async function wasChangedSince(file: string, time: number): Promise<boolean> {
  const found = await stat(file).catch(() => null);
  return found !== null && found.mtimeMs > time;
}
