import type { Position } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { Traced } from "../filtering/traced.ts";
import type { Page } from "../ports.ts";

/** The records of a page that must be delivered, and what the page shows about the source. */
export interface Admitted {
  readonly records: readonly SourceRecord[];
  /** For outputs that append records with a key: which delivery each of `records` is. */
  readonly deliveries: readonly string[] | null;
  /** Whether they are all distinct and new in this run, so that the output need not check for duplicates. */
  readonly surelyNew?: boolean;
  /** The filters' results for `records` without older versions of records; absent where rows are not replaced. */
  readonly withoutOlder?: (filtered: Traced) => readonly SourceRecord[];
  /** How a record broke the declared order, for messages; null where none did. */
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
  /** Whether the admitted records may be committed now, so that a run from the new position would not repeat them. */
  readonly settled: boolean;
  /** Whether the position can move by single records, so that it can stop inside a page. */
  readonly byRecord: boolean;
  /** Whether the position covers everything that was admitted, once that is written. */
  readonly isPast: boolean;
  /** Whether the position of a completed run must be stored although it delivered nothing. */
  readonly recordsRuns: boolean;
  /** `repeats`: the page has the same records as the one before it, which shows nothing about the order. */
  admit(page: Page, repeats: boolean): Admitted;
  /** The range's position once everything admitted so far is written. */
  position(at: { windowFinished: boolean }): Position;
  /** Call after a commit of the last `position`. */
  committed(): void;
}
