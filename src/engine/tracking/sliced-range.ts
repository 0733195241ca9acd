import type { Position } from "../../model/position.ts";
import type { Incremental } from "../ports.ts";
import type { NewestVersions } from "./newest-versions.ts";
import type { CutPage, CutPosition, StoredRange } from "./range.ts";
import { Slice, type SliceOpener } from "./slice.ts";
import { SliceCoverage } from "./slice-coverage.ts";
import type { SlicedWindow } from "./sliced-window.ts";
import type { TakenRecords } from "./taken-records.ts";

export interface SlicedRangeOptions {
  readonly partition: string | null;
  readonly incremental: Incremental;
  readonly within: SlicedWindow;
  readonly taken: TakenRecords;
  /** Whether the state still has to store the starting position. */
  readonly dirty: boolean;
  /** Names the members of the tie set. */
  readonly nameOf: (cursor: string, identity: string) => string;
  /** The newest versions that its slices have seen; null where rows are not replaced. */
  readonly versions: NewestVersions | null;
  readonly opener: SliceOpener;
}

/**
 * A stream or partition whose window is read in slices, several at the same time. An unfinished slice does not count,
 * whatever was admitted of it. The records of it that an output with receipts has taken are stored by name.
 */
export class SlicedRange implements StoredRange {
  readonly settled = true;
  readonly recordsRuns = false;
  readonly partition: string | null;
  readonly taken: TakenRecords;
  readonly #options: SlicedRangeOptions;
  readonly #coverage: SliceCoverage;
  /** The number of unfinished slices, plus one until all slices were handed out. */
  #left = 0;
  #finished = false;
  #changed: boolean;
  /** Where a page is partly delivered: the names for the position, with those of that page. */
  #insidePage: Pick<Position, "taken"> | null = null;

  constructor(options: SlicedRangeOptions) {
    this.partition = options.partition;
    this.taken = options.taken;
    this.#options = options;
    this.#coverage = new SliceCoverage(options.within, options.nameOf);
    this.#changed = options.dirty;
  }

  *reads(): Generator<Slice> {
    const { within, incremental, versions, opener } = this.#options;
    this.#left += 1;
    for (const range of within.slices()) {
      this.#left += 1;
      yield new Slice(range, { within, stored: this, incremental, versions, opener });
    }
    this.#oneLess();
  }

  sliceWritten({ tracker }: Slice, names: readonly string[]): void {
    if (this.taken.add(tracker, names)) this.#changed = true;
  }

  sliceEnded(slice: Slice): void {
    const { tracker, range } = slice;
    const position = tracker.position({ windowFinished: true });
    this.#coverage.add(range, { position, windowEnd: tracker.windowEnd });
    this.taken.passed(tracker);
    // A run that finds nothing changes nothing.
    const { live } = this.#options.within;
    if (tracker.changed || !live || this.#coverage.countsFrom(range.lower)) this.#changed = true;
    this.#oneLess();
  }

  #oneLess(): void {
    this.#left -= 1;
    if (this.#left > 0) return;
    this.#finished = true;
    if (this.taken.kept() !== undefined) this.#changed = true;
    this.taken.clear();
  }

  get changed(): boolean {
    return this.#changed;
  }

  position(): Position {
    const taken = this.#insidePage === null ? this.taken.kept() : this.#insidePage.taken;
    const { taken: _, ...position } = this.#reached();
    return taken === undefined ? position : { ...position, taken };
  }

  #reached(): Position {
    const { start, live } = this.#options.within;
    if (!live) {
      const window = this.#finished ? null : start.window;
      return { ...start, window, coverage: this.#coverage.whole };
    }
    // Slices do not record names of delivered records, so the names stored so far are incomplete.
    const { seen: _, ...kept } = start;
    return { ...kept, window: null, ...this.#coverage.reached() };
  }

  committed(): void {
    this.#changed = false;
    this.#insidePage = null;
  }

  current(): Position {
    return this.position();
  }

  /** An unfinished slice does not count anyway, so only the names of its taken records follow. */
  fallBack(to: Position | null): void {
    this.#insidePage = to;
    if (to !== null) this.#changed = true;
  }

  cutShort({ before }: CutPage): CutPosition {
    return { position: before, counted: 0 };
  }

  goOn(): void {
    this.#insidePage = null;
    this.#changed = true;
  }
}
