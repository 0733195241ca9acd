import { TidemarkError } from "../errors.ts";
import {
  canonicalTimestamp,
  daysInMonth,
  daysSince1970,
  nanosecondOfCanonical,
  secondsOfCanonical,
  secondsOfWallTime,
  secondsPerDay,
  type WallTime,
  wallTimeOfSeconds,
} from "./calendar.ts";
import { type CursorType, compareCursorValues, stepCursor } from "./cursor.ts";
import type { CursorRange } from "./position.ts";
import { formatPrecision, isZero, type Precision, parsePrecision } from "./precision.ts";

/** The periods at whose starts slices can be cut. Weeks begin on Monday; all are in UTC. */
export const periods = ["day", "week", "month"] as const;
export type Period = (typeof periods)[number];

/** How far a slice reaches: so many months, or a fixed length of time or of numbers. */
export type SliceStep = { readonly unit: "months"; readonly months: number } | Precision;

const calendarStep = /^P(?=\d)(?:(\d{1,4})Y)?(?:(\d{1,5})M)?$/;

/**
 * Reads a step: `P1M`, `P1Y`, whatever `parsePrecision` takes (`P1D`, `PT6H`, `P1W`), or a plain number
 * for ids. Throws `ARGUMENT_INVALID`, also for a step of nothing.
 */
export function parseSliceStep(text: string): SliceStep {
  const match = calendarStep.exec(text);
  const months = match === null ? null : Number(match[1] ?? 0) * 12 + Number(match[2] ?? 0);
  const step: SliceStep = months === null ? parsePrecision(text) : { unit: "months", months };
  if (step.unit === "months" ? step.months > 0 : !isZero(step)) return step;
  throw new TidemarkError("ARGUMENT_INVALID", `"${text}" is no step: it leads nowhere`, {
    hint: "Write how far a slice reaches: P1D, PT6H, P1M, or a number for ids.",
  });
}

/** The text that `parseSliceStep` reads back. */
export function formatSliceStep(step: SliceStep): string {
  return step.unit === "months" ? `P${step.months}M` : formatPrecision(step);
}

export interface Cut {
  readonly type: CursorType;
  /** Null leaves each range in one piece. */
  readonly step: SliceStep | null;
  /** Has slices end one step before a period begins. */
  readonly clamp: Period | null;
  readonly precision: Precision;
}

/**
 * The slices of a range `(lower, upper]`, in order, each beginning where the last one ends. A
 * range without a lower end cannot be cut and is one slice. With a clamp, slices end where a period
 * does, but for the last, which ends with the range.
 */
export function* cutIntoSlices(range: CursorRange, cut: Cut): Generator<CursorRange> {
  const { lower: from, upper } = range;
  const { step } = cut;
  if (from === null || step === null) return yield range;
  let lower = from;
  for (let count = 1; compareCursorValues(cut.type, lower, upper) < 0; count++) {
    const end = sliceEnd({ from, lower, count }, step, cut);
    if (compareCursorValues(cut.type, end, upper) >= 0) return yield { lower, upper };
    yield { lower, upper: end };
    lower = end;
  }
}

/** The end of the slice numbered `count`, which begins at `lower`; steps are counted from the first. */
function sliceEnd(
  { from, lower, count }: { from: string; lower: string; count: number },
  step: SliceStep,
  { type, clamp, precision }: Cut,
): string {
  if (clamp !== null) {
    const begins = stepCursor(type, lower, precision, 1);
    const next = stepOn(type, periodStart(begins, clamp), step, 1);
    const end = stepCursor(type, periodStart(next, clamp), precision, -1);
    // A step shorter than the period leads back to where it began: the period is then the step.
    if (compareCursorValues(type, end, lower) > 0) return end;
    return stepCursor(type, periodEnd(begins, clamp), precision, -1);
  }
  return stepOn(type, from, step, count);
}

/** A cursor value `times` steps up. Months are counted on the calendar: a month after January 31 is February's last day. */
function stepOn(type: CursorType, value: string, step: SliceStep, times: number): string {
  if (step.unit === "months") return addMonths(value, step.months * times);
  return stepCursor(type, value, multiple(step, times), 1);
}

function multiple(precision: Precision, times: number): Precision {
  if (precision.unit === "time") return { unit: "time", nanoseconds: precision.nanoseconds * BigInt(times) };
  const [whole = "0", fraction = ""] = precision.amount.split(".");
  const units = (BigInt(whole + fraction) * BigInt(times)).toString().padStart(fraction.length + 1, "0");
  return parsePrecision(
    fraction === "" ? units : `${units.slice(0, -fraction.length)}.${units.slice(-fraction.length)}`,
  );
}

function addMonths(value: string, months: number): string {
  const wall = wallOf(value);
  const index = wall.year * 12 + wall.month - 1 + months;
  const year = Math.floor(index / 12);
  const month = (index % 12) + 1;
  const day = Math.min(wall.day, daysInMonth(year, month));
  return canonicalTimestamp(secondsOfWallTime({ ...wall, year, month, day }), wall.nanosecond);
}

function wallOf(value: string): WallTime {
  return wallTimeOfSeconds(secondsOfCanonical(value), nanosecondOfCanonical(value));
}

/** Where the period that a timestamp lies in begins. */
export function periodStart(value: string, period: Period): string {
  const { year, month, day } = wallOf(value);
  const today = daysSince1970(year, month, day);
  // 1970-01-01 was a Thursday, three days after its week's Monday.
  const weekday = (((today + 3) % 7) + 7) % 7;
  const first = { day: today, week: today - weekday, month: daysSince1970(year, month, 1) }[period];
  return canonicalTimestamp(first * secondsPerDay, 0);
}

/** Where the next period begins. */
function periodEnd(value: string, period: Period): string {
  const start = periodStart(value, period);
  if (period === "month") return addMonths(start, 1);
  const days = period === "day" ? 1 : 7;
  return canonicalTimestamp(secondsOfCanonical(start) + days * secondsPerDay, 0);
}
