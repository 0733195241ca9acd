import type { Log } from "../../observability/log.ts";

const exits = { SIGINT: 130, SIGTERM: 143 } as const;

/** Aborts on the first SIGINT or SIGTERM; a second one ends the process at once, which loses nothing committed. */
export function stopOnSignals(log: Log): AbortSignal {
  const stopping = new AbortController();
  const stop = (name: keyof typeof exits): void => {
    if (stopping.signal.aborted) process.exit(exits[name]);
    log.info({ signal: name }, "asked to stop; once more stops at once");
    stopping.abort();
  };
  process.on("SIGINT", () => stop("SIGINT"));
  process.on("SIGTERM", () => stop("SIGTERM"));
  return stopping.signal;
}
