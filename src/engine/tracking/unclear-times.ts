import { compareCursorValues, stepCursor } from "../../model/cursor.ts";
import { hasUnclearTimes, unclearFrom } from "../../model/timestamp.ts";
import type { CursorField } from "../ports.ts";

/**
 * Local times without an offset, as a source's clocks show them. In the hour that comes twice a record of the second
 * time has the same cursor as one of the first, and so may come later and lie below what was delivered. The watermark
 * therefore stays before such an hour until a record past it was seen, and records delivered inside it are remembered
 * by identity.
 */
export interface UnclearTimes {
  /** The beginning of the repeated hour that a cursor lies in; null where it lies in none. */
  from(cursor: string): string | null;
  /** The last value before such an hour. */
  before(from: string): string;
}

/** Null for a field whose values are unambiguous. */
export function unclearTimes(field: CursorField | null): UnclearTimes | null {
  if (field === null || field.type !== "timestamp_utc" || !hasUnclearTimes(field.format)) return null;
  const { type, format, precision } = field;
  return {
    from: (cursor) => unclearFrom(cursor, format),
    before: (from) => stepCursor(type, from, precision, -1),
  };
}

/** The later of two timestamps; null is before all. */
export function later(a: string, b: string | null): string {
  return b === null || compareCursorValues("timestamp_utc", a, b) >= 0 ? a : b;
}
