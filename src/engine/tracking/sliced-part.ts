import { addRange, contiguousEnd, gaps, mergeCoverage } from "../../model/coverage.ts";
import { compareCursorValues, stepCursor } from "../../model/cursor.ts";
import type { CursorRange, Position, TieMember } from "../../model/position.ts";
import { type Cut, cutIntoSlices } from "../../model/slices.ts";
import type { Incremental, Page, Window } from "../ports.ts";
import { PageGuard } from "./page-guard.ts";
import type { CutPage, Part, Stand, Unit } from "./part.ts";
import type { PositionTracker } from "./position-tracker.ts";
import type { TakenRecords } from "./taken-records.ts";
import type { Edges } from "./tracker-options.ts";

/** A backfill reads up to the end that it was given, whatever time it is: what changes meanwhile is the live stream's. */
function withoutClock({ clockAhead: _, ...page }: Page): Page {
  return page;
}

export interface SlicedPartOptions {
  readonly partition: string | null;
  readonly incremental: Incremental;
  /** Where the part stands; its coverage is not read again. */
  readonly start: Position;
  /** What is to be read of it. */
  readonly window: Window & { readonly upper: NonNullable<Window["upper"]> };
  readonly cut: Cut;
  /** Ranges besides the part's own coverage that are not to be read. */
  readonly known: readonly CursorRange[];
  /** Whether the watermark follows what is read; a backfill only adds to its coverage. */
  readonly live: boolean;
  readonly taken: TakenRecords;
  readonly untold?: boolean;
  /** Tells the members of the tie set apart. */
  readonly nameOf: (cursor: string, identity: string) => string;
  readonly track: (start: Position, window: Window, edges: Edges) => PositionTracker;
}

/**
 * A stream or partition whose window is read in slices, side by side. Each slice counts when it was
 * read whole; the slices that did make up the coverage, and the watermark stands at the end of the
 * first range without a gap. It never stands past the highest record seen, so that a record which
 * shows late at the quiet end of the window is still read.
 */
export class SlicedPart implements Part {
  readonly settled = true;
  readonly recordsRuns = false;
  readonly partition: string | null;
  readonly taken: TakenRecords;
  readonly #options: SlicedPartOptions;
  #coverage: readonly CursorRange[];
  #highest: string | null;
  /** What was delivered at the ends of slices, by cursor and identity. */
  readonly #tieSet = new Map<string, TieMember>();
  #finishedAll = false;
  #left = 0;
  #changed: boolean;
  /** Where it stands in the middle of a page. */
  #stays: Position | null = null;

  constructor(options: SlicedPartOptions) {
    const { partition, start, untold, taken } = options;
    this.partition = partition;
    this.taken = taken;
    this.#options = options;
    this.#coverage = mergeCoverage(this.#type, start.coverage, this.#precision);
    // Coverage never reaches past the highest record seen, so it tells how far that was.
    this.#highest = this.#higher(start.watermark, this.#coverage.at(-1)?.upper ?? null);
    this.#remember(start.tieSet);
    this.#changed = untold ?? false;
  }

  get #type(): Cut["type"] {
    return this.#options.cut.type;
  }

  get #precision(): Cut["precision"] {
    return this.#options.cut.precision;
  }

  get changed(): boolean {
    return this.#changed;
  }

  committed(): void {
    this.#changed = false;
    this.#stays = null;
  }

  /** A slice that is not finished counts for nothing, whatever was admitted of it; what was taken is known by name. */
  fallBack(to: Position | null): void {
    this.#stays = to;
    if (to !== null) this.#changed = true;
  }

  standing(): Position {
    return this.position();
  }

  cutShort({ before }: CutPage): Stand {
    return { position: before, counted: 0 };
  }

  goOn(): void {
    this.#stays = null;
    this.#changed = true;
  }

  *units(): Generator<Unit> {
    const { cut } = this.#options;
    this.#left += 1;
    for (const range of this.#toRead()) {
      for (const slice of cutIntoSlices(range, cut)) {
        this.#left += 1;
        yield this.#unit(slice);
      }
    }
    this.#oneLess();
  }

  /** What the lookback reads again, and then the gaps, lowest first. */
  #toRead(): CursorRange[] {
    const { start, window, known, live } = this.#options;
    const type = this.#type;
    const lower = window.lower?.value ?? null;
    const upper = window.upper.value;
    if (lower !== null && compareCursorValues(type, lower, upper) >= 0) return [];
    const isLower = (value: string | null): boolean =>
      lower !== null && value !== null && compareCursorValues(type, lower, value) < 0;
    const from = live && isLower(start.watermark) ? start.watermark : lower;
    const again = from === lower || from === null ? [] : [{ lower, upper: from }];
    const covered = mergeCoverage(type, [...this.#coverage, ...known], this.#precision);
    return [...again, ...gaps(type, covered, { lower: from, upper })];
  }

  #unit({ lower, upper }: CursorRange): Unit {
    const { incremental, start, window, partition, live, cut } = this.#options;
    const type = this.#type;
    const cursor = (value: string) => ({ type, value });
    // At the watermark, and at the highest record seen, more may have come since; the end of any other
    // slice belongs to the one below.
    const ends = [window.lower?.value, start.coverage.at(-1)?.upper];
    const first = live && lower !== null && ends.includes(lower);
    const last = upper === window.upper.value;
    const sliceStart: Position = {
      ...start,
      watermark: lower,
      secondaryCursors: {},
      window: null,
      // What an earlier run delivered ahead of its window may lie in any slice.
      tieSet: first ? start.tieSet : start.tieSet.filter(({ cursor }) => this.#isAbove(cursor, lower)),
      coverage: [],
    };
    const slice = { lower: lower === null ? null : cursor(lower), upper: cursor(upper) };
    const edges = {
      lower: first ? "inclusive" : "exclusive",
      upper: live && last ? "open" : "closed",
    } as const;
    const tracker = this.#options.track(sliceStart, slice, edges);
    // A source that goes by whole periods is asked for those of the slice, and not for the one before it.
    const asked =
      cut.clamp === null || first || lower === null
        ? slice
        : { ...slice, lower: cursor(stepCursor(type, lower, this.#precision, 1)) };
    const name = `the slice (${lower ?? "beginning"}, ${upper}]`;
    return {
      part: this,
      name: partition === null ? name : `partition ${partition}, ${name}`,
      request: {
        window: asked,
        secondaryCursors: {},
        resume: null,
        ...(partition === null ? {} : { partition }),
      },
      guard: new PageGuard(incremental),
      abandoned: false,
      admit: (page) => tracker.admit(live ? page : withoutClock(page)),
      written: (names) => {
        if (this.taken.add(tracker, names())) this.#changed = true;
      },
      finished: () => this.#finish({ lower, upper }, tracker),
      fromStart: () => null,
    };
  }

  #finish(slice: CursorRange, tracker: PositionTracker): void {
    const type = this.#type;
    const { watermark, tieSet } = tracker.position({ windowFinished: true });
    const lower =
      slice.lower === null || !this.#isBeginning(slice.lower) ? slice.lower : this.#beforeBeginning();
    // Past the present of the source, more may come in anywhere in the slice.
    const upper = tracker.windowEnd ?? slice.upper;
    if (lower === null || compareCursorValues(type, lower, upper) < 0)
      this.#coverage = addRange(type, this.#coverage, { lower, upper }, this.#precision);
    // A record right at the beginning is seen too, though the slice's watermark is where it was.
    const seen = watermark !== slice.lower || tieSet.some(({ cursor }) => cursor === watermark);
    if (seen) this.#highest = this.#higher(this.#highest, watermark);
    this.#remember(tieSet);
    this.taken.passed(tracker);
    // A slice beyond all records seen counts for nothing yet, so a run that finds nothing changes nothing.
    if (tracker.changed || !this.#options.live || this.#isBelowHighest(slice.lower)) this.#changed = true;
    this.#oneLess();
  }

  #isBelowHighest(lower: string | null): boolean {
    const highest = this.#highest;
    return highest !== null && (lower === null || compareCursorValues(this.#type, lower, highest) < 0);
  }

  /** Whether a slice begins where the stream was declared to begin, that value included. */
  #isBeginning(lower: string): boolean {
    const { start, window, live } = this.#options;
    return live && start.watermark === null && lower === window.lower?.value;
  }

  #beforeBeginning(): string | null {
    const { lower } = this.#options.window;
    return lower === null ? null : stepCursor(this.#type, lower.value, this.#precision, -1);
  }

  #remember(keys: readonly TieMember[]): void {
    for (const key of keys) this.#tieSet.set(this.#options.nameOf(key.cursor, key.identity), key);
  }

  #oneLess(): void {
    this.#left -= 1;
    if (this.#left > 0) return;
    this.#finishedAll = true;
    if (this.taken.kept() !== undefined) this.#changed = true;
    this.taken.clear();
  }

  #higher(a: string | null, b: string | null): string | null {
    if (a === null || b === null) return a ?? b;
    return compareCursorValues(this.#type, a, b) >= 0 ? a : b;
  }

  position(): Position {
    if (this.#stays !== null) return this.#stays;
    const taken = this.taken.kept();
    const { taken: _, ...position } = this.#reached();
    return taken === undefined ? position : { ...position, taken };
  }

  #reached(): Position {
    const { start, live } = this.#options;
    if (!live) {
      const window = this.#finishedAll ? null : start.window;
      return { ...start, window, coverage: [...this.#coverage] };
    }
    const coverage = this.#seenCoverage();
    const watermark = this.#watermark(coverage);
    // Slices do not note what they deliver, so the names kept so far are no longer all there are.
    const { seen: _, ...kept } = start;
    return { ...kept, watermark, window: null, tieSet: this.#tieSetAt(watermark, coverage), coverage };
  }

  /** What was read whole, as far as records were seen. */
  #seenCoverage(): CursorRange[] {
    const highest = this.#highest;
    if (highest === null) return [];
    const type = this.#type;
    return this.#coverage.flatMap(({ lower, upper }) => {
      if (lower !== null && compareCursorValues(type, lower, highest) >= 0) return [];
      return [{ lower, upper: compareCursorValues(type, upper, highest) > 0 ? highest : upper }];
    });
  }

  #watermark(coverage: readonly CursorRange[]): string | null {
    const { start, window } = this.#options;
    if (start.watermark !== null) return contiguousEnd(this.#type, coverage, start.watermark);
    const from = window.lower === null ? null : this.#beforeBeginning();
    const end = contiguousEnd(this.#type, coverage, from);
    return end === from ? null : end;
  }

  /** Of what was delivered, what a later read may bring again: at an end of what is covered, or outside it. */
  #tieSetAt(watermark: string | null, coverage: readonly CursorRange[]): TieMember[] {
    const isBelow = (cursor: string, value: string | null): boolean =>
      value !== null && compareCursorValues(this.#type, cursor, value) < 0;
    for (const [name, { cursor }] of this.#tieSet) {
      if (cursor === "") continue;
      const isCovered = coverage.some(
        ({ lower, upper }) => this.#isAbove(cursor, lower) && isBelow(cursor, upper),
      );
      if (isCovered || isBelow(cursor, watermark)) this.#tieSet.delete(name);
    }
    return [...this.#tieSet.values()];
  }

  #isAbove(cursor: string, value: string | null): boolean {
    return cursor !== "" && (value === null || compareCursorValues(this.#type, cursor, value) > 0);
  }
}
