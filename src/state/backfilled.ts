import { mergeCoverage } from "../model/coverage.ts";
import { type CursorType, isOrdered } from "../model/cursor.ts";
import type { CursorRange } from "../model/position.ts";
import type { Precision } from "../model/precision.ts";
import { isCanonical } from "./step-rules.ts";

/**
 * Merges two coverages. Returns the first unchanged where the type has no order. The state does not know the precision
 * of a stream's cursors, so it merges only ranges that overlap or share an end. Ranges whose values are not of the type
 * are left out: they were covered before the stream's type was changed.
 */
export function unionOfCoverage(
  type: CursorType | null,
  one: readonly CursorRange[],
  other: readonly CursorRange[],
): readonly CursorRange[] {
  if (type === null || !isOrdered(type)) return one;
  const ofType = [...one, ...other].filter(({ lower, upper }) => isOf(type, lower) && isOf(type, upper));
  return mergeCoverage(type, ofType, nothing(type));
}

/** Whether both are equal. */
export function isSameCoverage(one: readonly CursorRange[], other: readonly CursorRange[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ lower, upper }, index) => lower === other[index]?.lower && upper === other[index]?.upper)
  );
}

function isOf(type: CursorType, value: string | null): boolean {
  return value === null || isCanonical(type, value);
}

function nothing(type: CursorType): Precision {
  return type === "timestamp_utc" ? { unit: "time", nanoseconds: 0n } : { unit: "number", amount: "0" };
}
