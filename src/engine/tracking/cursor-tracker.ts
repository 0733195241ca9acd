import type { Position } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { Page } from "../ports.ts";

/** What of a page is to be delivered, and what it says of the source. */
export interface Admitted {
  readonly records: readonly SourceRecord[];
  /** For outputs that append records with a key: which delivery each of `records` is. */
  readonly deliveries: readonly string[] | null;
  /** Whether no two of them are one delivery, and this run made none of them before: nobody need look. */
  readonly surelyNew?: boolean;
  /** What leaves older versions of records out of what filters make of `records`; absent where there is no need. */
  readonly withoutOlder?: (left: readonly SourceRecord[]) => readonly SourceRecord[];
  /** The record that broke the declared order, in words; null where none did. */
  readonly disorder: string | null;
}

/**
 * Tracks the leading cursor of one range while it is read. There is one implementation for each kind of cursor:
 *
 * - `RecordCursorTracker`: records hold it, as a time or an id.
 * - `OffsetTracker`: it counts records.
 * - `SourceManagedTracker`: pages bring it, and only the source understands it.
 * - `NoCursorTracker`: there is none, and every run reads everything.
 *
 * `admit` is called once a page, in order; `position` whenever what was admitted has been written.
 */
export interface CursorTracker {
  /** Whether `position` may differ from what was last committed. */
  readonly changed: boolean;
  /** Whether what was admitted may be committed now: a run that goes on from there would not repeat it. */
  readonly settled: boolean;
  /** Whether the position follows records one by one, so that a page cut short moves it that far. */
  readonly byRecord: boolean;
  /** Whether the position, once everything admitted is written, lies behind all of it. */
  readonly isPast: boolean;
  /** Whether a run that ends well is to be recorded in the position though it brought nothing. */
  readonly recordsRuns: boolean;
  /** `repeats`: the page brought the records of the one before it again, which says nothing of their order. */
  admit(page: Page, repeats: boolean): Admitted;
  /** Where the range stands when everything admitted so far is written. */
  position(at: { windowFinished: boolean }): Position;
  /** To be called after a commit of the last `position`. */
  committed(): void;
}
