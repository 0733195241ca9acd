import type { Clock } from "../../clock.ts";
import type { RunResult } from "../../engine/result.ts";
import { attemptSync } from "../../engine/sync.ts";
import { observedState } from "../../observability/observed-state.ts";
import type { ScheduleLog } from "../../observability/schedule-log.ts";
import { tracedRun } from "../../observability/traced-run.ts";
import type { LastRun } from "../../schedule/job.ts";
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

/** Runs scheduled pipelines, observed, over states that stay open. */
export class Runner {
  readonly #parts: RunnerParts;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** One run; whatever stops it is in the result. */
  readonly run = async (pipeline: ScheduledPipeline, signal: AbortSignal): Promise<RunResult> => {
    const { clock, log, observability } = this.#parts;
    const from = clock.elapsed();
    try {
      const state = await this.#stateOf(pipeline);
      const watched = observedState(state, { begun: (run) => log.begun(run) }, clock);
      return await tracedRun(observability.tracing, pipeline, watched, (traced, tracedState) =>
        attemptSync(traced, {
          state: tracedState,
          signal,
          actor: actor(),
          onProgress: this.#progress(pipeline),
        }),
      );
    } catch (thrown) {
      return failedResult(pipeline, thrown, Math.round(clock.elapsed() - from), signal);
    }
  };

  /** When the pipeline's stream was last run, by this process or any other. */
  readonly lastRun = async (pipeline: ScheduledPipeline): Promise<LastRun | null> => {
    const state = await this.#stateOf(pipeline);
    const found = await state.get(pipeline.key);
    if (found?.startedAtUtc == null) return null;
    return { runId: found.runId, startedAt: Date.parse(found.startedAtUtc) };
  };

  #stateOf({ stateUrl }: ScheduledPipeline) {
    return this.#parts.states.open(stateUrl ?? this.#parts.stateUrl);
  }

  #progress({ key }: ScheduledPipeline) {
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
      observability.metrics.recordsRead(key, recordsRead - before);
      before = recordsRead;
      log.run(key).debug({ records_read: recordsRead, records_written: recordsWritten, pages }, "page");
    };
  }
}
