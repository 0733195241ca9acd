import { takeUncaught, type UncaughtError, userCodeRunning } from "../engine/user-code/user-code.ts";
import { TidemarkError } from "../errors.ts";

/** An uncaught error that failed no active run. */
export interface Uncaught {
  readonly thrown: unknown;
  readonly kind: "exception" | "rejection";
  /** The error with its origin; null where it is not from user code. */
  readonly userError: UncaughtError | null;
}

type Handler = (uncaught: Uncaught) => void;

let handlers: Handler[] = [];

/**
 * Handles uncaught errors of the process: those of a pipeline's code fail its run, all others go to the last handler.
 */
export function watchUncaught(fallback: Handler): void {
  handlers = [fallback];
  const handle = (thrown: unknown, kind: Uncaught["kind"]): void => {
    const userError = takeUncaught(thrown, kind);
    if (userError?.failsRun) return;
    handlers.at(-1)?.({ thrown, kind, userError });
  };
  process.on("uncaughtException", (thrown) => handle(thrown, "exception"));
  process.on("unhandledRejection", (thrown) => handle(thrown, "rejection"));
  forbidExit();
}

/** Adds a command's handler. If it returns false, the previous handler is called. */
export function onUncaught(handle: (uncaught: Uncaught) => boolean): void {
  const before = handlers.at(-1);
  handlers.push((uncaught) => {
    if (!handle(uncaught)) before?.(uncaught);
  });
}

/** A pipeline's code must not end the process, since other pipelines may run in it, and a batch may be in progress. */
function forbidExit(): void {
  const exit = process.exit;
  process.exit = (code) => {
    const running = userCodeRunning();
    if (running === null) return exit(code);
    throw new TidemarkError(running.code, `${running.name} called process.exit()`, {
      hint: "Throw an error to fail the run; return null to drop a record.",
    });
  };
}
