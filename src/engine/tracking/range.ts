import type { Position } from "../../model/position.ts";
import type { Page, ReadRequest } from "../ports.ts";
import type { Admitted } from "./cursor-tracker.ts";
import type { TakenRecords } from "./taken-records.ts";

/**
 * A range of a stream that a run reads, with the position that it has reached. It has two sides:
 *
 * - `StoredRange` is a range whose position is stored: the stream as a whole, or one partition of it.
 * - `ReadRange` is a range that is read page after page, in its own order.
 *
 * A `WholeRange` is both: its window is read in one piece. A `SlicedRange` is stored, and consists of `Slice`s, which
 * are read at the same time and stored together.
 */
export interface StoredRange {
  /** The partition's name; null for a stream without any. */
  readonly partition: string | null;
  /** Whether `position` may differ from what was last committed. */
  readonly changed: boolean;
  /** Whether the admitted records may be committed now, so that a run from the new position would not repeat them. */
  readonly settled: boolean;
  /** Whether the position of a completed run must be stored although it delivered nothing. */
  readonly recordsRuns: boolean;
  /** The records of an unfinished window that the output has taken. */
  readonly taken: TakenRecords;
  /** The ranges to read, lowest first. */
  reads(): Iterable<ReadRange>;
  /** What a checkpoint stores when everything admitted so far is written. */
  position(): Position;
  /** Call when the last `position` is committed. */
  committed(): void;
  /**
   * Call where a page was admitted and not written, and no more will come: the range stays at the given position, or at
   * the last committed one.
   */
  fallBack(to: Position | null): void;
  /**
   * Its written position before the next page is admitted. If nothing was admitted yet, this includes an unfinished
   * window as it was stored.
   */
  current(): Position;
  /** Its position with only the beginning of a page that was admitted completely. */
  cutShort(cut: CutPage): CutPosition;
  /** Call where the page is written after all, after a `fallBack`. */
  goOn(): void;
}

export interface ReadRange {
  /** The stored range that it belongs to, which may be itself. */
  readonly stored: StoredRange;
  /** Its name in messages; null for a stream that is read in one piece. */
  readonly name: string | null;
  /** The request to the input. */
  readonly request: Omit<ReadRequest, "signal">;
  /** Set once it has failed, so that its further pages are ignored. */
  abandoned: boolean;
  /** Call once per page, in order. Throws `PAGE_REPEATED` for a source that repeats its pages. */
  admit(page: Page): Admitted;
  /** Call when the last admitted page is written, with the names of its records: they may be read again. */
  written(names: () => readonly string[]): void;
  /** Call when the source has reported its end. Throws `PAGE_REPEATED` where repeated pages contradict that. */
  end(): void;
  /** Goes back to its start, where the source no longer knows the resume point. False if it began at the start. */
  restart(): boolean;
}

/** A page that was partly delivered. */
export interface CutPage {
  readonly page: Page;
  /** The range's position before it. */
  readonly before: Position;
  /** How many records at its beginning are finished. */
  readonly prefix: number;
  /** How the page broke the declared order; null where it did not. */
  readonly disorder: string | null;
}

/** A position, and how many records at the beginning of a page it covers. */
export interface CutPosition {
  readonly position: Position;
  readonly counted: number;
}
