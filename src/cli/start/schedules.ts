import type { Clock } from "../../clock.ts";
import { messageOf } from "../../errors.ts";
import { ScheduleLog } from "../../observability/schedule-log.ts";
import type { ScheduleEvent } from "../../schedule/events.ts";
import type { PipelineFiles } from "../../schedule/pipeline-files.ts";
import { Scheduler } from "../../schedule/scheduler.ts";
import type { Observability } from "../observe.ts";
import { logChanges, type ScheduledPipeline, scheduledOf } from "./pipelines.ts";
import { Runner } from "./run-one.ts";
import type { States } from "./states.ts";

interface ScheduleOptions {
  /** The state URL of pipelines that do not keep their own. */
  readonly state: string;
  readonly maxConcurrent: number;
  readonly clock: Clock;
  /** Called for every event, too. */
  readonly observe: (event: ScheduleEvent<ScheduledPipeline>) => void;
}

/** The pipelines of the files, scheduled, as the files change. */
export class Schedules {
  readonly #files: PipelineFiles;
  readonly #observability: Observability;
  readonly #scheduler: Scheduler<ScheduledPipeline>;

  constructor(
    files: PipelineFiles,
    observability: Observability,
    states: States,
    { state, maxConcurrent, clock, observe }: ScheduleOptions,
  ) {
    const { metrics } = observability;
    const log = new ScheduleLog(observability.log);
    const { run, lastRun } = new Runner({ states, stateUrl: state, observability, log, clock });
    this.#files = files;
    this.#observability = observability;
    this.#scheduler = new Scheduler<ScheduledPipeline>({
      clock,
      random: Math.random,
      maxConcurrent,
      run,
      lastRun,
      onEvent(event) {
        log.observe(event);
        metrics.observeSchedule(event);
        observe(event);
      },
    });
  }

  /** A stream that was never run waits for its next tick after `since`, which is now unless given. */
  begin(since?: number): void {
    const before = this.#scheduler.pipelines;
    this.#scheduler.assign(scheduledOf(this.#files.pipelines), since);
    const { metrics } = this.#observability;
    const now = this.#scheduler.pipelines;
    for (const pipeline of before) if (!now.includes(pipeline)) metrics.unscheduled(pipeline.key);
    metrics.scheduled(now.length);
  }

  /** Looks at the files again; what cannot be looked at now will be later. */
  async look(): Promise<void> {
    const { log, metrics } = this.#observability;
    try {
      const changes = await this.#files.refresh();
      if (changes.length === 0) return;
      logChanges(changes, this.#files, log);
      for (const change of changes) metrics.observeReload(change);
      this.begin();
    } catch (error) {
      log.error({ error: messageOf(error) }, "the pipeline files could not be looked at");
    }
  }

  get pipelines(): readonly ScheduledPipeline[] {
    return this.#scheduler.pipelines;
  }

  get running(): number {
    return this.#scheduler.running;
  }

  /** Begins no more runs, and resolves when those under way have stopped at their next checkpoint. */
  drain(): Promise<void> {
    return this.#scheduler.drain();
  }
}
