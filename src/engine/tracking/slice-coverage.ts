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
 * 1. A slice counts when it was read whole. The slices that were make up the coverage, whatever order they end in.
 * 2. The watermark is the end of the first range without a gap. The next run reads the gaps first.
 * 3. It never lies past the highest record seen, so that a record which shows late at the quiet end of the window is
 *    still read.
 * 4. The tie set has what was delivered at the ends of what is covered, and outside it: a later read may bring it again.
 */
export class SliceCoverage {
  readonly #within: SlicedWindow;
  readonly #nameOf: (cursor: string, identity: string) => string;
  readonly #tieSet = new Map<string, TieMember>();
  #coverage: readonly CursorRange[];
  #highest: string | null;

  /** `nameOf` tells the members of the tie set apart. */
  constructor(within: SlicedWindow, nameOf: (cursor: string, identity: string) => string) {
    const { start, cut } = within;
    this.#within = within;
    this.#nameOf = nameOf;
    this.#coverage = mergeCoverage(cut.type, start.coverage, cut.precision);
    // Coverage never reaches past the highest record seen, so it tells how far that was.
    this.#highest = higherCursor(cut.type, start.watermark, this.#coverage.at(-1)?.upper ?? null);
    this.#remember(start.tieSet);
  }

  /** Takes in a slice that was read whole, and what its read came to. */
  add(range: CursorRange, { position, windowEnd }: FinishedSlice): void {
    const { type, precision } = this.#within.cut;
    const { watermark, tieSet } = position;
    const isBeginning = range.lower !== null && this.#within.isBeginning(range.lower);
    const lower = isBeginning ? this.#within.beforeBeginning() : range.lower;
    // Past the present of the source, more may come in anywhere in the slice.
    const upper = windowEnd ?? range.upper;
    if (lower === null || compareCursorValues(type, lower, upper) < 0)
      this.#coverage = addRange(type, this.#coverage, { lower, upper }, precision);
    // A record right at the beginning is seen too, though the slice's watermark is where it was.
    const isSeen = watermark !== range.lower || tieSet.some(({ cursor }) => cursor === watermark);
    if (isSeen) this.#highest = higherCursor(type, this.#highest, watermark);
    this.#remember(tieSet);
  }

  /** Whether a slice that begins there counts. One beyond all records seen counts for nothing yet. */
  countsFrom(lower: string | null): boolean {
    const highest = this.#highest;
    if (highest === null) return false;
    return lower === null || compareCursorValues(this.#within.cut.type, lower, highest) < 0;
  }

  /** Of a backfill, which has no watermark: what was read whole. */
  get whole(): CursorRange[] {
    return [...this.#coverage];
  }

  /** Of a live stream. */
  reached(): Pick<Position, "watermark" | "tieSet" | "coverage"> {
    const coverage = this.#seenCoverage();
    const watermark = this.#watermark(coverage);
    return { watermark, tieSet: this.#tieSetAt(watermark, coverage), coverage };
  }

  /** What was read whole, as far as records were seen. */
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
