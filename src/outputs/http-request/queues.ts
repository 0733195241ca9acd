import type { Clock } from "../../clock.ts";
import { type IdentityPlan, identityOf } from "../../model/identity.ts";
import { stringifyJson } from "../../model/json.ts";
import { type Path, parsePath, type SourceRecord, valueAt } from "../../model/record.ts";

/** Which of several lanes a record is sent in: always the same one for the same key. */
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

/** A text that two records share exactly when they have the same values at the paths; null where one has none, or there are no paths. */
export function sharedKey(record: SourceRecord, paths: readonly Path[]): string | null {
  const values = paths.map((path) => valueAt(record, path) ?? null);
  return values.length === 0 || values.includes(null) ? null : stringifyJson(values.map(String));
}

export interface QueueRun {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** How long a lane may go on with what is under way once another has failed, in milliseconds. */
  readonly graceMs: number;
}

/**
 * Runs the lanes at once and returns when all have ended. Once one fails, the others are to end what is under
 * way and begin nothing more (`goesOn`), so that it is known whether that was taken; when the grace is over
 * their signal is aborted. What the first threw is thrown.
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
