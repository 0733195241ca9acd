import { gaps, mergeCoverage } from "../../model/coverage.ts";
import { compareCursorValues, stepCursor } from "../../model/cursor.ts";
import type { CursorRange, Position } from "../../model/position.ts";
import { type Cut, cutIntoSlices } from "../../model/slices.ts";
import type { Window } from "../ports.ts";
import type { Edges } from "./tracker-options.ts";

export interface SlicedWindowOptions {
  /** The position of the stream or partition; its coverage is not read again. */
  readonly start: Position;
  /** The window to read. */
  readonly window: Window & { readonly upper: NonNullable<Window["upper"]> };
  readonly cut: Cut;
  /** Further ranges that must not be read. */
  readonly known: readonly CursorRange[];
  /** Whether the watermark follows what is read; a backfill only adds to its coverage. */
  readonly live: boolean;
}

/** A window that is read in slices: which they are, and how each of them begins and ends. */
export class SlicedWindow {
  readonly #options: SlicedWindowOptions;

  constructor(options: SlicedWindowOptions) {
    this.#options = options;
  }

  get start(): Position {
    return this.#options.start;
  }

  get cut(): Cut {
    return this.#options.cut;
  }

  get live(): boolean {
    return this.#options.live;
  }

  get lower(): string | null {
    return this.#options.window.lower?.value ?? null;
  }

  /** The slices of what the lookback reads again, and then those of the gaps, lowest first. */
  *slices(): Generator<CursorRange> {
    for (const range of this.#toRead()) yield* cutIntoSlices(range, this.cut);
  }

  #toRead(): CursorRange[] {
    const { start, window, known, live, cut } = this.#options;
    const { type, precision } = cut;
    const { lower } = this;
    const upper = window.upper.value;
    if (lower !== null && compareCursorValues(type, lower, upper) >= 0) return [];
    const isLower = (value: string | null): boolean =>
      lower !== null && value !== null && compareCursorValues(type, lower, value) < 0;
    const from = live && isLower(start.watermark) ? start.watermark : lower;
    const again = from === lower || from === null ? [] : [{ lower, upper: from }];
    const covered = mergeCoverage(type, [...start.coverage, ...known], precision);
    return [...again, ...gaps(type, covered, { lower: from, upper })];
  }

  /**
   * The end of a slice belongs to the slice below, but at the watermark and at the highest record seen more records may
   * have come since. Past the end of the last slice records are delivered ahead of time.
   */
  edgesOf({ lower, upper }: CursorRange): Edges {
    const { window, live } = this.#options;
    return {
      lower: this.#isReadAgain(lower) ? "inclusive" : "exclusive",
      upper: live && upper === window.upper.value ? "open" : "closed",
    };
  }

  /**
   * The slice's starting position, with what earlier runs delivered ahead of their windows, which may lie in any slice.
   */
  startOf({ lower }: CursorRange): Position {
    const { start, cut } = this.#options;
    const isAbove = (cursor: string): boolean =>
      cursor !== "" && (lower === null || compareCursorValues(cut.type, cursor, lower) > 0);
    return {
      ...start,
      watermark: lower,
      secondaryCursors: {},
      window: null,
      tieSet: this.#isReadAgain(lower) ? start.tieSet : start.tieSet.filter(({ cursor }) => isAbove(cursor)),
      coverage: [],
    };
  }

  #isReadAgain(lower: string | null): boolean {
    const { start, live } = this.#options;
    return live && lower !== null && [this.lower, start.coverage.at(-1)?.upper].includes(lower);
  }

  /** Whether a slice begins where the stream was declared to begin, that value included. */
  isBeginning(lower: string): boolean {
    return this.live && this.start.watermark === null && lower === this.lower;
  }

  /** The last value before the window. */
  beforeBeginning(): string | null {
    const { type, precision } = this.cut;
    return this.lower === null ? null : stepCursor(type, this.lower, precision, -1);
  }
}
