import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate } from "node:timers/promises";
import { type ErrorCode, messageOf, TidemarkError } from "../../errors.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import { framesOf, placeInFile } from "./stack-frames.ts";

/** Code of the user's: a script, a function in a pipeline, a connector. */
export interface UserCode {
  /** What messages call it: `script ./enrich.ts`. */
  readonly name: string;
  readonly file?: string;
  /** The code of what it throws. */
  readonly code: ErrorCode;
}

/** An error that reached nobody: a promise that was left alone, a throw in a timer. */
export interface UncaughtError {
  readonly error: TidemarkError;
  /** The pipeline whose code it came from; null for code that runs as its file is loaded. */
  readonly pipeline: string | null;
  /** Whether a run that is under way fails by it. */
  readonly failsRun: boolean;
}

/** Work for one pipeline, a run or a look at what it would do, that strays of its code are the failure of. */
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

/** By file: which code of the user's last ran there, and for what. */
const lastIn = new Map<string, Scope>();

/**
 * Does work for a pipeline. A stray error of the pipeline's code aborts the signal that `make` is given, and is thrown
 * in place of whatever that brings about.
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

/** Runs code of the user's. What it throws later, in a timer or a promise that it left alone, is told as its own. */
export function inUserCode<T>(code: UserCode, run: () => T): T {
  const scope = { work: scopes.getStore()?.work ?? null, code };
  if (code.file !== undefined && (scope.work !== null || !lastIn.has(code.file))) {
    lastIn.set(code.file, scope);
  }
  return scopes.run(scope, run);
}

/** The code of the user's that is running, directly or in something that it began; null where none is. */
export function userCodeRunning(): UserCode | null {
  return scopes.getStore()?.code ?? null;
}

/** Aborts where a stray error is the failure of the work at hand; undefined outside of any work. */
export function codeFailedSignal(): AbortSignal | undefined {
  return scopes.getStore()?.work?.signal;
}

/** Lets promises that were left alone be told of, and throws what has failed the work at hand. */
export async function awaitUncaught(): Promise<void> {
  const signal = codeFailedSignal();
  if (signal === undefined) return;
  await setImmediate();
  signal.throwIfAborted();
}

/**
 * To be called by what handles `uncaughtException` and `unhandledRejection`, in the context of the event. Finds whose
 * error it is, by what was running or else by the files of its stack, and fails the run that is under way. Null where
 * the error is of no code of the user's and of no run.
 */
export function takeUncaught(thrown: unknown, kind: "exception" | "rejection"): UncaughtError | null {
  const scope = scopeOf(thrown);
  if (scope === null) return null;
  const { work, code } = scope;
  // What a driver throws in a callback may leave anything half done: it fails no run that could go on waiting for it.
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
  // A timer that began as the file was loaded belongs to whoever uses the file.
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
