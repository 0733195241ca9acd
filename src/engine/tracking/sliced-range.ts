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
  /** Whether the state has yet to store where the range starts. */
  readonly dirty: boolean;
  /** Tells the members of the tie set apart. */
  readonly nameOf: (cursor: string, identity: string) => string;
  /** The versions that its slices have brought; null where rows are not replaced. */
  readonly versions: NewestVersions | null;
  readonly opener: SliceOpener;
}

/**
 * A stream or partition whose window is read in slices, side by side. A slice that is not finished counts for
 * nothing, whatever was admitted of it; what an output is known to have taken of it is kept by name.
 */
export class SlicedRange implements StoredRange {
  readonly settled = true;
  readonly recordsRuns = false;
  readonly partition: string | null;
  readonly taken: TakenRecords;
  readonly #options: SlicedRangeOptions;
  readonly #coverage: SliceCoverage;
  /** How many slices are not finished, with one more until all are dealt out. */
  #left = 0;
  #finished = false;
  #changed: boolean;
  /** Where it stands in the middle of a page. */
  #stays: Position | null = null;

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
    if (this.#stays !== null) return this.#stays;
    const taken = this.taken.kept();
    const { taken: _, ...position } = this.#reached();
    return taken === undefined ? position : { ...position, taken };
  }

  #reached(): Position {
    const { start, live } = this.#options.within;
    if (!live) {
      const window = this.#finished ? null : start.window;
      return { ...start, window, coverage: this.#coverage.whole };
    }
    // Slices do not note what they deliver, so the names kept so far are no longer all there are.
    const { seen: _, ...kept } = start;
    return { ...kept, window: null, ...this.#coverage.reached() };
  }

  committed(): void {
    this.#changed = false;
    this.#stays = null;
  }

  current(): Position {
    return this.position();
  }

  fallBack(to: Position | null): void {
    this.#stays = to;
    if (to !== null) this.#changed = true;
  }

  cutShort({ before }: CutPage): CutPosition {
    return { position: before, counted: 0 };
  }

  goOn(): void {
    this.#stays = null;
    this.#changed = true;
  }
}
