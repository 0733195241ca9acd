import { compareCursorValues, stepCursor } from "./cursor.ts";
import { parsePrecision } from "./precision.ts";
import { type CursorFormat, formatTimestamp, parseTimestamp } from "./timestamp.ts";

/** From the finest fraction to a year, so that some step takes every format on to its next text. */
const upwardSteps = ["0s", "1ns", "1us", "1ms", "10ms", "100ms", "1s", "1m", "1h", "1d", "31d", "366d"].map(
  parsePrecision,
);

/**
 * A timestamp as text to send for an upper bound. Where the format is too coarse for the value it is
 * a text that is later, so that the bound never cuts off the value itself.
 */
export function formatUpperBound(value: string, format: CursorFormat): string {
  for (const step of upwardSteps) {
    const text = formatTimestamp(stepCursor("timestamp_utc", value, step, 1), format);
    if (compareCursorValues("timestamp_utc", parseTimestamp(text, format), value) >= 0) return text;
  }
  return formatTimestamp(value, format);
}
