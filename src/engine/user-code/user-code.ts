import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate } from "node:timers/promises";
import { type ErrorCode, messageOf, TidemarkError } from "../../errors.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import { framesOf, placeInFile } from "./stack-frames.ts";

/** Code that the user wrote: a script, a function in a pipeline, a connector. */
export interface UserCode {
  /** Its name in messages: `script ./enrich.ts`. */
  readonly name: string;
  readonly file?: string;
  /** The error code of what it throws. */
  readonly code: ErrorCode;
}

/** An uncaught error of user code: an unhandled rejection, or a throw in a timer. */
export interface UncaughtError {
  readonly error: TidemarkError;
  /** The pipeline whose code it came from; null for code that runs as its file is loaded. */
  readonly pipeline: string | null;
  /** Whether it fails a run that is active. */
  readonly failsRun: boolean;
}

/** Work for one pipeline (a run or a preview). An uncaught error of the pipeline's code fails it. */
class Work {
  readonly pipeline: string;
  readonly stream: string;
  readonly #failed = new AbortController();
  #ended = false;

  constructor(pipeline: string, key: StreamKey) {
    this.pipeline = pipeline;
    this.stream = formatStreamKey(key);
  }

  get signal(): AbortSignal {
    return this.#failed.signal;
  }

  /** False where the work is over. The first failure counts. */
  fail(error: TidemarkError): boolean {
    if (this.#ended) return false;
    this.#failed.abort(error);
    return true;
  }

  end(): void {
    this.#ended = true;
  }
}

interface Scope {
  readonly work: Work | null;
  readonly code: UserCode | null;
}

const scopes = new AsyncLocalStorage<Scope>();

/** By file: the user code that last ran there, and its work. */
const lastIn = new Map<string, Scope>();

/**
 * Runs work for a pipeline. An uncaught error of the pipeline's code aborts the signal that `make` receives, and is
 * thrown in place of the error that the abort causes.
 */
export async function workFor<T>(
  { name, key }: { readonly name: string; readonly key: StreamKey },
  make: (codeFailed: AbortSignal) => Promise<T>,
): Promise<T> {
  const work = new Work(name, key);
  try {
    return await scopes.run({ work, code: null }, () => make(work.signal));
  } catch (error) {
    throw work.signal.aborted ? work.signal.reason : error;
  } finally {
    work.end();
  }
}

/** Runs user code. Errors that it throws later, in a timer or an unhandled promise, are attributed to it. */
export function inUserCode<T>(code: UserCode, run: () => T): T {
  const scope = { work: scopes.getStore()?.work ?? null, code };
  if (code.file !== undefined && (scope.work !== null || !lastIn.has(code.file))) {
    lastIn.set(code.file, scope);
  }
  return scopes.run(scope, run);
}

/** The user code that is running, directly or in something that it started; null where none is. */
export function userCodeRunning(): UserCode | null {
  return scopes.getStore()?.code ?? null;
}

/** Aborts when an uncaught error fails the current work; undefined outside of any work. */
export function codeFailedSignal(): AbortSignal | undefined {
  return scopes.getStore()?.work?.signal;
}

/** Waits until pending unhandled rejections are reported, and throws the error that has failed the current work. */
export async function awaitUncaught(): Promise<void> {
  const signal = codeFailedSignal();
  if (signal === undefined) return;
  await setImmediate();
  signal.throwIfAborted();
}

/**
 * Call from handlers of `uncaughtException` and `unhandledRejection`, in the context of the event. Finds the user code
 * of the error, by what was running or by the files of its stack, and fails the active run. Null where the error is
 * from no user code and no run.
 */
export function takeUncaught(thrown: unknown, kind: "exception" | "rejection"): UncaughtError | null {
  const scope = scopeOf(thrown);
  if (scope === null) return null;
  const { work, code } = scope;
  // A driver that throws in a callback may have left anything half done, and a failed run could wait for it forever.
  if (code === null && (work === null || kind === "exception")) return null;
  const error = uncaughtErrorOf(thrown, kind, scope);
  return { error, pipeline: work?.pipeline ?? null, failsRun: work?.fail(error) ?? false };
}

function scopeOf(thrown: unknown): Scope | null {
  const current = scopes.getStore() ?? null;
  if (current?.work != null && current.code !== null) return current;
  for (const { file } of framesOf(thrown)) {
    const known = lastIn.get(file);
    if (known !== undefined) return { ...known, ...(current?.work == null ? {} : { work: current.work }) };
  }
  // A timer that was started when the file was loaded belongs to the last user of the file.
  return lastIn.get(current?.code?.file ?? "") ?? current;
}

function uncaughtErrorOf(
  thrown: unknown,
  kind: "exception" | "rejection",
  { work, code }: Scope,
): TidemarkError {
  const what =
    kind === "rejection"
      ? "a promise that nothing waited for was rejected"
      : "it threw when nothing waited for it";
  const whose = [
    ...(work === null ? [] : [`pipeline ${work.pipeline}`]),
    ...(code === null ? [] : [code.name]),
  ];
  const message = `${[...whose, what].join(": ")}: ${messageOf(thrown)}`;
  return new TidemarkError(code?.code ?? "INTERNAL", message, {
    cause: thrown,
    ...(work === null ? {} : { stream: work.stream }),
    ...(code?.file === undefined ? {} : { where: placeInFile(thrown, code.file) }),
    ...(code === null ? {} : { hint: "Await every promise, and catch what timers and events throw." }),
  });
}
