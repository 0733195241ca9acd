import { countsOf, type RunResult } from "../engine/run/result.ts";
import type { TidemarkError } from "../errors.ts";
import { type StreamKey, streamMapKey } from "../model/stream-key.ts";
import type { ScheduleEvent } from "../schedule/events.ts";
import { mostTicksCounted } from "../schedule/plan.ts";
import type { Run } from "../state/contract.ts";
import { traceContext } from "../trace-context.ts";
import type { Log } from "./log.ts";

/** Counting goes no further than `mostTicksCounted`. */
function describeMissed(count: number): string {
  const ticks = count < mostTicksCounted ? "ticks" : `${count} or more ticks`;
  return `${ticks} were missed; one run makes up for them`;
}

/** Logs the scheduler's events, with the run's fields on every line of a run. */
export class ScheduleLog {
  readonly #log: Log;
  /** The log of the run that is under way, by stream. */
  readonly #runs = new Map<string, Log>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** A run was granted: from here on its lines carry its id, its epoch and its trace. */
  begun({ key, runId, epoch }: Run): void {
    const trace = traceContext();
    const traced = trace === null ? {} : { trace_id: trace.traceId };
    const log = this.#of(key).child({ run: runId, epoch, ...traced });
    this.#runs.set(streamMapKey(key), log);
    log.info({}, "run begun");
  }

  /** The log for lines about a stream: with the run that is under way, where there is one. */
  run(key: StreamKey): Log {
    return this.#runs.get(streamMapKey(key)) ?? this.#of(key);
  }

  readonly observe = (event: ScheduleEvent): void => {
    const { key, name } = event.pipeline;
    const log = this.#of(key);
    switch (event.type) {
      case "planned":
        if (event.at === null)
          log.warn({ pipeline: name }, "the schedule never comes; the pipeline is not run");
        else log.debug({ at: timeOf(event.at) }, "run planned");
        break;
      case "missed":
        log.warn({ ticks: event.count }, describeMissed(event.count));
        break;
      case "taken":
        log.info({ due: timeOf(event.due) }, "another process ran this tick");
        break;
      case "started":
        log.debug({ reason: event.reason, due: timeOf(event.due), late_ms: event.lateMs }, "run due");
        break;
      case "retrying":
        this.#retrying(log, event);
        break;
      case "held":
        log.info(
          { run: event.runId, lease_s: Math.ceil(event.leaseMs / 1000) },
          "another process is running this stream; it is looked at again until that run ends or its lease does",
        );
        break;
      case "ahead":
        log.warn(
          { started: timeOf(event.startedAt) },
          "the stream's last run began in the future by this machine's clock; its time is ignored",
        );
        break;
      case "queued":
        log.debug({}, "waiting for a slot");
        break;
      case "paused": {
        const seconds = Math.ceil(event.milliseconds / 1000);
        this.run(key).info({ seconds, for: event.why }, "waiting; another pipeline may use this slot");
        break;
      }
      case "stalled":
        this.run(key).warn(
          { idle_s: Math.round(event.idleMs / 1000) },
          "the run does not move; another pipeline may use its slot",
        );
        break;
      case "overrun":
        this.run(key).warn(
          {
            ticks: event.ticks,
            running_s: Math.round(event.runningMs / 1000),
            idle_s: Math.round(event.idleMs / 1000),
          },
          `still running after ${event.ticks} ticks of its schedule`,
        );
        break;
      case "broke":
        log.error({ pipeline: name, ...errorFields(event.error) }, "could not be run");
        break;
      case "ended":
        this.#ended(key, event.result);
        break;
    }
  };

  #retrying(log: Log, { failures, why, at }: Extract<ScheduleEvent, { type: "retrying" }>): void {
    const fields = { failures, at: timeOf(at) };
    if (why === "failed") log.warn(fields, "trying again");
    else if (why === "died") log.warn(fields, "the last run was cut off; it is made up for");
    else if (why === "stopped") log.info(fields, "the last run was stopped before its end; it goes on");
    else log.info(fields, "the pipeline was changed since it failed; it is run again");
  }

  #ended(key: StreamKey, result: RunResult): void {
    const log = this.run(key);
    this.#runs.delete(streamMapKey(key));
    for (const { code, message, count } of result.warnings) log.warn({ code, count }, message);
    const { status, error } = result;
    const counts = countsOf(result);
    if (error === null) log.info(counts, `run ${status}`);
    else if (error.code === "RUN_CANCELLED") log.info(counts, "run stopped at its last checkpoint");
    else if (error.code === "RUN_STOPPED")
      log.info({ ...counts, by: error.message }, "run stopped on request");
    else log.error({ ...counts, ...errorFields(error) }, `run ${status}`);
  }

  #of({ connector, stream }: StreamKey): Log {
    return this.#log.child({ connector, stream });
  }
}

/** An error as fields of a line. */
export function errorFields({ code, message, hint, recoverable, where }: TidemarkError): object {
  const place = where === undefined ? {} : { where: [where.file, where.line, where.column].join(":") };
  return { code, error: message, hint, recoverable, ...place };
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
