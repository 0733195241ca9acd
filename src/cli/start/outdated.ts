import { isTidemarkError } from "../../errors.ts";
import type { Log } from "../../observability/log.ts";
import { errorFields } from "../../observability/schedule-log.ts";
import type { ScheduleEvent } from "../../schedule/events.ts";
import type { ScheduledPipeline } from "./pipelines.ts";
import type { States } from "./states.ts";

/**
 * Detects that a newer version has upgraded a state in use, with which this process cannot run any more. An output of a
 * newer version stops only its own pipeline, so the state itself is checked.
 */
export class OutdatedWatch {
  readonly #states: States;
  readonly #stateUrl: string;
  readonly #log: Log;
  readonly #found = new AbortController();

  /** `stateUrl`: the state of pipelines that do not keep their own. */
  constructor(states: States, stateUrl: string, log: Log) {
    this.#states = states;
    this.#stateUrl = stateUrl;
    this.#log = log;
  }

  /** Aborts when this process must end. */
  get signal(): AbortSignal {
    return this.#found.signal;
  }

  readonly observe = (event: ScheduleEvent<ScheduledPipeline>): void => {
    const error = event.type === "ended" ? event.result.error : event.type === "broke" ? event.error : null;
    if (isTidemarkError(error, "STATE_TOO_NEW")) void this.#ask(event.pipeline);
  };

  async #ask({ key, stateUrl }: ScheduledPipeline): Promise<void> {
    try {
      const state = await this.#states.open(stateUrl ?? this.#stateUrl);
      await state.get(key);
      await state.probe();
    } catch (thrown) {
      if (!isTidemarkError(thrown, "STATE_TOO_NEW") || this.#found.signal.aborted) return;
      this.#log.error(
        errorFields(thrown),
        "a newer version of Tidemark has upgraded the state; this process drains and ends with exit code 2",
      );
      this.#found.abort();
    }
  }
}
