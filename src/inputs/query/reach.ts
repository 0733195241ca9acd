import type { Incremental } from "../../engine/ports.ts";
import { floorCursor, stepCursor } from "../../model/cursor.ts";
import { parsePrecision } from "../../model/precision.ts";
import { hasUnclearTimes, parseCursorFormat, unclearFrom } from "../../model/timestamp.ts";
import { lowerBoundToSend } from "../bounds.ts";
import type { StatePersistence } from "../state-persistence-keys.ts";

interface ReachParts {
  readonly incremental: Incremental;
  readonly persistence: StatePersistence;
}

/**
 * The lowest cursor that a query may return for a bound. It is an estimate from below: a bound is truncated to its
 * column's precision, and local times go back by an hour once a year.
 */
export function databaseReach(
  { incremental, persistence }: ReachParts,
  lower: string,
  isWide: boolean,
): string {
  const [field, ...further] = incremental.cursors;
  if (field === undefined || field.role === "sourceManaged" || field.role === "offset") return lower;
  const { timestamp } = persistence;
  const declared = timestamp?.queryFormat;
  const format = declared === undefined ? field.format : parseCursorFormat(declared, field.format.timezone);
  const secondaryCursor = further.some(({ role }) => role !== "offset");
  const rounds = field.type === "timestamp_utc" && format.kind !== "iso8601";
  const lowered = lowerBoundToSend(field, lower, { secondaryCursor, ...(rounds ? { format } : {}) });
  if (field.type === "numeric_id") return floorCursor(field.type, lowered, parsePrecision("1"));
  if (field.type !== "timestamp_utc") return lowered;
  const cut = floorCursor(field.type, lowered, parsePrecision(declared === undefined ? "1us" : "1s"));
  if (isWide) return stepCursor(field.type, cut, parsePrecision("2d"), -1);
  const unclear = hasUnclearTimes(field.format) ? unclearFrom(cut, field.format) : null;
  return unclear === null ? cut : stepCursor(field.type, unclear, parsePrecision("1s"), -1);
}
