import type { Clock } from "../../clock.ts";
import { type IdentityPlan, identityOf } from "../../model/identity.ts";
import { stringifyJson } from "../../model/json.ts";
import { type Path, parsePath, type SourceRecord, valueAt } from "../../model/record.ts";

/** The queue that a record is sent in: always the same one for the same key. */
export type QueueOf = (record: SourceRecord) => number;

/** Throws `RECORD_INVALID` for a record that has no key. */
export function queueOf(queues: number, key: readonly Path[]): QueueOf {
  const plan: IdentityPlan = { key, content: false };
  return (record) => {
    const identity = identityOf(record, plan);
    let sum = 0;
    for (let at = 0; at < identity.length; at++) sum = (Math.imul(sum, 31) + identity.charCodeAt(at)) | 0;
    return Math.abs(sum % queues);
  };
}

export function keyPaths(key: string | readonly string[] | undefined): readonly Path[] {
  return key === undefined ? [] : [key].flat().map(parsePath);
}

/**
 * A text that is equal for two records exactly if they have the same values at the paths; null where a value is
 * missing, or there are no paths.
 */
export function sharedKey(record: SourceRecord, paths: readonly Path[]): string | null {
  const values = paths.map((path) => valueAt(record, path) ?? null);
  return values.length === 0 || values.includes(null) ? null : stringifyJson(values.map(String));
}

export interface QueueRun {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** How long a queue may continue its active request after another queue has failed, in milliseconds. */
  readonly graceMs: number;
}

/**
 * Runs the queues at the same time and returns when all have ended. When one fails, the others finish their active
 * request and begin no further one (`goesOn`), so that its outcome is known. After the grace period their signal is
 * aborted. Throws the first error.
 */
export async function runQueues<T>(
  queues: readonly (readonly T[])[],
  { signal, clock, graceMs }: QueueRun,
  run: (queue: readonly T[], signal: AbortSignal, goesOn: () => boolean) => Promise<void>,
): Promise<void> {
  const [only, ...others] = queues;
  if (only !== undefined && others.length === 0) return run(only, signal, () => true);
  const stop = new AbortController();
  const ended = new AbortController();
  const failures: unknown[] = [];
  const either = AbortSignal.any([signal, stop.signal]);
  const stopLater = (error: unknown): void => {
    clock.sleep(graceMs, ended.signal, { background: true }).then(
      () => stop.abort(error),
      () => {},
    );
  };
  await Promise.all(
    queues.map(async (queue) => {
      try {
        await run(queue, either, () => failures.length === 0);
      } catch (error) {
        if (failures.push(error) === 1) stopLater(error);
      }
    }),
  );
  ended.abort();
  if (failures.length > 0) throw failures[0];
}
