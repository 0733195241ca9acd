import { addRange, contiguousEnd, mergeCoverage } from "../../model/coverage.ts";
import { compareCursorValues, higherCursor } from "../../model/cursor.ts";
import type { CursorRange, Position, TieMember } from "../../model/position.ts";
import type { SlicedWindow } from "./sliced-window.ts";

export interface FinishedSlice {
  readonly position: Pick<Position, "watermark" | "tieSet">;
  /** Where its window ended, by the source's clock; null where that is the slice's own end. */
  readonly windowEnd: string | null;
}

/**
 * What the finished slices of a window have delivered, and the watermark by it:
 *
 * 1. A slice counts when it was read completely. The completed slices make up the coverage, in whatever order they end.
 * 2. The watermark is the end of the first range without a gap. The next run reads the gaps first.
 * 3. It never lies past the highest record seen, so that a record that appears late at the end of the window is still
 *    read.
 * 4. The tie set has what was delivered at the ends of the coverage and outside it: a later read may return it again.
 */
export class SliceCoverage {
  readonly #within: SlicedWindow;
  readonly #nameOf: (cursor: string, identity: string) => string;
  readonly #tieSet = new Map<string, TieMember>();
  #coverage: readonly CursorRange[];
  #highest: string | null;

  /** `nameOf` names the members of the tie set. */
  constructor(within: SlicedWindow, nameOf: (cursor: string, identity: string) => string) {
    const { start, cut } = within;
    this.#within = within;
    this.#nameOf = nameOf;
    this.#coverage = mergeCoverage(cut.type, start.coverage, cut.precision);
    // Coverage never reaches past the highest record seen, so its end is that record's cursor.
    this.#highest = higherCursor(cut.type, start.watermark, this.#coverage.at(-1)?.upper ?? null);
    this.#remember(start.tieSet);
  }

  /** Adds a completely read slice and the result of its read. */
  add(range: CursorRange, { position, windowEnd }: FinishedSlice): void {
    const { type, precision } = this.#within.cut;
    const { watermark, tieSet } = position;
    const isBeginning = range.lower !== null && this.#within.isBeginning(range.lower);
    const lower = isBeginning ? this.#within.beforeBeginning() : range.lower;
    // Past the source's present, more records may appear anywhere in the slice.
    const upper = windowEnd ?? range.upper;
    if (lower === null || compareCursorValues(type, lower, upper) < 0)
      this.#coverage = addRange(type, this.#coverage, { lower, upper }, precision);
    // A record at the very beginning counts as seen, although the slice's watermark has not moved.
    const isSeen = watermark !== range.lower || tieSet.some(({ cursor }) => cursor === watermark);
    if (isSeen) this.#highest = higherCursor(type, this.#highest, watermark);
    this.#remember(tieSet);
  }

  /** Whether a slice that begins there counts. A slice past all records seen does not count yet. */
  countsFrom(lower: string | null): boolean {
    const highest = this.#highest;
    if (highest === null) return false;
    return lower === null || compareCursorValues(this.#within.cut.type, lower, highest) < 0;
  }

  /** The position of a backfill, which has no watermark: what was read completely. */
  get whole(): CursorRange[] {
    return [...this.#coverage];
  }

  /** The position of a live stream. */
  reached(): Pick<Position, "watermark" | "tieSet" | "coverage"> {
    const coverage = this.#seenCoverage();
    const watermark = this.#watermark(coverage);
    return { watermark, tieSet: this.#tieSetAt(watermark, coverage), coverage };
  }

  /** What was read completely, up to the highest record seen. */
  #seenCoverage(): CursorRange[] {
    const highest = this.#highest;
    if (highest === null) return [];
    const { type } = this.#within.cut;
    return this.#coverage.flatMap(({ lower, upper }) => {
      if (lower !== null && compareCursorValues(type, lower, highest) >= 0) return [];
      return [{ lower, upper: compareCursorValues(type, upper, highest) > 0 ? highest : upper }];
    });
  }

  #watermark(coverage: readonly CursorRange[]): string | null {
    const { start, cut } = this.#within;
    if (start.watermark !== null) return contiguousEnd(cut.type, coverage, start.watermark);
    const from = this.#within.beforeBeginning();
    const end = contiguousEnd(cut.type, coverage, from);
    return end === from ? null : end;
  }

  #tieSetAt(watermark: string | null, coverage: readonly CursorRange[]): TieMember[] {
    const { type } = this.#within.cut;
    const isAbove = (cursor: string, value: string | null): boolean =>
      value === null || compareCursorValues(type, cursor, value) > 0;
    const isBelow = (cursor: string, value: string | null): boolean =>
      value !== null && compareCursorValues(type, cursor, value) < 0;
    for (const [name, { cursor }] of this.#tieSet) {
      if (cursor === "") continue;
      const isCovered = coverage.some(({ lower, upper }) => isAbove(cursor, lower) && isBelow(cursor, upper));
      if (isCovered || isBelow(cursor, watermark)) this.#tieSet.delete(name);
    }
    return [...this.#tieSet.values()];
  }

  #remember(members: readonly TieMember[]): void {
    for (const member of members) this.#tieSet.set(this.#nameOf(member.cursor, member.identity), member);
  }
}
