import { addRange } from "../../model/coverage.ts";
import { stepCursor } from "../../model/cursor.ts";
import type { CursorRange, Position } from "../../model/position.ts";
import type { CursorField, Page } from "../ports.ts";
import type { Admitted, CursorTracker } from "./cursor-tracker.ts";
import type { DeliveredRecords } from "./delivered-records.ts";
import { HighestCursor } from "./highest-cursor.ts";
import { followsLate } from "./late-records.ts";
import { type ReadableRecords, readableRecords } from "./readable-records.ts";
import { RecordAdmission } from "./record-admission.ts";
import { noCursors } from "./record-cursors.ts";
import { RecordOrder } from "./record-order.ts";
import { ResumePlace } from "./resume-place.ts";
import { SecondaryCursors } from "./secondary-cursors.ts";
import { type TieSet, tieSetOf } from "./tie-set.ts";
import type { TrackerOptions } from "./tracker-options.ts";
import { WindowFrame } from "./window-frame.ts";

/**
 * Tracks a range by the cursors of its records. What a checkpoint may store depends on the order:
 *
 * 1. Ascending: the watermark is the highest cursor delivered. The next run reads from it on, and the tie set has what
 *    was delivered there.
 * 2. Descending or unordered: the watermark waits for the end of the window. Until then the window is stored, with the
 *    highest cursor seen and the resume point, where `ResumePlace` keeps one. Without one the next run reads the window
 *    from its start.
 * 3. Declared ascending, and a record shows that it is not: as 2 from then on (promise P9).
 *
 * When the window is finished, the watermark is the highest cursor, and the coverage grows up to it. Memory holds the
 * tie set, and no more than that of the records.
 */
export class RecordCursorTracker implements CursorTracker {
  /** Records that are read again are recognised by their key or place, so any position may be committed. */
  readonly settled = true;
  readonly recordsRuns = false;
  readonly #options: TrackerOptions;
  readonly #field: CursorField;
  readonly #frame: WindowFrame;
  readonly #highest: HighestCursor;
  readonly #order: RecordOrder;
  readonly #resume: ResumePlace;
  readonly #ties: TieSet;
  readonly #secondaryCursors: SecondaryCursors;
  readonly #readable: ReadableRecords;
  /** Null where late records are not tracked: in slices and backfills. */
  readonly #delivered: DeliveredRecords | null;
  readonly #admission: RecordAdmission;
  /** Whether the resume point has moved since the last commit. */
  #resumesFarther = false;

  constructor(options: TrackerOptions, field: CursorField) {
    const { incremental, start } = options;
    this.#options = options;
    this.#field = field;
    this.#frame = new WindowFrame(options);
    this.#highest = new HighestCursor(field, start);
    const order = start.window?.order === "unordered" ? "unordered" : incremental.order;
    this.#order = new RecordOrder(field, this.#highest, order);
    this.#resume = new ResumePlace(incremental, options.resume ?? null);
    this.#ties = tieSetOf(options, field.type);
    this.#secondaryCursors = new SecondaryCursors(incremental.cursors, start.secondaryCursors);
    this.#readable = readableRecords(options, this.#ties);
    this.#delivered = followsLate(options, field);
    this.#admission = new RecordAdmission({
      options,
      field,
      frame: this.#frame,
      highest: this.#highest,
      order: this.#order,
      ties: this.#ties,
      secondaryCursors: this.#secondaryCursors,
      delivered: this.#delivered,
    });
  }

  get changed(): boolean {
    return this.#resumesFarther || this.#ties.changed || this.#admission.changed;
  }

  get byRecord(): boolean {
    return this.#order.isAscending;
  }

  get isPast(): boolean {
    return this.byRecord || this.#resume.isBehind;
  }

  /** Where the window ends, by the source's clock once that is known; null for no end. */
  get windowEnd(): string | null {
    return this.#frame.upper;
  }

  committed(): void {
    this.#resumesFarther = false;
    this.#ties.committed();
    this.#admission.committed();
  }

  admit(given: Page, repeats: boolean): Admitted {
    if (given.clockAhead !== undefined) this.#frame.followClock(given.clockAhead);
    if (this.#resume.follow(given.next, this.#order.isAscending)) this.#resumesFarther = true;
    const { records, read } = this.#readable.of(given);
    if (read !== null) this.#options.watch?.see(records, read.cursors);
    return this.#admission.of(records, read ?? noCursors, repeats);
  }

  position(at: { windowFinished: boolean }): Position {
    const position = this.#reached(at);
    return this.#delivered === null ? position : { ...position, seen: this.#delivered.kept() };
  }

  #reached({ windowFinished }: { windowFinished: boolean }): Position {
    const { start } = this.#options;
    const { coverage } = start;
    if (windowFinished || this.byRecord) {
      const watermark = this.#highest.watermark(start.watermark ?? this.#frame.lower);
      return {
        watermark,
        secondaryCursors: this.#secondaryCursors.values,
        window: null,
        tieSet: this.#ties.from(watermark),
        coverage: watermark === null ? coverage : this.#coverageTo(watermark),
      };
    }
    return {
      watermark: start.watermark,
      secondaryCursors: start.secondaryCursors,
      window: {
        lower: this.#frame.lower,
        upper: this.#frame.upper,
        order: this.#order.value,
        highest: this.#highest.value,
        resume: this.#resume.at,
      },
      tieSet: [...this.#ties.within()],
      coverage,
    };
  }

  /**
   * The coverage with what this window has delivered completely: from its lower end, or from the stream's declared
   * beginning.
   */
  #coverageTo(watermark: string): CursorRange[] {
    const { start } = this.#options;
    const { type, precision } = this.#field;
    const from = this.#frame.lower;
    const lower = from === null || start.watermark !== null ? from : stepCursor(type, from, precision, -1);
    return addRange(type, start.coverage, { lower, upper: watermark }, precision);
  }
}
