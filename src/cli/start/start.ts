import { systemClock } from "../../clock.ts";
import type { LogLevel } from "../../observability/log.ts";
import { observedState } from "../../observability/observed-state.ts";
import { PipelineFiles } from "../../schedule/pipeline-files.ts";
import { watchPaths } from "../../schedule/watch.ts";
import { assertResponds } from "../../state/writable.ts";
import type { optionsOf } from "../commands.ts";
import { exitCodes } from "../failure.ts";
import { onHangup } from "../hangup.ts";
import { type Observability, observe } from "../observe.ts";
import type { Params } from "../params.ts";
import { keepHistoryShort, type RetentionSettings, retentionOf } from "../serve/retention.ts";
import { type ServiceSettings, type StartedService, startService } from "../serve/start.ts";
import { aborted, logStop, stopOnSignals } from "../stop-signals.ts";
import { printJson } from "../terminal.ts";
import { type MetricsPort, openMetricsPort } from "./metrics-port.ts";
import { OutdatedWatch } from "./outdated.ts";
import { loadFirst } from "./pipelines.ts";
import { Schedules } from "./schedules.ts";
import { States } from "./states.ts";
import { surviveUncaught } from "./survive-uncaught.ts";

export interface StartOptions extends ServiceSettings, RetentionSettings {
  readonly param: Params;
  /** False with `--no-service`, and absent else. */
  readonly service?: boolean;
  readonly metricsPort?: number;
  readonly maxConcurrent: number;
  readonly drainSeconds: number;
  readonly logLevel: LogLevel;
}

type Options = ReturnType<typeof optionsOf<StartOptions>>;

const clock = systemClock;

/** Runs pipelines by their schedules, and serves the state, until a stop signal. */
export async function start(paths: readonly string[], options: Options): Promise<void> {
  const files = new PipelineFiles(paths, {
    params: options.param,
    console: options.json ? process.stderr : process.stdout,
  });
  const observability = await observe({
    logLevel: options.logLevel,
    json: options.json,
    clock,
    streams: () => states.opened,
  });
  const { log, metrics } = observability;
  await using states = new States((state) => observedState(state, metrics.state, clock));
  const untrusted = surviveUncaught(log);
  const outdated = new OutdatedWatch(states, options.state, log);
  const stop = AbortSignal.any([stopOnSignals(logStop(log)), untrusted, outdated.signal]);
  await loadFirst(paths, files, log);
  const state = await states.open(options.state);
  // A state over HTTP opens without a request; a wrong key must be reported now, not with every run.
  await assertResponds(state);
  await using service = servesHere(options)
    ? await startService(state, options, {
        ...observability.ofService,
        clock,
        observeCertificate: metrics.observeCertificate,
      })
    : null;
  await using metricsPort = await metricsPortOf(options, observability);
  const schedules = new Schedules(files, observability, states, {
    ...options,
    clock,
    observe: outdated.observe,
  });
  // What fell due while the process was still starting is not lost.
  schedules.begin(clock.now() - Math.round(process.uptime() * 1000));
  let looking = Promise.resolve();
  const look = (): Promise<void> => {
    looking = looking.then(() => schedules.look());
    return looking;
  };
  onHangup(() => {
    log.info({ signal: "SIGHUP" }, "asked to read files again");
    service?.reload();
    void look();
  }, stop);
  await logStarted(options, { service, metricsPort }, schedules, observability);
  const background = Promise.all([
    watchPaths(paths, { clock, signal: stop, look }),
    keepHistoryShort(states, retentionOf(options), { clock, log, signal: stop }),
  ]);
  await aborted(stop);
  await background;
  log.info({ running: schedules.running }, "draining");
  const drained = await inTime(options.drainSeconds * 1000, schedules.drain(), service);
  if (drained) log.info({}, "stopped");
  else log.error({ running: schedules.running }, "runs were cut off; they go on from their last checkpoint");
  process.exitCode = outdated.signal.aborted
    ? exitCodes.wrongUse
    : drained && !untrusted.aborted
      ? exitCodes.done
      : exitCodes.failed;
}

/** State that is served from elsewhere is not served once more. */
function servesHere({ service, state }: Options): boolean {
  return service !== false && !/^https?:/i.test(state);
}

async function metricsPortOf(
  { host, metricsPort }: Options,
  { metrics }: Observability,
): Promise<MetricsPort | null> {
  return metricsPort === undefined ? null : openMetricsPort(host, metricsPort, metrics.scrape);
}

/** Lets runs and requests come to an end, for so long; false where runs took longer. */
async function inTime(
  graceMs: number,
  runs: Promise<void>,
  service: StartedService | null,
): Promise<boolean> {
  const enough = new AbortController();
  const late = clock.sleep(graceMs, enough.signal).then(
    () => false,
    () => false,
  );
  const served = service?.drain(graceMs);
  const drained = await Promise.race([runs.then(() => true), late]);
  enough.abort();
  await served;
  return drained;
}

interface Listeners {
  readonly service: StartedService | null;
  readonly metricsPort: MetricsPort | null;
}

async function logStarted(
  { json }: Options,
  { service, metricsPort }: Listeners,
  { pipelines }: Schedules,
  { log }: Observability,
): Promise<void> {
  if (service?.firstKeyFile != null)
    log.warn({ file: service.firstKeyFile }, "an admin key was made; only this user can read the file");
  const urls = {
    ...(service === null ? {} : { url: service.url }),
    ...(metricsPort === null ? {} : { metrics: metricsPort.url }),
  };
  log.info({ pipelines: pipelines.length, ...urls }, "started");
  if (!json) return;
  await printJson({
    url: service?.url ?? null,
    port: service?.port ?? null,
    metrics_url: metricsPort?.url ?? (service === null ? null : `${service.url}/metrics`),
    admin_key_file: service?.firstKeyFile ?? null,
    pipelines: pipelines.map(({ name, key, file, schedule }) => ({
      pipeline: name,
      ...key,
      file,
      schedule: schedule.expression,
      timezone: schedule.timezone,
      jitter_ms: schedule.jitterMs,
    })),
  });
}
