import { TidemarkError } from "../../errors.ts";
import { addRange } from "../../model/coverage.ts";
import { type CursorType, compareCursorValues, isOrdered, stepCursor } from "../../model/cursor.ts";
import { identityOf } from "../../model/identity.ts";
import type { CursorRange, Order, Position, ResumePoint } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { CursorField, Page } from "../ports.ts";
import { nameOfContent } from "../refusals/dead-letters.ts";
import { type Side, WindowFrame } from "../run/window-frame.ts";
import { windowDelivery } from "./dedupe-window.ts";
import type { DeliveredRecords } from "./delivered-records.ts";
import { followsLate, isBelowReach, tellOfLate } from "./late-records.ts";
import { ReadableRecords, refusedIdentity } from "./readable-records.ts";
import { type CursorsOfPage, describeRecord, noCursors } from "./record-cursors.ts";
import { SecondaryCursors } from "./secondary-cursors.ts";
import { isSurelyNew } from "./surely-new.ts";
import { TieSet } from "./tie-set.ts";
import type { Admitted, Tracker } from "./tracker.ts";
import type { TrackerOptions } from "./tracker-options.ts";
import { later, type UnclearTimes, unclearTimes } from "./unclear-times.ts";

/** Follows a run by the cursors that its records hold. Keeps no more than the tie set in memory. */
export class PositionTracker implements Tracker {
  /** What is read again is known again, by its key or its place, so any commit will do. */
  readonly settled = true;
  readonly recordsRuns = false;
  readonly #options: TrackerOptions;
  readonly #field: CursorField | null;
  readonly #unclear: UnclearTimes | null;
  readonly #ties: TieSet;
  readonly #secondaryCursors: SecondaryCursors;
  readonly #readable: ReadableRecords;
  /** Null where nobody asks for late records: in slices and backfills. */
  readonly #delivered: DeliveredRecords | null;
  #order: Order;
  /** The highest cursor within the window so far. */
  #highest: string | null;
  /** From where on what is delivered is remembered: the highest cursor, or where its unclear stretch begins. */
  #keptFrom: string | null;
  /** The cursor before this one, while the order is taken to be ascending. */
  #last: string | null = null;
  /** Whether the page at hand is the one before it again, which says nothing of the order. */
  #isRepeat = false;
  #offset: bigint;
  /** Where the read would go on: after the last page admitted, or at it where it has no next one. */
  #next: ResumePoint | null;
  /** Whether that lies behind the last page admitted. */
  #isBehind = false;
  #changed = false;
  readonly #frame: WindowFrame;

  constructor(options: TrackerOptions) {
    const { incremental, start } = options;
    this.#options = options;
    this.#frame = new WindowFrame(options);
    this.#field = incremental.cursors[0] ?? null;
    this.#unclear = unclearTimes(this.#field);
    this.#order = start.window?.order === "unordered" ? "unordered" : incremental.order;
    this.#next = options.resume ?? null;
    this.#highest = start.window?.highest ?? start.watermark;
    this.#keptFrom = this.#stretchOf(this.#highest) ?? this.#highest;
    this.#secondaryCursors = new SecondaryCursors(incremental.cursors, start.secondaryCursors);
    this.#offset = BigInt(this.#field?.role === "offset" ? (start.watermark ?? "0") : "0");
    this.#readable = new ReadableRecords({
      incremental,
      refusals: options.refusals,
      hasRead: start.watermark !== null,
      // A record that cannot be read is remembered by its content, as one that has no cursor is.
      isNew: (value) => this.#ties.takesIdentity(refusedIdentity(nameOfContent(value))),
      warn: options.warn,
    });
    this.#delivered = followsLate(options, this.#field);
    this.#ties = new TieSet({
      type: this.#field === null ? null : this.#field.type,
      start: start.tieSet,
      identity: options.identity,
      most: incremental.maxTieSetSize,
      warn: options.warn,
    });
  }

  get changed(): boolean {
    return this.#changed || this.#ties.changed;
  }

  get byRecord(): boolean {
    return this.#field !== null && (this.#field.role === "offset" || this.#order === "ascending");
  }

  get isPast(): boolean {
    return this.byRecord || this.#isBehind;
  }

  /** Where the window ends, by the source's clock once that is known; null for no end. */
  get windowEnd(): string | null {
    return this.#frame.upper;
  }

  committed(): void {
    this.#changed = false;
    this.#ties.committed();
  }

  admit(given: Page): Admitted {
    const field = this.#field;
    if (given.clockAhead !== undefined) this.#frame.followClock(given.clockAhead);
    this.#isRepeat = given.repeats === true;
    const next = this.#mayResumeAt(given.next) ? given.next : null;
    // The last page has no next one: until the window is finished, it is read again from where it began.
    this.#isBehind = next !== null;
    if (next !== null || this.#order === "ascending") this.#next = next;
    if (next !== null) this.#changed = true;
    const { records, read } = this.#readable.of(given);
    const page = records === given.records ? given : { ...given, records };
    if (field === null) return this.#everything(page);
    if (field.role === "offset") return this.#counted(page, given);
    if (read !== null) this.#options.watch?.see(records, read.cursors);
    return this.#followed(page, field, read ?? noCursors);
  }

  position(at: { windowFinished: boolean }): Position {
    const position = this.#reached(at);
    return this.#delivered === null ? position : { ...position, seen: this.#delivered.kept() };
  }

  #reached(at: { windowFinished: boolean }): Position {
    const { start } = this.#options;
    const { window } = this.#frame;
    const secondaryCursors = this.#secondaryCursors.values;
    if (this.#field?.role === "offset") {
      const watermark = String(this.#offset);
      return { watermark, secondaryCursors, window: null, tieSet: [], coverage: start.coverage };
    }
    if (at.windowFinished || this.byRecord) {
      const watermark = this.#watermark();
      const coverage = this.#coverageTo(watermark);
      return { watermark, secondaryCursors, window: null, tieSet: this.#ties.from(watermark), coverage };
    }
    return {
      watermark: start.watermark,
      secondaryCursors: start.secondaryCursors,
      window: {
        lower: window.lower?.value ?? null,
        upper: window.upper?.value ?? null,
        order: this.#order,
        highest: this.#highest,
        resume: this.#next,
      },
      tieSet: [...this.#ties.within()],
      coverage: start.coverage,
    };
  }

  #stretchOf(cursor: string | null): string | null {
    return this.#unclear === null || cursor === null ? null : this.#unclear.from(cursor);
  }

  /** The highest cursor; before an unclear stretch, as far as that takes nothing back. */
  #watermark(): string | null {
    const stretch = this.#stretchOf(this.#highest);
    if (this.#unclear === null || stretch === null) return this.#highest;
    const { start } = this.#options;
    const { window } = this.#frame;
    return later(this.#unclear.before(stretch), start.watermark ?? window.lower?.value ?? null);
  }

  /** With what this window has delivered whole: from its lower end, or where the stream was told to begin. */
  #coverageTo(watermark: string | null): CursorRange[] {
    const { start } = this.#options;
    const { window } = this.#frame;
    const field = this.#field;
    if (field === null || watermark === null) return start.coverage;
    const { type, precision } = field;
    const from = window.lower?.value ?? null;
    const lower = from === null || start.watermark !== null ? from : stepCursor(type, from, precision, -1);
    return addRange(type, start.coverage, { lower, upper: watermark }, precision);
  }

  #mayResumeAt(place: ResumePoint | null): boolean {
    if (place === null || this.#order === "ascending") return false;
    return place.kind === "token" || place.kind === "link" || this.#options.incremental.resume === "page";
  }

  #everything(page: Page): Admitted {
    const deliveries = this.#options.tracksDeliveries
      ? page.records.map((record) => identityOf(record, this.#options.identity))
      : null;
    return { records: page.records, deliveries, disorder: null };
  }

  /** A leading offset counts records: each one read moves it by one. */
  #counted(page: Page, given: Page): Admitted {
    const first = this.#offset;
    const count = given.records.length;
    this.#offset += BigInt(count);
    if (count > 0) this.#changed = true;
    const deliveries = this.#options.tracksDeliveries
      ? page.records.map(
          (record, index) => `${identityOf(record, this.#options.identity)}@${first + BigInt(index)}`,
        )
      : null;
    return { records: page.records, deliveries, disorder: null };
  }

  #followed(page: Page, field: CursorField, read: CursorsOfPage): Admitted {
    const surelyNew = isSurelyNew(page.records, read, this.#options, {
      order: this.#order,
      last: this.#last,
      highest: this.#highest,
      tieSet: this.#ties.whole,
    });
    const { cursors, ...admitted } =
      this.#wholePage(page, field, read, surelyNew) ?? this.#recordByRecord(page, field, read.cursors);
    const { versions } = this.#options;
    if (versions === null || this.#order === "ascending") return { ...admitted, surelyNew };
    return { ...admitted, surelyNew, withoutOlder: versions.ofPage(admitted.records, cursors) };
  }

  /**
   * The ordinary page of an ascending read, without looking at each record again: it is in order, lies
   * within the window and beyond what earlier runs delivered. Null where it is not such a page.
   */
  #wholePage(page: Page, field: CursorField, read: CursorsOfPage, surelyNew: boolean): WithCursors | null {
    const { incremental, tracksDeliveries } = this.#options;
    const { window } = this.#frame;
    const { lowest, highest, cursors } = read;
    if (!read.ascending || lowest === null || highest === null) return null;
    if ((tracksDeliveries && !surelyNew) || incremental.cursors.length > 1) return null;
    const isBefore = (a: string, b: string | null | undefined): boolean =>
      b !== null && b !== undefined && compareCursorValues(field.type, a, b) < 0;
    if (this.#frame.sideOf(lowest, field.type, null) === "below" || isBefore(lowest, this.#last)) return null;
    if (window.upper !== null && isBefore(window.upper.value, highest)) return null;
    const { knownHighest } = this.#ties;
    if (knownHighest !== null && !isBefore(knownHighest, lowest)) return null;
    if (this.#stretchOf(highest) !== null) return null;
    this.#last = highest;
    this.#raise(highest);
    this.#delivered?.addAscending(page.records, cursors);
    const records = this.#highest === highest ? this.#tiesOnce(page.records, cursors, highest) : page.records;
    const deliveries = tracksDeliveries
      ? records.map((record, at) => this.#nameOf(record, cursors[at] ?? highest, field.type))
      : null;
    // Those left out have the highest cursor, as all behind them.
    return { records, cursors, deliveries, disorder: null };
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

  #recordByRecord(page: Page, field: CursorField, cursors: readonly (string | null)[]): WithCursors {
    const pageHighest = this.#frame.highestOf(cursors, field.type);
    if (pageHighest !== null) this.#raise(pageHighest);
    const present = this.#frame.presentFor(cursors, field.type);
    const records: SourceRecord[] = [];
    const taken: (string | null)[] = [];
    const deliveries: string[] | null = this.#options.tracksDeliveries ? [] : null;
    let disorder: string | null = null;
    for (let index = 0; index < cursors.length; index++) {
      const record = page.records[index];
      const cursor = cursors[index];
      if (record === undefined || cursor === undefined) continue;
      const side = cursor === null ? "within" : this.#frame.sideOf(cursor, field.type, present);
      if (cursor !== null && side === "within") disorder ??= this.#disorderAt(cursor, field, record);
      const isTaken = this.#takes(record, cursor, side);
      // What an earlier run delivered ahead of its window is remembered once the window holds it.
      if (cursor !== null && (side === "within" || (side === "below" && isTaken)))
        this.#delivered?.add(record, cursor);
      if (!isTaken && cursor !== null && side === "within") this.#options.versions?.noteKnown(record, cursor);
      if (!isTaken) continue;
      if (this.#secondaryCursors.follow(record)) this.#changed = true;
      records.push(record);
      taken.push(cursor);
      deliveries?.push(this.#nameOf(record, cursor, field.type));
    }
    if (disorder !== null) this.#fallBack();
    return { records, cursors: taken, deliveries, disorder };
  }

  #nameOf(record: SourceRecord, cursor: string | null, type: CursorType): string {
    const { incremental, identity } = this.#options;
    const name = identityOf(record, identity);
    return incremental.dedupe === "window" ? windowDelivery(type, cursor, name) : `${name}@${cursor ?? ""}`;
  }

  #isAbove(cursor: string, other: string | null): boolean {
    return other === null || compareCursorValues(this.#typeOf(), cursor, other) > 0;
  }

  #raise(cursor: string): void {
    if (!this.#isAbove(cursor, this.#highest)) return;
    this.#highest = cursor;
    this.#delivered?.raise(cursor);
    const keptFrom = this.#stretchOf(cursor) ?? cursor;
    this.#keptFrom = keptFrom;
    this.#changed = true;
    this.#ties.dropBelow(keptFrom);
  }

  /** Whether the record is to be delivered; keeps its identity where a later read may bring it again. */
  #takes(record: SourceRecord, cursor: string | null, side: Side): boolean {
    const { incremental, edges } = this.#options;
    if (cursor === null) {
      return incremental.onNullCursor === "deliver" && this.#ties.takesOnce(record, "");
    }
    if (side === "below") return this.#takesLate(record, cursor);
    if (side === "past" || side === "future") {
      if (edges.upper === "closed" || (side === "past" && incremental.settle !== null)) return false;
      return this.#takesAhead(record, cursor, side);
    }
    if (cursor === this.#highest || this.#isKept(cursor)) return this.#ties.takesOnce(record, cursor);
    return !this.#ties.isKnownAt(cursor) || !this.#ties.claim(record, cursor);
  }

  /** A record below the window is delivered if it surely never was; a doubt is told. */
  #takesLate(record: SourceRecord, cursor: string): boolean {
    const { reach, warn, identity } = this.#options;
    const lower = this.#frame.lower;
    if (this.#delivered === null || reach === undefined || lower === null) return false;
    const standing = this.#delivered.standingOf(record, cursor);
    if (standing === "new") {
      this.#changed = true;
      return true;
    }
    if (isBelowReach({ cursor, lower, reach }, this.#typeOf())) this.#options.watch?.below(cursor, lower);
    if (standing === "unknown") {
      const late = { record, cursor, lower, key: identity.key, reach, warn };
      tellOfLate(late, this.#delivered, this.#typeOf());
    }
    return false;
  }

  #isKept(cursor: string): boolean {
    return this.#unclear !== null && this.#keptFrom !== null && !this.#isAbove(this.#keptFrom, cursor);
  }

  /** A record past the window's end is delivered ahead of time, once, as long as that can be remembered. */
  #takesAhead(record: SourceRecord, cursor: string, side: Side): boolean {
    const { maxTieSetSize } = this.#options.incremental;
    if (!this.#ties.isFull) return this.#ties.takesOnce(record, cursor);
    if (this.#ties.claim(record, cursor)) return false;
    if (side === "past") {
      this.#options.warn(
        "RECORDS_HELD_BACK",
        `more than ${maxTieSetSize} records lie past ${this.#frame.upper}, where the window ends because more may come in there; the rest of them is left to a later run`,
      );
      return false;
    }
    this.#options.warn(
      "TIE_SET_FULL",
      `more than ${maxTieSetSize} records lie in the future; the rest of them are delivered again by every run`,
    );
    return true;
  }

  #disorderAt(cursor: string, field: CursorField, record: SourceRecord): string | null {
    if (this.#order !== "ascending") return null;
    const last = this.#last;
    if (last === null || compareCursorValues(field.type, cursor, last) >= 0) {
      this.#last = cursor;
      return null;
    }
    if (this.#isRepeat) return null;
    const stretch = this.#stretchOf(cursor);
    // Records in the order in which they were written come so when the clocks were put back.
    if (stretch !== null && stretch === this.#stretchOf(last)) return null;
    this.#last = cursor;
    return `${describeRecord(record)} has cursor ${cursor} and came after ${last}`;
  }

  /** Promise P9: from here on the watermark waits for the end of the window, as in an unordered read. */
  #fallBack(): void {
    this.#order = "unordered";
    this.#changed = true;
  }

  #typeOf(): CursorType {
    const type = this.#field?.type;
    if (type === undefined || !isOrdered(type)) {
      throw new TidemarkError("INTERNAL", "records without an ordered cursor have no tie set");
    }
    return type;
  }
}

/** What is admitted, with the cursor of each record. */
type WithCursors = Admitted & { readonly cursors: readonly (string | null)[] };
