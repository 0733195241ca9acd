import { note } from "../terminal.ts";

const exits = { SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof exits;

/**
 * Aborts on the first SIGINT or SIGTERM, so that the batch at hand is finished and committed; a
 * second one ends the process at once, which loses nothing that was committed.
 */
export function stopOnSignals(): AbortSignal {
  const stopping = new AbortController();
  const stop = (name: StopSignal): void => {
    if (stopping.signal.aborted) process.exit(exits[name]);
    note(`\n${name}: stopping after the batch at hand; once more stops at once\n`);
    stopping.abort();
  };
  process.on("SIGINT", () => stop("SIGINT"));
  process.on("SIGTERM", () => stop("SIGTERM"));
  return stopping.signal;
}
