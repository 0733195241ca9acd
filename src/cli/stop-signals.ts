import type { Log } from "../observability/log.ts";
import { note } from "./terminal.ts";

const exits = { SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof exits;

/**
 * Aborts on the first SIGINT or SIGTERM, so that the current batch is finished and committed. `onStop` informs the
 * user; by default on the terminal. A second signal ends the process at once, which loses nothing that was committed.
 */
export function stopOnSignals(onStop: (signal: StopSignal) => void = noteStop): AbortSignal {
  const stopping = new AbortController();
  const stop = (name: StopSignal): void => {
    if (stopping.signal.aborted) process.exit(exits[name]);
    onStop(name);
    stopping.abort();
  };
  process.on("SIGINT", () => stop("SIGINT"));
  process.on("SIGTERM", () => stop("SIGTERM"));
  return stopping.signal;
}

function noteStop(signal: StopSignal): void {
  note(`\n${signal}: stopping after the batch at hand; once more stops at once\n`);
}

/** For processes that write everything to their log. */
export function logStop(log: Log): (signal: StopSignal) => void {
  return (signal) => log.info({ signal }, "asked to stop; once more stops at once");
}

/** Resolves when the signal has aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
