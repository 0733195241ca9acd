import type { Incremental } from "../engine/ports.ts";
import { type Finding, settingWarning } from "../findings.ts";

export const slicesPath = ["input", "statePersistence", "slices"] as const;

/** Slices need a range with two ends. Without `start` the first run has no lower end, and is read in one piece. */
export function sliceStartWarnings({ slices, start }: Incremental): Finding[] {
  if ((slices ?? null) === null || (start ?? null) !== null) return [];
  const message = "without a `start` the first run has no lower end, and is read in one piece";
  const hint = "declare `statePersistence.start`: a date, or a length of time such as `P365D`";
  return [settingWarning("SLICES_UNUSED", slicesPath, message, { part: "key", hint })];
}
