import { once } from "node:events";
import { systemClock } from "../../clock.ts";
import { openState } from "../../state/open.ts";
import { note, printJson, shown, style } from "../terminal.ts";
import { openLog } from "./log.ts";
import { type ServiceSettings, startService } from "./start.ts";

export interface ServeOptions extends ServiceSettings {
  readonly port: number;
  readonly drainSeconds: number;
}

/** Serves until it is told to stop, and then answers what is at hand. */
export async function serve(options: ServeOptions & { state: string; json: boolean }): Promise<void> {
  const logger = await openLog(options.json);
  await using state = await openState(options.state);
  await using started = await startService(state, options, { logger, clock: systemClock });
  const { url, port, firstKeyFile } = started;
  if (options.json) await printJson({ url, port, admin_key_file: firstKeyFile });
  else note(greeting(url, firstKeyFile, options));
  const name = await stopSignal();
  logger.info({ signal: name }, "draining");
  await started.drain(options.drainSeconds * 1000);
  logger.info({}, "stopped");
}

function greeting(url: string, keyFile: string | null, { auth }: ServeOptions): string {
  const err = process.stderr;
  let text = `${style("green", "serving", err)}  ${style("bold", url, err)}  docs at ${url}/docs\n`;
  if (keyFile !== null)
    text += `an admin key was made; it is in ${style("bold", shown(keyFile), err)} (only this user can read it)\n`;
  if (auth === false) text += `${style("yellow", "without keys", err)}: anybody on this machine can do anything\n`;
  return text;
}

const exits = { SIGINT: 130, SIGTERM: 143 } as const;

/** The first signal drains, a second one ends the process at once, which loses nothing that was answered. */
async function stopSignal(): Promise<string> {
  const names = ["SIGINT", "SIGTERM"] as const;
  const name = await Promise.race(names.map((signal) => once(process, signal).then(() => signal)));
  for (const signal of names) process.on(signal, () => process.exit(exits[signal]));
  return name;
}
