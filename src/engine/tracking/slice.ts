import { stepCursor } from "../../model/cursor.ts";
import type { CursorRange, Position } from "../../model/position.ts";
import type { Incremental, Page, ReadRequest, Window } from "../ports.ts";
import type { Admitted, CursorTracker } from "./cursor-tracker.ts";
import type { NewestVersions } from "./newest-versions.ts";
import { PageGuard } from "./page-guard.ts";
import type { ReadRange, StoredRange } from "./range.ts";
import type { SlicedWindow } from "./sliced-window.ts";
import type { Edges } from "./tracker-options.ts";

/** The tracker of a slice. A slice counts when it was read completely, in any order within it. */
export interface SliceTracker extends CursorTracker {
  /** Where its window ends, by the source's clock once that is known; null for no end. */
  readonly windowEnd: string | null;
}

/** How one slice is read. */
export interface SliceRead {
  readonly start: Position;
  readonly window: Window;
  readonly edges: Edges;
  readonly versions: NewestVersions | null;
}

export interface SliceOpener {
  slice(read: SliceRead): SliceTracker;
}

export interface SliceOptions {
  readonly within: SlicedWindow;
  readonly stored: StoredRange & {
    sliceWritten(slice: Slice, names: readonly string[]): void;
    sliceEnded(slice: Slice): void;
  };
  readonly incremental: Incremental;
  /** The newest versions that the slices of the window have seen, which they share. */
  readonly versions: NewestVersions | null;
  readonly opener: SliceOpener;
}

/** One slice of a window, read on its own. */
export class Slice implements ReadRange {
  readonly stored: SliceOptions["stored"];
  readonly range: CursorRange;
  readonly tracker: SliceTracker;
  readonly request: Omit<ReadRequest, "signal">;
  abandoned = false;
  readonly #within: SlicedWindow;
  readonly #guard: PageGuard;

  constructor(range: CursorRange, { within, stored, incremental, versions, opener }: SliceOptions) {
    const { lower, upper } = range;
    this.stored = stored;
    this.range = range;
    this.#within = within;
    this.#guard = new PageGuard(incremental);
    const { type, clamp, precision } = within.cut;
    const cursor = (value: string) => ({ type, value });
    const window = { lower: lower === null ? null : cursor(lower), upper: cursor(upper) };
    const edges = within.edgesOf(range);
    this.tracker = opener.slice({ start: within.startOf(range), window, edges, versions });
    // A source that takes whole days is asked for those of the slice, not for the day before it.
    const asked =
      clamp === null || edges.lower === "inclusive" || lower === null
        ? window
        : { ...window, lower: cursor(stepCursor(type, lower, precision, 1)) };
    this.request = {
      window: asked,
      secondaryCursors: {},
      resume: null,
      ...(stored.partition === null ? {} : { partition: stored.partition }),
    };
  }

  get name(): string {
    const { lower, upper } = this.range;
    const { partition } = this.stored;
    const name = `the slice (${lower ?? "beginning"}, ${upper}]`;
    return partition === null ? name : `partition ${partition}, ${name}`;
  }

  admit(page: Page): Admitted {
    this.#guard.see(page);
    return this.tracker.admit(this.#within.live ? page : withoutClock(page), this.#guard.isRepeat);
  }

  written(names: () => readonly string[]): void {
    this.stored.sliceWritten(this, names());
  }

  end(): void {
    this.#guard.end();
    this.stored.sliceEnded(this);
  }

  /** A slice always begins at its start. */
  restart(): boolean {
    return false;
  }
}

/** A backfill reads up to its given end. Records that change meanwhile belong to the live stream. */
function withoutClock({ clockAhead: _, ...page }: Page): Page {
  return page;
}
