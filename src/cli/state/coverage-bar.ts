import { type CursorType, compareCursorValues, isOrdered } from "../../model/cursor.ts";
import type { CursorRange } from "../../model/position.ts";
import { timestampToNanoseconds } from "../../model/timestamp.ts";

/** A range of a stream, and whether it is known to be delivered whole. */
export interface CoverageRange extends CursorRange {
  readonly covered: boolean;
}

/** The covered ranges with the gaps between them, in order. Nothing is said of what lies outside. */
export function coverageRanges(type: CursorType, coverage: readonly CursorRange[]): CoverageRange[] {
  const ranges: CoverageRange[] = [];
  let end: string | null = null;
  for (const { lower, upper } of coverage) {
    if (end !== null && lower !== null && isOrdered(type) && compareCursorValues(type, end, lower) < 0) {
      ranges.push({ lower: end, upper: lower, covered: false });
    }
    ranges.push({ lower, upper, covered: true });
    end = upper;
  }
  return ranges;
}

const full = "█";
const part = "▒";
const none = "░";

/**
 * Ranges as a bar of so many cells: `█` where all of a cell is covered, `▒` where some is, `░` where
 * nothing is. Null where values cannot be measured: texts, tokens, and a single point.
 */
export function coverageBar(
  type: CursorType,
  ranges: readonly CoverageRange[],
  width: number,
): string | null {
  const measured = ranges.map(({ lower, upper, covered }) => ({
    from: lower === null ? null : measure(type, lower),
    to: measure(type, upper),
    covered,
  }));
  const ends = measured.flatMap(({ from, to }) => (from === null ? [to] : [from, to]));
  if (ends.some((end) => end === null) || ends.length < 2) return null;
  const numbers = ends.filter((end) => end !== null);
  const start = Math.min(...numbers);
  const span = Math.max(...numbers) - start;
  if (!(span > 0)) return null;
  const cells = new Array<number>(width).fill(0);
  for (const { from, to, covered } of measured) {
    if (!covered || to === null) continue;
    const first = (((from ?? start) - start) / span) * width;
    const last = ((to - start) / span) * width;
    for (let cell = Math.floor(first); cell < Math.min(width, last); cell++) {
      cells[cell] = (cells[cell] ?? 0) + Math.min(cell + 1, last) - Math.max(cell, first);
    }
  }
  return cells.map((share) => (share > 1 - rounding ? full : share > 0 ? part : none)).join("");
}

/** How far shares that make up a whole cell may be from it, by floating point. */
const rounding = 1e-9;

/** A cursor value as a length, for drawing only; null where it has none. */
function measure(type: CursorType, value: string): number | null {
  if (type === "timestamp_utc") return Number(timestampToNanoseconds(value) / 1000n);
  return type === "numeric_id" || type === "offset" ? Number(value) : null;
}

/** How long a range is in words: `31 days`, `1,000`; empty where that cannot be said. */
export function lengthOf(type: CursorType, { lower, upper }: CursorRange): string {
  const from = lower === null ? null : measure(type, lower);
  const to = measure(type, upper);
  if (from === null || to === null) return "";
  return type === "timestamp_utc" ? timeText((to - from) / 1_000_000) : String(to - from);
}

const units = [
  ["days", 86_400],
  ["h", 3600],
  ["min", 60],
] as const;

function timeText(seconds: number): string {
  for (const [name, length] of units) {
    // Slices at the starts of periods end one step before them.
    const count = Math.round((seconds / length) * 10) / 10;
    if (count >= 2 || (count >= 1 && name !== "days")) return `${count} ${name}`;
    if (count === 1) return "1 day";
  }
  return `${Math.round(seconds * 1000) / 1000} s`;
}
