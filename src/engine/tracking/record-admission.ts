import { compareCursorValues } from "../../model/cursor.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { Admitted } from "./cursor-tracker.ts";
import { deliveryName } from "./delivery-names.ts";
import { RecordChoice, type RecordChoiceParts } from "./record-choice.ts";
import type { CursorsOfPage } from "./record-cursors.ts";
import type { RecordOrder } from "./record-order.ts";
import type { SecondaryCursors } from "./secondary-cursors.ts";
import { isSurelyNew } from "./surely-new.ts";

export interface RecordAdmissionParts extends RecordChoiceParts {
  readonly order: RecordOrder;
  readonly secondaryCursors: SecondaryCursors;
}

/** The admitted records, with the cursor of each. */
type WithCursors = Admitted & { readonly cursors: readonly (string | null)[] };

/**
 * Admits the pages of a range by the cursors of its records, and updates the highest cursor, the order and the tie set.
 * Nearly all pages of an ascending read are taken as a whole; any other goes record by record.
 */
export class RecordAdmission {
  readonly #parts: RecordAdmissionParts;
  readonly #choice: RecordChoice;
  #changed = false;

  constructor(parts: RecordAdmissionParts) {
    this.#parts = parts;
    this.#choice = new RecordChoice(parts);
  }

  /** Whether any part of the position changed since the last commit. */
  get changed(): boolean {
    return this.#changed || this.#choice.tookLate;
  }

  committed(): void {
    this.#changed = false;
    this.#choice.tookLate = false;
  }

  /** Admits a page, given its readable records. `repeats`: it has the same records as the page before. */
  of(records: readonly SourceRecord[], read: CursorsOfPage, repeats: boolean): Admitted {
    const { options, order, highest, ties } = this.#parts;
    const before = { order: order.value, last: order.last, highest: highest.value, tieSet: ties.whole };
    const surelyNew = isSurelyNew(records, read, options, before);
    const { cursors, ...admitted } =
      this.#wholePage(records, read, surelyNew) ?? this.#recordByRecord(records, read.cursors, repeats);
    const { versions } = options;
    if (versions === null || order.isAscending) return { ...admitted, surelyNew };
    return { ...admitted, surelyNew, withoutOlder: versions.ofPage(admitted.records, cursors) };
  }

  /**
   * Admits an ordinary page of an ascending read as a whole: it is in order, within the window and beyond what earlier
   * runs delivered. Null for any other page.
   */
  #wholePage(records: readonly SourceRecord[], read: CursorsOfPage, surelyNew: boolean): WithCursors | null {
    const { incremental, tracksDeliveries } = this.#parts.options;
    const { lowest, highest, cursors } = read;
    if (!read.ascending || lowest === null || highest === null) return null;
    if ((tracksDeliveries && !surelyNew) || incremental.cursors.length > 1) return null;
    if (!this.#isBeyondKnown(lowest, highest)) return null;
    this.#parts.order.passed(highest);
    this.#raise(highest);
    this.#parts.delivered?.addAscending(records, cursors);
    const once = this.#parts.highest.value === highest ? this.#tiesOnce(records, cursors, highest) : records;
    const deliveries = tracksDeliveries
      ? once.map((record, at) => this.#deliveryName(record, cursors[at] ?? highest))
      : null;
    // Those left out, and all after them, have the highest cursor.
    return { records: once, cursors, deliveries, disorder: null };
  }

  /**
   * Whether a page lies within the window, after everything that this run read, and beyond what earlier runs delivered.
   */
  #isBeyondKnown(lowest: string, highest: string): boolean {
    const { field, frame, order, ties } = this.#parts;
    const isBefore = (a: string, b: string | null): boolean =>
      b !== null && compareCursorValues(field.type, a, b) < 0;
    if (frame.sideOf(lowest, field.type, null) === "below" || isBefore(lowest, order.last)) return false;
    if (frame.upper !== null && isBefore(frame.upper, highest)) return false;
    const { knownHighest } = ties;
    if (knownHighest !== null && !isBefore(knownHighest, lowest)) return false;
    return this.#parts.highest.unclearFrom(highest) === null;
  }

  /** The records without those at the highest cursor (the last ones) that were delivered before. */
  #tiesOnce(
    records: readonly SourceRecord[],
    cursors: readonly (string | null)[],
    highest: string,
  ): readonly SourceRecord[] {
    const ties = cursors.indexOf(highest);
    const tied = records.slice(ties);
    const taken = tied.filter((record) => {
      const isTaken = this.#parts.ties.takesOnce(record, highest);
      if (!isTaken) this.#parts.options.versions?.noteKnown(record, highest);
      return isTaken;
    });
    return taken.length === tied.length ? records : [...records.slice(0, ties), ...taken];
  }

  #recordByRecord(
    records: readonly SourceRecord[],
    cursors: readonly (string | null)[],
    repeats: boolean,
  ): WithCursors {
    const { field, frame, order, delivered, secondaryCursors, options } = this.#parts;
    const { type } = field;
    const pageHighest = frame.highestOf(cursors, type);
    if (pageHighest !== null) this.#raise(pageHighest);
    const present = frame.presentFor(cursors, type);
    const taken: SourceRecord[] = [];
    const takenCursors: (string | null)[] = [];
    const deliveries: string[] | null = options.tracksDeliveries ? [] : null;
    let disorder: string | null = null;
    for (let index = 0; index < cursors.length; index++) {
      const record = records[index];
      const cursor = cursors[index];
      if (record === undefined || cursor === undefined) continue;
      const side = cursor === null ? "within" : frame.sideOf(cursor, type, present);
      if (cursor !== null && side === "within") disorder ??= order.disorderAt(cursor, record, repeats);
      const isTaken = this.#choice.takes(record, cursor, side);
      // A record that an earlier run delivered ahead of its window is remembered once the window includes it.
      if (cursor !== null && (side === "within" || (side === "below" && isTaken)))
        delivered?.add(record, cursor);
      if (!isTaken && cursor !== null && side === "within") options.versions?.noteKnown(record, cursor);
      if (!isTaken) continue;
      if (secondaryCursors.follow(record)) this.#changed = true;
      taken.push(record);
      takenCursors.push(cursor);
      deliveries?.push(this.#deliveryName(record, cursor));
    }
    if (disorder !== null) {
      order.fallBack();
      this.#changed = true;
    }
    return { records: taken, cursors: takenCursors, deliveries, disorder };
  }

  #deliveryName(record: SourceRecord, cursor: string | null): string {
    return deliveryName(record, cursor, this.#parts.field.type, this.#parts.options);
  }

  #raise(cursor: string): void {
    const keptFrom = this.#parts.highest.raise(cursor);
    if (keptFrom === null) return;
    this.#parts.delivered?.raise(cursor);
    this.#changed = true;
    this.#parts.ties.dropBelow(keptFrom);
  }
}
