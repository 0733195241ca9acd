import type { SourceRecord } from "../../model/record.ts";
import type { CursorField } from "../ports.ts";
import type { DeliveredRecords } from "./delivered-records.ts";
import type { HighestCursor } from "./highest-cursor.ts";
import { isBelowReach, warnOfLate } from "./late-records.ts";
import type { TieSet } from "./tie-set.ts";
import type { TrackerOptions } from "./tracker-options.ts";
import type { Side, WindowFrame } from "./window-frame.ts";

export interface RecordChoiceParts {
  readonly options: TrackerOptions;
  readonly field: CursorField;
  readonly frame: WindowFrame;
  readonly highest: HighestCursor;
  readonly ties: TieSet;
  readonly delivered: DeliveredRecords | null;
}

/**
 * Decides for each record whether it is delivered, by its place relative to the window:
 *
 * 1. Without a cursor: as `onNullCursor` says, once.
 * 2. Below the window: only if it is late and surely was never delivered.
 * 3. Within it: unless the tie set has it. At the highest cursor it is added to the tie set.
 * 4. Past it: if the upper end is open, it is delivered ahead of time and remembered; otherwise a later run reads it.
 */
export class RecordChoice {
  readonly #parts: RecordChoiceParts;
  /** Whether a late record was delivered since the last commit. */
  tookLate = false;

  constructor(parts: RecordChoiceParts) {
    this.#parts = parts;
  }

  takes(record: SourceRecord, cursor: string | null, side: Side): boolean {
    const { ties, highest, options } = this.#parts;
    const { incremental, edges } = options;
    if (cursor === null) return incremental.onNullCursor === "deliver" && ties.takesOnce(record, "");
    if (side === "below") return this.#takesLate(record, cursor);
    if (side === "within") {
      if (highest.isKept(cursor)) return ties.takesOnce(record, cursor);
      return !ties.isKnownAt(cursor) || !ties.claim(record, cursor);
    }
    if (edges.upper === "closed" || (side === "past" && incremental.safetyLag !== null)) return false;
    return this.#takesAhead(record, cursor, side);
  }

  /** A record below the window is delivered if it surely never was; where that is not known, it warns. */
  #takesLate(record: SourceRecord, cursor: string): boolean {
    const { options, field, frame, delivered } = this.#parts;
    const { reach, warn, identity, watch } = options;
    const { lower } = frame;
    if (delivered === null || reach === undefined || lower === null) return false;
    const status = delivered.statusOf(record, cursor);
    if (status === "new") {
      this.tookLate = true;
      return true;
    }
    if (isBelowReach({ cursor, lower, reach }, field.type)) watch?.below(cursor, lower);
    if (status === "unknown") {
      warnOfLate({ record, cursor, lower, key: identity.key, reach, warn }, delivered, field.type);
    }
    return false;
  }

  /** A record past the window's end is delivered ahead of time, once, as long as that can be remembered. */
  #takesAhead(record: SourceRecord, cursor: string, side: "past" | "future"): boolean {
    const { ties, options, frame } = this.#parts;
    const { maxTieSetSize } = options.incremental;
    if (!ties.isFull) return ties.takesOnce(record, cursor);
    if (ties.claim(record, cursor)) return false;
    if (side === "past") {
      options.warn(
        "RECORDS_HELD_BACK",
        `more than ${maxTieSetSize} records lie past ${frame.upper}, where the window ends because more may come in there; the rest of them is left to a later run`,
      );
      return false;
    }
    options.warn(
      "TIE_SET_FULL",
      `more than ${maxTieSetSize} records lie in the future; the rest of them are delivered again by every run`,
    );
    return true;
  }
}
