import { type Stray, takeStray, userCodeRunning } from "../engine/user-code/user-code.ts";
import { TidemarkError } from "../errors.ts";

/** An error that reached nobody, and failed no run that is under way. */
export interface Told {
  readonly thrown: unknown;
  readonly kind: "exception" | "rejection";
  /** Whose it is; null where it is of no code of the user's. */
  readonly stray: Stray | null;
}

type Handler = (told: Told) => void;

let handlers: Handler[] = [];

/** Watches over the whole process: errors of a pipeline's code are told to its run, all others to the last handler. */
export function watchStrays(fallback: Handler): void {
  handlers = [fallback];
  const handle = (thrown: unknown, kind: Told["kind"]): void => {
    const stray = takeStray(thrown, kind);
    if (stray?.failsRun) return;
    handlers.at(-1)?.({ thrown, kind, stray });
  };
  process.on("uncaughtException", (thrown) => handle(thrown, "exception"));
  process.on("unhandledRejection", (thrown) => handle(thrown, "rejection"));
  forbidExit();
}

/** Has a command handle what is told; what it does not handle is left to the handler before, where it returns false. */
export function onStray(handle: (told: Told) => boolean): void {
  const before = handlers.at(-1);
  handlers.push((told) => {
    if (!handle(told)) before?.(told);
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
