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
 * are read side by side and stored together.
 */
export interface StoredRange {
  /** The partition's name; null for a stream without any. */
  readonly partition: string | null;
  /** Whether `position` may differ from what was last committed. */
  readonly changed: boolean;
  /** Whether what was admitted may be committed now: a run that goes on from there would not repeat it. */
  readonly settled: boolean;
  /** Whether a run that ends well is to be recorded in the position though it brought nothing. */
  readonly recordsRuns: boolean;
  /** What is known to be taken of what may be read again. */
  readonly taken: TakenRecords;
  /** What is read of it, lowest first. */
  reads(): Iterable<ReadRange>;
  /** What a checkpoint stores when everything admitted so far is written. */
  position(): Position;
  /** To be called when the last `position` is committed. */
  committed(): void;
  /**
   * To be called where a page was admitted and not written, and no more will come: the range stays at the position
   * given, or where it was last committed.
   */
  fallBack(to: Position | null): void;
  /**
   * Where it stands before the next page is admitted, as far as it is written: with an unfinished window as it was
   * found, where nothing was admitted yet.
   */
  current(): Position;
  /** Where it stands with only the beginning of a page, which was admitted whole. */
  cutShort(cut: CutPage): CutPosition;
  /** To be called where the page is written after all, behind a `fallBack`. */
  goOn(): void;
}

export interface ReadRange {
  /** The range that it belongs to, which may be itself. */
  readonly stored: StoredRange;
  /** How messages call it; null for a stream that is read in one piece. */
  readonly name: string | null;
  /** What the input is asked for. */
  readonly request: Omit<ReadRequest, "signal">;
  /** Set where it has failed and its further pages are of no use. */
  abandoned: boolean;
  /** To be called once a page, in order. Throws `PAGE_REPEATED` for a source that goes in circles. */
  admit(page: Page): Admitted;
  /** To be called when the page last admitted is written, with the names of its records: they may be read again. */
  written(names: () => readonly string[]): void;
  /** To be called when the source has said that nothing follows. Throws `PAGE_REPEATED` where that is no end. */
  end(): void;
  /** Goes back to its start, where the source no longer knows the place to go on at. False where it began there. */
  restart(): boolean;
}

/** A page of which only some was delivered. */
export interface CutPage {
  readonly page: Page;
  /** Where the range stood before it. */
  readonly before: Position;
  /** How many records at its beginning need nothing more. */
  readonly prefix: number;
  /** How the page broke the declared order; null where it did not. */
  readonly disorder: string | null;
}

/** A position, and how many records at the beginning of a page it lies behind. */
export interface CutPosition {
  readonly position: Position;
  readonly counted: number;
}
