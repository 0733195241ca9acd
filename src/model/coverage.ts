import { type CursorType, compareCursorValues, floorCursor } from "./cursor.ts";
import type { CursorRange } from "./position.ts";
import type { Precision } from "./precision.ts";

/**
 * Coverage: the ranges `(lower, upper]` of a stream's cursor values that have been delivered completely. A lower end of
 * null is the beginning. Merged coverage is sorted, and its intervals do not touch.
 */

/**
 * The same ranges in order, with those that touch or overlap made one. Two also touch where no
 * value can lie between them: values lie on multiples of the precision, so with a precision of 1 s
 * `(…, 10:00:05]` and `(10:00:05.9, …]` do. A precision of zero merges only what truly touches.
 * Ranges without any value (`lower` not below `upper`) are dropped.
 */
export function mergeCoverage(
  type: CursorType,
  intervals: readonly CursorRange[],
  precision: Precision,
): CursorRange[] {
  const sorted = intervals
    .filter(({ lower, upper }) => compareLower(type, lower, upper) < 0)
    .sort((a, b) => compareLowers(type, a.lower, b.lower) || compareCursorValues(type, a.upper, b.upper));
  const merged: CursorRange[] = [];
  let current: CursorRange | undefined;
  for (const next of sorted) {
    if (current !== undefined && touches(type, current.upper, next.lower, precision)) {
      if (compareCursorValues(type, next.upper, current.upper) > 0)
        current = { lower: current.lower, upper: next.upper };
    } else {
      if (current !== undefined) merged.push(current);
      current = { lower: next.lower, upper: next.upper };
    }
  }
  if (current !== undefined) merged.push(current);
  return merged;
}

/** Whether no value lies above `upper` and at or below `lower`, so that nothing is between the two. */
function touches(type: CursorType, upper: string, lower: string | null, precision: Precision): boolean {
  if (lower === null || compareCursorValues(type, lower, upper) <= 0) return true;
  return compareCursorValues(type, floorCursor(type, lower, precision), upper) <= 0;
}

/** Merged coverage with one more range in it. */
export function addRange(
  type: CursorType,
  coverage: readonly CursorRange[],
  interval: CursorRange,
  precision: Precision,
): CursorRange[] {
  return mergeCoverage(type, [...coverage, interval], precision);
}

/** The ranges of `within` that merged coverage leaves out, in order. */
export function gaps(type: CursorType, coverage: readonly CursorRange[], within: CursorRange): CursorRange[] {
  const found: CursorRange[] = [];
  let from = within.lower;
  for (const { lower, upper } of coverage) {
    if (compareLower(type, lower, within.upper) >= 0) break;
    if (lower !== null && compareLower(type, from, lower) < 0) found.push({ lower: from, upper: lower });
    if (compareLower(type, from, upper) < 0) from = upper;
  }
  if (compareLower(type, from, within.upper) < 0) found.push({ lower: from, upper: within.upper });
  return found;
}

/**
 * How far merged coverage reaches from a value on without a gap: the value itself where it is not
 * covered beyond, and null where nothing is covered from the beginning on.
 */
export function contiguousEnd(
  type: CursorType,
  coverage: readonly CursorRange[],
  from: string | null,
): string | null {
  for (const { lower, upper } of coverage) {
    if (compareLowers(type, lower, from) > 0) break;
    if (compareLower(type, from, upper) < 0) return upper;
  }
  return from;
}

/** A lower end against a value; null, the beginning, is below every value. */
function compareLower(type: CursorType, lower: string | null, value: string): number {
  return lower === null ? -1 : compareCursorValues(type, lower, value);
}

function compareLowers(type: CursorType, a: string | null, b: string | null): number {
  if (b === null) return a === null ? 0 : 1;
  return compareLower(type, a, b);
}
