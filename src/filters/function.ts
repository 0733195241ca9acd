import type { Filter, FilterContext, Warn } from "../engine/ports.ts";
import { TidemarkError } from "../errors.ts";
import { isPlainObject, kindOf } from "../model/plain-object.ts";
import type { SourceRecord } from "../model/record.ts";
import { adoptValue, copyValue } from "../model/user-value.ts";
import { type FilterParts, filterFailed } from "./failure.ts";

/** What a filter function is told beside the record. */
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

type Returned = Record<string, unknown> | readonly Record<string, unknown>[] | null | undefined;

/**
 * A filter in code: the default export of a script, or a function in `filters` of a pipeline made
 * in code. Called once a record, in order. It gets a copy that it may change, and returns what goes
 * on: a record, a list of records, or nothing (null, undefined, an empty list) to drop it.
 *
 * ```ts
 * const upper: ScriptFunction = (record) => ({ ...record, name: String(record.name).toUpperCase() });
 * ```
 */
export type ScriptFunction = (
  record: Record<string, unknown>,
  context: ScriptContext,
) => Returned | Promise<Returned>;

export interface FunctionFilterParts extends FilterParts {
  /** How messages call it. */
  readonly name: string;
  readonly params: Readonly<Record<string, string>>;
}

/** Runs a function over every record; only what returns a promise is awaited. */
export async function applyFunction(
  run: ScriptFunction,
  records: readonly SourceRecord[],
  context: FilterContext,
  parts: FunctionFilterParts,
): Promise<SourceRecord[]> {
  const told = scriptContext(context, parts.params);
  const results: SourceRecord[] = [];
  for (let index = 0; index < records.length; index++) {
    const record = records[index];
    if (record === undefined) continue;
    try {
      const returned = run(copyRecord(record), told);
      collect(returned instanceof Promise ? await returned : returned, results);
    } catch (error) {
      throw filterFailed(parts.name, record, index + 1, parts, error);
    }
  }
  return results;
}

/** A filter of a function that is at hand. */
export function createFunctionFilter(run: ScriptFunction, parts: FunctionFilterParts): Filter {
  return { kind: "function", apply: (records, context) => applyFunction(run, records, context, parts) };
}

function copyRecord(record: SourceRecord): Record<string, unknown> {
  const copy = copyValue(record);
  return isPlainObject(copy) ? copy : { ...record };
}

function scriptContext(context: FilterContext, params: Readonly<Record<string, string>>): ScriptContext {
  const { key, runId, signal, warn } = context;
  return { connector: key.connector, stream: key.stream, runId, params, signal, warn };
}

/** What user code returns is checked as if it had no type, since it may well be JavaScript. */
function collect(returned: unknown, results: SourceRecord[]): void {
  if (returned === null || returned === undefined) return;
  if (Array.isArray(returned)) for (const one of returned) results.push(adoptRecord(one));
  else results.push(adoptRecord(returned));
}

function adoptRecord(returned: unknown): SourceRecord {
  const adopted = isPlainObject(returned) ? adoptValue(returned, "") : undefined;
  if (isPlainObject(adopted)) return adopted;
  throw new TidemarkError(
    "FILTER_FAILED",
    `it returned ${kindOf(returned)}; a record, a list of records, or null to drop it is expected`,
  );
}
