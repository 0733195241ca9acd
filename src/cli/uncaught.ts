import { takeUncaught, type UncaughtError, userCodeRunning } from "../engine/user-code/user-code.ts";
import { TidemarkError } from "../errors.ts";

/** An error that reached nobody, and failed no run that is under way. */
export interface Uncaught {
  readonly thrown: unknown;
  readonly kind: "exception" | "rejection";
  /** Whose it is; null where it is of no code of the user's. */
  readonly userError: UncaughtError | null;
}

type Handler = (uncaught: Uncaught) => void;

let handlers: Handler[] = [];

/** Watches over the whole process: errors of a pipeline's code are told to its run, all others to the last handler. */
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

/** Has a command handle what is told; what it does not handle is left to the handler before, where it returns false. */
export function onUncaught(handle: (uncaught: Uncaught) => boolean): void {
  const before = handlers.at(-1);
  handlers.push((uncaught) => {
    if (!handle(uncaught)) before?.(uncaught);
  });
}

/** A pipeline's code must not end the process: there may be other pipelines in it, and a batch at hand. */
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
