import type { Position } from "../../model/position.ts";
import type { Page, ReadRequest } from "../ports.ts";
import type { PageGuard } from "./page-guard.ts";
import type { TakenRecords } from "./taken-records.ts";
import type { Admitted } from "./tracker.ts";

/**
 * What a run moves on: the stream, or one partition of it. It says what is to be read, in units that
 * may be read side by side, and where it stands once that is written.
 */
export interface Part {
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
  units(): Iterable<Unit>;
  /** Where it stands when everything admitted so far is written. */
  position(): Position;
  /** To be told that the last `position` is committed. */
  committed(): void;
  /**
   * To be told that a page was admitted and not written, and that no more will come: the part stands
   * at the position given, or where it was last committed.
   */
  fallBack(to: Position | null): void;
  /**
   * Where it stands before the next page is admitted, as far as it is written: with an unfinished window as it was
   * found, where nothing was admitted yet.
   */
  standing(): Position;
  /** Where it stands with only the beginning of a page, which was admitted whole. */
  cutShort(cut: CutPage): Stand;
  /** To be told that the page is written after all, behind a `fallBack`. */
  goOn(): void;
}

/** A page of which only some was delivered. */
export interface CutPage {
  readonly page: Page;
  /** Where the part stood before it. */
  readonly before: Position;
  /** How many records at its beginning need nothing more. */
  readonly prefix: number;
  /** How the page broke the declared order; null where it did not. */
  readonly disorder: string | null;
}

/** A position, and how many records at the beginning of a page it lies behind. */
export interface Stand {
  readonly position: Position;
  readonly counted: number;
}

/** What is read in one go: a window, or a slice of one. */
export interface Unit {
  readonly part: Part;
  /** How messages call it; null for a stream that is read in one piece. */
  readonly name: string | null;
  readonly request: Omit<ReadRequest, "signal">;
  readonly guard: PageGuard;
  /** Set where the unit has failed and its further pages are of no use. */
  abandoned: boolean;
  /** To be called once a page, in order. */
  admit(page: Page): Admitted;
  /** To be told that the page last admitted is written, with the names of its records: they may be read again. */
  written(names: () => readonly string[]): void;
  /** To be told that the source has said that nothing follows. */
  finished(): void;
  /** The same to be read from its start, where the source no longer knows the place to go on at. */
  fromStart(): Unit | null;
}
