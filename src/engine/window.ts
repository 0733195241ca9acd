import { type Cursor, stepCursor } from "../model/cursor.ts";
import type { Granule } from "../model/granule.ts";
import type { Position, UnfinishedWindow } from "../model/position.ts";
import { millisecondsToTimestamp } from "../model/timestamp.ts";
import type { Incremental, Window } from "./ports.ts";

/**
 * The window of a run, frozen as it begins: from the watermark, less the lookback, to now, less the
 * settle. Only times have an upper bound; ids and offsets end where the source ends.
 */
export function freezeWindow(incremental: Incremental, start: Position, nowMs: number): Window {
  const field = incremental.cursors[0];
  if (field === undefined) return { lower: null, upper: null };
  const lower =
    start.watermark === null
      ? null
      : lowered({ type: field.type, value: start.watermark }, incremental.lookback);
  if (field.type !== "timestamp_utc") return { lower, upper: null };
  const now: Cursor = { type: "timestamp_utc", value: millisecondsToTimestamp(nowMs) };
  return { lower, upper: lowered(now, incremental.settle) };
}

/** An unfinished window as it was frozen, to go on inside it. */
export function windowAgain(incremental: Incremental, unfinished: UnfinishedWindow): Window {
  const type = incremental.cursors[0]?.type;
  const bound = (value: string | null): Cursor | null =>
    value === null || type === undefined ? null : { type, value };
  return { lower: bound(unfinished.lower), upper: bound(unfinished.upper) };
}

function lowered(cursor: Cursor, by: Granule | null): Cursor {
  return by === null ? cursor : { type: cursor.type, value: stepCursor(cursor.type, cursor.value, by, -1) };
}
