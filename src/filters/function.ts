import type { Filter, FilterContext, Warn } from "../engine/ports.ts";
import { awaitUncaught, codeFailedSignal, inUserCode } from "../engine/user-code/user-code.ts";
import { TidemarkError } from "../errors.ts";
import { isPlainObject, kindOf } from "../model/plain-object.ts";
import type { SourceRecord } from "../model/record.ts";
import { adoptValue, copyValue } from "../model/user-value.ts";
import { type FilterParts, onFailedRecord } from "./failure.ts";

/** What a filter function receives in addition to the record. */
export interface ScriptContext {
  readonly connector: string;
  readonly stream: string;
  readonly runId: string;
  /** The values of `--param name=value`. */
  readonly params: Readonly<Record<string, string>>;
  /** Aborts when the run is to stop. */
  readonly signal: AbortSignal;
  /** Adds a named warning to the run's summary; the same code is kept once, with a count. */
  readonly warn: Warn;
}

type Returned = Record<string, unknown> | readonly Record<string, unknown>[] | null;

/**
 * A filter in code: the default export of a script, or a function in `filters` of a pipeline made in code. Called once
 * a record, in order. It gets a copy that it may change, and returns what goes on: a record, a list of records, or null
 * or an empty list to drop it, or a promise of these. If a function returns undefined, which is most likely an error,
 * the run fails with `FILTER_FAILED`.
 *
 * ```ts
 * const upper: ScriptFunction = (record) => ({ ...record, name: String(record.name).toUpperCase() });
 * ```
 */
export type ScriptFunction = (
  record: Record<string, unknown>,
  context: ScriptContext,
) => Returned | PromiseLike<Returned>;

export interface FunctionFilterParts extends FilterParts {
  /** How messages call it. */
  readonly name: string;
  /** The script's file, where it has one of its own: messages name the line in it. */
  readonly file?: string;
  readonly params: Readonly<Record<string, string>>;
}

/** Runs a function over every record; only what returns a promise, or anything with a `then`, is awaited. */
export async function applyFunction(
  run: ScriptFunction,
  records: readonly SourceRecord[],
  context: FilterContext,
  parts: FunctionFilterParts,
): Promise<SourceRecord[]> {
  using untilAborted = new UntilAborted();
  const { name, file } = parts;
  const code = { name, code: "FILTER_FAILED", ...(file === undefined ? {} : { file }) } as const;
  const results = await inUserCode(code, () => applyToEach(run, records, context, parts, untilAborted));
  await awaitUncaught();
  return results;
}

/** Awaits a function's promise until the run is aborted: an error in a timer may leave a promise pending. */
class UntilAborted {
  readonly #signal = codeFailedSignal();
  #giveUp: (() => void) | null = null;
  #over: Promise<never> | null = null;

  async settled(promised: PromiseLike<unknown>): Promise<unknown> {
    const signal = this.#signal;
    if (signal === undefined) return promised;
    this.#over ??= new Promise((_, reject) => {
      this.#giveUp = () => reject(signal.reason);
      signal.addEventListener("abort", this.#giveUp, { once: true });
    });
    return Promise.race([promised, this.#over]);
  }

  [Symbol.dispose](): void {
    if (this.#giveUp !== null) this.#signal?.removeEventListener("abort", this.#giveUp);
  }
}

async function applyToEach(
  run: ScriptFunction,
  records: readonly SourceRecord[],
  context: FilterContext,
  parts: FunctionFilterParts,
  untilAborted: UntilAborted,
): Promise<SourceRecord[]> {
  const given = scriptContext(context, parts.params);
  const results: SourceRecord[] = [];
  const { account } = context;
  let dropped = 0;
  for (let index = 0; index < records.length; index++) {
    const record = records[index];
    if (record === undefined) continue;
    const before = results.length;
    try {
      const returned = run(copyRecord(record), given);
      collect(isThenable(returned) ? await untilAborted.settled(returned) : returned, results);
      if (results.length === before) dropped += 1;
      else if (account?.follows === true) account.made(record, results.slice(before));
    } catch (cause) {
      // If an element of a list is not a record, nothing of the list is passed on.
      results.length = before;
      onFailedRecord(parts.name, record, index + 1, { parts, context, cause });
    }
  }
  account?.dropped(dropped);
  return results;
}

/** A filter of a function that is at hand. */
export function createFunctionFilter(run: ScriptFunction, parts: FunctionFilterParts): Filter {
  const { name } = parts;
  return { kind: "function", name, apply: (records, context) => applyFunction(run, records, context, parts) };
}

function copyRecord(record: SourceRecord): Record<string, unknown> {
  const copy = copyValue(record);
  return isPlainObject(copy) ? copy : { ...record };
}

function scriptContext(context: FilterContext, params: Readonly<Record<string, string>>): ScriptContext {
  const { key, runId, signal, warn } = context;
  return { connector: key.connector, stream: key.stream, runId, params, signal, warn };
}

/** The result of user code is checked at run time, since it may be JavaScript. */
function collect(returned: unknown, results: SourceRecord[]): void {
  if (returned === null) return;
  if (Array.isArray(returned))
    for (const one of returned) results.push(adoptRecord(one, "a list that holds "));
  else results.push(adoptRecord(returned, ""));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function adoptRecord(returned: unknown, within: string): SourceRecord {
  const adopted = isPlainObject(returned) ? adoptValue(returned, "") : undefined;
  if (isPlainObject(adopted)) return adopted;
  throw new TidemarkError(
    "FILTER_FAILED",
    `it returned ${within}${kindOf(returned)}; ${expected(returned, within)}`,
  );
}

function expected(returned: unknown, within: string): string {
  if (within !== "") return "a list holds records only, and an empty one drops the record";
  return returned === undefined
    ? "return null to drop a record"
    : "a record, a list of records, or null to drop it is expected";
}
