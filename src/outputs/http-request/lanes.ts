import { type IdentityPlan, identityOf } from "../../model/identity.ts";
import { stringifyJson } from "../../model/json.ts";
import { type Path, parsePath, type SourceRecord, valueAt } from "../../model/record.ts";

/** Which of several lanes a record is sent in: always the same one for the same key. */
export type LaneOf = (record: SourceRecord) => number;

/** Throws `RECORD_INVALID` for a record that has no key. */
export function laneOf(lanes: number, key: readonly Path[]): LaneOf {
  const plan: IdentityPlan = { key, content: false };
  return (record) => {
    const identity = identityOf(record, plan);
    let sum = 0;
    for (let at = 0; at < identity.length; at++) sum = (Math.imul(sum, 31) + identity.charCodeAt(at)) | 0;
    return Math.abs(sum % lanes);
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

/**
 * Runs the lanes at once and returns when all have ended. The first that fails has the others'
 * signal aborted, and is what is thrown.
 */
export async function runLanes<T>(
  lanes: readonly (readonly T[])[],
  signal: AbortSignal,
  run: (lane: readonly T[], signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const [only, ...others] = lanes;
  if (only !== undefined && others.length === 0) return run(only, signal);
  const stop = new AbortController();
  const failures: unknown[] = [];
  const either = AbortSignal.any([signal, stop.signal]);
  await Promise.all(
    lanes.map(async (lane) => {
      try {
        await run(lane, either);
      } catch (error) {
        failures.push(error);
        stop.abort(error);
      }
    }),
  );
  if (failures.length > 0) throw failures[0];
}
