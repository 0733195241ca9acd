import { addRange } from "../../model/coverage.ts";
import { compareCursorValues, stepCursor } from "../../model/cursor.ts";
import type { CursorRange, Position } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { CursorField, Page } from "../ports.ts";
import type { Admitted, CursorTracker } from "./cursor-tracker.ts";
import type { DeliveredRecords } from "./delivered-records.ts";
import { deliveryName } from "./delivery-names.ts";
import { HighestCursor } from "./highest-cursor.ts";
import { followsLate } from "./late-records.ts";
import { type ReadableRecords, readableRecords } from "./readable-records.ts";
import { RecordChoice } from "./record-choice.ts";
import { type CursorsOfPage, noCursors } from "./record-cursors.ts";
import { RecordOrder } from "./record-order.ts";
import { ResumePlace } from "./resume-place.ts";
import { SecondaryCursors } from "./secondary-cursors.ts";
import { isSurelyNew } from "./surely-new.ts";
import { type TieSet, tieSetOf } from "./tie-set.ts";
import type { TrackerOptions } from "./tracker-options.ts";
import { WindowFrame } from "./window-frame.ts";

/** What is admitted, with the cursor of each record. */
type WithCursors = Admitted & { readonly cursors: readonly (string | null)[] };

/**
 * Tracks a range by the cursors of its records. What a checkpoint may store depends on the order:
 *
 * 1. Ascending: the watermark is the highest cursor delivered. The next run reads from it on, and the tie set knows
 *    what was delivered there.
 * 2. Descending or unordered: the watermark waits for the end of the window. Until then the window is stored, with the
 *    highest cursor seen and the place to go on at, where `ResumePlace` keeps one. Without one the next run reads the
 *    window from its start.
 * 3. Declared ascending, and a record shows that it is not: as 2 from then on (promise P9).
 *
 * When the window is finished, the watermark is the highest cursor, and the coverage grows up to it. Memory holds the
 * tie set, and no more than that of the records.
 */
export class RecordCursorTracker implements CursorTracker {
  /** What is read again is known again, by its key or its place, so any commit will do. */
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
  /** Null where nobody asks for late records: in slices and backfills. */
  readonly #delivered: DeliveredRecords | null;
  readonly #choice: RecordChoice;
  #changed = false;

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
    this.#choice = new RecordChoice({
      options,
      field,
      frame: this.#frame,
      highest: this.#highest,
      ties: this.#ties,
      delivered: this.#delivered,
    });
  }

  get changed(): boolean {
    return this.#changed || this.#ties.changed || this.#choice.tookLate;
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
    this.#changed = false;
    this.#choice.tookLate = false;
    this.#ties.committed();
  }

  admit(given: Page, repeats: boolean): Admitted {
    if (given.clockAhead !== undefined) this.#frame.followClock(given.clockAhead);
    if (this.#resume.follow(given.next, this.#order.isAscending)) this.#changed = true;
    const { records, read } = this.#readable.of(given);
    if (read !== null) this.#options.watch?.see(records, read.cursors);
    return this.#followed(records, read ?? noCursors, repeats);
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

  /** With what this window has delivered whole: from its lower end, or where the stream was declared to begin. */
  #coverageTo(watermark: string): CursorRange[] {
    const { start } = this.#options;
    const { type, precision } = this.#field;
    const from = this.#frame.lower;
    const lower = from === null || start.watermark !== null ? from : stepCursor(type, from, precision, -1);
    return addRange(type, start.coverage, { lower, upper: watermark }, precision);
  }

  #followed(records: readonly SourceRecord[], read: CursorsOfPage, repeats: boolean): Admitted {
    const surelyNew = isSurelyNew(records, read, this.#options, {
      order: this.#order.value,
      last: this.#order.last,
      highest: this.#highest.value,
      tieSet: this.#ties.whole,
    });
    const { cursors, ...admitted } =
      this.#wholePage(records, read, surelyNew) ?? this.#recordByRecord(records, read.cursors, repeats);
    const { versions } = this.#options;
    if (versions === null || this.#order.isAscending) return { ...admitted, surelyNew };
    return { ...admitted, surelyNew, withoutOlder: versions.ofPage(admitted.records, cursors) };
  }

  /**
   * The ordinary page of an ascending read, without looking at each record again: it is in order, lies
   * within the window and beyond what earlier runs delivered. Null where it is not such a page.
   */
  #wholePage(records: readonly SourceRecord[], read: CursorsOfPage, surelyNew: boolean): WithCursors | null {
    const { incremental, tracksDeliveries } = this.#options;
    const { lowest, highest, cursors } = read;
    if (!read.ascending || lowest === null || highest === null) return null;
    if ((tracksDeliveries && !surelyNew) || incremental.cursors.length > 1) return null;
    if (!this.#isBeyondKnown(lowest, highest)) return null;
    this.#order.passed(highest);
    this.#raise(highest);
    this.#delivered?.addAscending(records, cursors);
    const once = this.#highest.value === highest ? this.#tiesOnce(records, cursors, highest) : records;
    const deliveries = tracksDeliveries
      ? once.map((record, at) => this.#deliveryName(record, cursors[at] ?? highest))
      : null;
    // Those left out have the highest cursor, as all behind them.
    return { records: once, cursors, deliveries, disorder: null };
  }

  #isBeyondKnown(lowest: string, highest: string): boolean {
    const { type } = this.#field;
    const isBefore = (a: string, b: string | null): boolean =>
      b !== null && compareCursorValues(type, a, b) < 0;
    if (this.#frame.sideOf(lowest, type, null) === "below" || isBefore(lowest, this.#order.last))
      return false;
    const { upper } = this.#frame;
    if (upper !== null && isBefore(upper, highest)) return false;
    const { knownHighest } = this.#ties;
    if (knownHighest !== null && !isBefore(knownHighest, lowest)) return false;
    return this.#highest.unclearFrom(highest) === null;
  }

  /** Without those at the highest cursor, which come last, that were delivered before. */
  #tiesOnce(
    records: readonly SourceRecord[],
    cursors: readonly (string | null)[],
    highest: string,
  ): readonly SourceRecord[] {
    const ties = cursors.indexOf(highest);
    const tied = records.slice(ties);
    const taken = tied.filter((record) => {
      const isTaken = this.#ties.takesOnce(record, highest);
      if (!isTaken) this.#options.versions?.noteKnown(record, highest);
      return isTaken;
    });
    return taken.length === tied.length ? records : [...records.slice(0, ties), ...taken];
  }

  #recordByRecord(
    records: readonly SourceRecord[],
    cursors: readonly (string | null)[],
    repeats: boolean,
  ): WithCursors {
    const { type } = this.#field;
    const pageHighest = this.#frame.highestOf(cursors, type);
    if (pageHighest !== null) this.#raise(pageHighest);
    const present = this.#frame.presentFor(cursors, type);
    const taken: SourceRecord[] = [];
    const takenCursors: (string | null)[] = [];
    const deliveries: string[] | null = this.#options.tracksDeliveries ? [] : null;
    let disorder: string | null = null;
    for (let index = 0; index < cursors.length; index++) {
      const record = records[index];
      const cursor = cursors[index];
      if (record === undefined || cursor === undefined) continue;
      const side = cursor === null ? "within" : this.#frame.sideOf(cursor, type, present);
      if (cursor !== null && side === "within") disorder ??= this.#order.disorderAt(cursor, record, repeats);
      const isTaken = this.#choice.takes(record, cursor, side);
      // What an earlier run delivered ahead of its window is remembered once the window holds it.
      if (cursor !== null && (side === "within" || (side === "below" && isTaken)))
        this.#delivered?.add(record, cursor);
      if (!isTaken && cursor !== null && side === "within") this.#options.versions?.noteKnown(record, cursor);
      if (!isTaken) continue;
      if (this.#secondaryCursors.follow(record)) this.#changed = true;
      taken.push(record);
      takenCursors.push(cursor);
      deliveries?.push(this.#deliveryName(record, cursor));
    }
    if (disorder !== null) {
      this.#order.fallBack();
      this.#changed = true;
    }
    return { records: taken, cursors: takenCursors, deliveries, disorder };
  }

  #deliveryName(record: SourceRecord, cursor: string | null): string {
    return deliveryName(record, cursor, this.#field.type, this.#options);
  }

  #raise(cursor: string): void {
    const keptFrom = this.#highest.raise(cursor);
    if (keptFrom === null) return;
    this.#delivered?.raise(cursor);
    this.#changed = true;
    this.#ties.dropBelow(keptFrom);
  }
}
