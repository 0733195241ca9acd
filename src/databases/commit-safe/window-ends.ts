import { floorCursor, stepCursor } from "../../model/cursor.ts";
import { parsePrecision } from "../../model/precision.ts";
import { hasUnclearTimes, unclearFrom } from "../../model/timestamp.ts";
import type { CursorColumn } from "../bounds.ts";

const microsecond = parsePrecision("1us");
const day = parsePrecision("1d");
/** The zone whose clocks are farthest behind UTC. */
const farthestBehind = parsePrecision("12h");

/** The end of a window, and whether rows past it are read ahead of time. */
export interface SafeEnd {
  readonly upper: string;
  readonly readsPast: boolean;
}

/**
 * The end of a window for dates: the earliest day that anything written from this time on can have, in any zone. That
 * day itself belongs to the window. It is not over, but ties at the watermark are read again by every run.
 */
export function endOfDates(moment: string): SafeEnd {
  const earliest = stepCursor("timestamp_utc", moment, farthestBehind, -1);
  return { upper: floorCursor("timestamp_utc", earliest, day), readsPast: true };
}

/**
 * The end of a window for times: before the earliest value that anything written from a time on can have. In an hour
 * that local time repeats, that is the beginning of its first occurrence.
 */
export function endOfTimes(earliestStored: string, { format }: Pick<CursorColumn, "format">): SafeEnd {
  const stretch = hasUnclearTimes(format) ? unclearFrom(earliestStored, format) : null;
  const earliest = stretch ?? earliestStored;
  return { upper: stepCursor("timestamp_utc", earliest, microsecond, -1), readsPast: stretch !== null };
}
