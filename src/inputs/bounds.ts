import type { CursorField } from "../engine/ports.ts";
import { compareCursorValues, floorCursor, stepCursor } from "../model/cursor.ts";
import { type CursorFormat, formatLowerBound, parseTimestamp } from "../model/timestamp.ts";
import { goesOnBehindTime, precisionOfFormat } from "./format-precision.ts";

export interface LowerBoundOptions {
  /** Whether another cursor's bound is sent together with this one. */
  readonly secondaryCursor: boolean;
  /** The format of the bound, where it may be coarser than the value. */
  readonly format?: CursorFormat;
}

/**
 * The canonical value to send as lower bound, so that the source returns every record at or above `value` (promise P6).
 * Where the source compares strictly, that is the value rounded down to the format and the precision, and one step
 * lower. It is also lowered where a further cursor is sent, since the source may join both bounds into one comparison,
 * which is strict at equal values. Offsets and tokens are sent unchanged. Rounding and stepping only go down: a record
 * returned needlessly is dropped, a record not returned is lost.
 */
export function lowerBoundToSend(field: CursorField, value: string, options: LowerBoundOptions): string {
  const { type, bound, precision } = field;
  if (type === "offset" || type === "opaque_token") return value;
  if (bound === "inclusive" && !options.secondaryCursor) return belowCutText(value, options.format);
  const writable = options.format === undefined ? value : roundedDown(value, options.format);
  return stepCursor(type, floorCursor(type, writable, precision), precision, -1);
}

/**
 * The value, except where a pattern truncates it and writes text after the cut: `…05Z` for 05.5 sorts after `…05.5Z`,
 * so the bound is one step of the pattern lower, for sources that compare texts.
 */
function belowCutText(value: string, format: CursorFormat | undefined): string {
  if (format?.kind !== "pattern" || !goesOnBehindTime(format.pattern)) return value;
  const cut = roundedDown(value, format);
  if (compareCursorValues("timestamp_utc", cut, value) === 0) return value;
  return stepCursor("timestamp_utc", cut, precisionOfFormat(format), -1);
}

/** The latest timestamp not after the value that the format can write. */
function roundedDown(value: string, format: CursorFormat): string {
  const written = parseTimestamp(formatLowerBound(value, format), format);
  return compareCursorValues("timestamp_utc", written, value) > 0 ? value : written;
}

/**
 * The canonical value to send as upper bound, so that the source returns every record at or below `value`. Where it
 * compares strictly, that is one step higher; for a text, one that comes after it in any sort order. Stepping only goes
 * up: records above the bound are dropped, a record not returned is lost.
 */
export function upperBoundToSend(
  { type, precision }: Pick<CursorField, "type" | "precision">,
  value: string,
  bound: CursorField["bound"],
): string {
  if (bound === "inclusive" || type === "offset" || type === "opaque_token") return value;
  return type === "text" ? `${value}0` : stepCursor(type, value, precision, 1);
}
