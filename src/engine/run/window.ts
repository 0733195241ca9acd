import { type Cursor, type CursorType, compareCursorValues, stepCursor } from "../../model/cursor.ts";
import type { Position, UnfinishedWindow } from "../../model/position.ts";
import type { Precision } from "../../model/precision.ts";
import { type Period, periodStart } from "../../model/slices.ts";
import { millisecondsToTimestamp } from "../../model/timestamp.ts";
import type { Incremental, Window } from "../ports.ts";
import { knownBack } from "../tracking/dedupe-window.ts";
import type { RequestedStart } from "./requested-start.ts";

/** What limits the end of a run's window, known before anything is read. */
export interface Horizon {
  /** The source's present, in milliseconds since 1970. */
  readonly now: number;
  /** The safe bound: no uncommitted record can have a cursor at or below it; null where that risk does not exist. */
  readonly safeUpper: Cursor | null;
  /** Whether records past the window's end are delivered ahead of time and recognised later. */
  readonly readsPast: boolean;
}

/**
 * The window of a run, frozen as it begins: from the watermark, less the lookback, to now, less the safety lag, and no
 * further than is safe. The present applies only to times. A window of ids ends at the safe bound, or where the source
 * ends. Before the first run the lower end is where the stream was declared to begin.
 */
export function freezeWindow(
  incremental: Incremental,
  start: Position,
  horizon: Horizon,
  asked: RequestedStart = {},
): Window {
  const field = incremental.cursors[0];
  if (field === undefined) return { lower: null, upper: null };
  const { type } = field;
  const lower = lowerEnd(incremental, type, start, horizon, asked);
  const present: Cursor | null =
    type === "timestamp_utc"
      ? lowered({ type, value: millisecondsToTimestamp(horizon.now) }, incremental.safetyLag)
      : null;
  const upper = lowest(present, horizon.safeUpper);
  const clamp = incremental.slices?.clamp ?? null;
  if (clamp === null || upper === null) return { lower, upper };
  return { lower, upper: endOfPeriod(upper, clamp, field.precision) };
}

/**
 * Raises the end of a window that is read again from its start to the highest cursor that an earlier run has seen in it.
 * The watermark will be at least that cursor, so this run must deliver everything below it.
 */
export function notBelowHighest(end: Cursor, { window }: Position): Cursor {
  const highest = window?.highest ?? null;
  if (highest === null || compareCursorValues(end.type, end.value, highest) >= 0) return end;
  return { type: end.type, value: highest };
}

function lowerEnd(
  incremental: Incremental,
  type: CursorType,
  start: Position,
  { now }: Horizon,
  { since, lookbackDays }: RequestedStart,
): Cursor | null {
  if (since !== undefined) return lowest({ type, value: since }, watermarkOf(type, start));
  if (start.watermark !== null) {
    const back = lowered({ type, value: start.watermark }, incremental.lookback);
    if (incremental.dedupe !== "window") return back;
    return { type, value: knownBack(type, back.value, start.watermark, start) };
  }
  if (lookbackDays !== undefined && type === "timestamp_utc") {
    return { type, value: millisecondsToTimestamp(now - lookbackDays * dayMs) };
  }
  const declared = incremental.start ?? null;
  if (declared === null) return null;
  if ("at" in declared) return { type, value: declared.at };
  return lowered({ type, value: millisecondsToTimestamp(now) }, declared.before);
}

function watermarkOf(type: CursorType, { watermark }: Position): Cursor | null {
  return watermark === null ? null : { type, value: watermark };
}

const dayMs = 86_400_000;

/** The last value before the day, week or month that is not over yet. */
function endOfPeriod(upper: Cursor, clamp: Period, precision: Precision): Cursor {
  const begins = periodStart(stepCursor(upper.type, upper.value, precision, 1), clamp);
  return { type: upper.type, value: stepCursor(upper.type, begins, precision, -1) };
}

/** The lower of two bounds; an absent one is ignored. */
export function lowest(a: Cursor | null, b: Cursor | null): Cursor | null {
  if (a === null || b === null) return a ?? b;
  return compareCursorValues(a.type, a.value, b.value) <= 0 ? a : b;
}

/** An unfinished window as it was frozen, to resume inside it. */
export function windowAgain(incremental: Incremental, unfinished: UnfinishedWindow): Window {
  const type = incremental.cursors[0]?.type;
  const bound = (value: string | null): Cursor | null =>
    value === null || type === undefined ? null : { type, value };
  return { lower: bound(unfinished.lower), upper: bound(unfinished.upper) };
}

function lowered(cursor: Cursor, by: Precision | null): Cursor {
  return by === null ? cursor : { type: cursor.type, value: stepCursor(cursor.type, cursor.value, by, -1) };
}
