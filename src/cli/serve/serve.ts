import { systemClock } from "../../clock.ts";
import type { LogLevel } from "../../observability/log.ts";
import { observedState } from "../../observability/observed-state.ts";
import { openState } from "../../state/storage/open.ts";
import { onHangup } from "../hangup.ts";
import { observe } from "../observe.ts";
import { aborted, logStop, stopOnSignals } from "../stop-signals.ts";
import { note, printJson, shown, style } from "../terminal.ts";
import { keepHistoryShort, type RetentionSettings, retentionOf } from "./retention.ts";
import { type ServiceSettings, startService } from "./start.ts";

export interface ServeOptions extends ServiceSettings, RetentionSettings {
  readonly drainSeconds: number;
  readonly logLevel: LogLevel;
}

const clock = systemClock;

/** Serves until a stop signal, and then finishes the active requests. */
export async function serve(options: ServeOptions & { readonly json: boolean }): Promise<void> {
  await using stored = await openState(options.state);
  const { log, metrics, ofService } = await observe({
    logLevel: options.logLevel,
    json: options.json,
    clock,
    streams: () => [{ state: stored }],
  });
  const stop = stopOnSignals(logStop(log));
  const state = observedState(stored, metrics.state, clock);
  const observeCertificate = metrics.observeCertificate;
  await using started = await startService(state, options, { ...ofService, clock, observeCertificate });
  onHangup(() => {
    log.info({ signal: "SIGHUP" }, "asked to read files again");
    started.reload();
  }, stop);
  const { url, port, firstKeyFile } = started;
  if (options.json) await printJson({ url, port, admin_key_file: firstKeyFile });
  else note(greeting(url, firstKeyFile, options));
  const kept = { opened: [{ url: options.state, state }] };
  // Not awaited at the end: deletions are committed in small steps.
  void keepHistoryShort(kept, retentionOf(options), { clock, log, signal: stop });
  await aborted(stop);
  await started.drain(options.drainSeconds * 1000);
  log.info({}, "stopped");
}

function greeting(url: string, keyFile: string | null, { auth }: ServeOptions): string {
  const err = process.stderr;
  let text = `${style("green", "serving", err)}  ${style("bold", url, err)}  docs at ${url}/docs\n`;
  if (keyFile !== null)
    text += `an admin key was made; it is in ${style("bold", shown(keyFile), err)} (only this user can read it)\n`;
  if (auth === false)
    text += `${style("yellow", "without keys", err)}: anybody on this machine can do anything\n`;
  return text;
}
