import type { CursorField } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { compareCursorValues, readCursorValue } from "../../model/cursor.ts";
import { addDecimals } from "../../model/decimal.ts";
import { contentHash } from "../../model/identity.ts";
import { formatPath, type SourceRecord, valueAt } from "../../model/record.ts";
import { compareTexts, textAfter, textBefore } from "../../model/text-order.ts";
import { upperBoundToSend } from "../bounds.ts";
import type { InnerLimit } from "./limits.ts";

/** A record's place in the database's order. */
export interface Place {
  readonly field: string;
  /** Null where the record has no cursor, or where places are counts of records. */
  of(record: SourceRecord): string | null;
  compare(a: string, b: string): number;
  /** The next possible place. */
  above(place: string): string;
  /** The bound to send for a place; null where the place is a cursor value, which is bound as usual. */
  readonly below: ((place: string) => string) | null;
  /** Whether places are counts of records. */
  readonly counts: boolean;
}

export function cursorPlace(field: CursorField): Place {
  const { path, type, format } = field;
  return {
    field: path === null ? "the offset" : formatPath(path),
    of(record) {
      const raw = path === null ? null : valueAt(record, path);
      return raw === null || raw === undefined ? null : readCursorValue(type, raw, format);
    },
    compare: (a, b) => compareCursorValues(type, a, b),
    above: (place) => upperBoundToSend(field, place, "exclusive"),
    below: null,
    counts: path === null,
  };
}

/** For timestamps that the database stores as text: the text itself, since the database sorts texts and not times. */
export function textPlace({ path }: CursorField): Place {
  return {
    field: formatPath(path ?? []),
    of(record) {
      const raw = valueAt(record, path ?? []);
      return raw === null || raw === undefined ? null : String(raw);
    },
    compare: compareTexts,
    above: textAfter,
    below: textBefore,
    counts: false,
  };
}

/**
 * Reads a query with a LIMIT inside, which returns a part of the rows at a time: each run begins at the highest place
 * of the run before, and leaves out the rows that it returned.
 */
export class RepeatedRead {
  readonly #place: Place;
  /** How many rows a full run returns; infinite while unknown. */
  #fullRun: number;
  /** Whether the query has the number. */
  readonly #isSaid: boolean;
  /** Whether the current run only checks for rows above the highest place, and whether it found any. */
  #isProbing = false;
  #isAbove = false;
  /** How the query limits a run, for messages. */
  readonly #what: string;
  /** The start of the current run; null for the first, which the caller bounds. */
  #from: string | null = null;
  #highest: string | null = null;
  /** The records of this run at the highest place. */
  #atHighest: SourceRecord[] = [];
  /** By content, the records at this run's lower end that the run before returned, with their count. */
  #brought = new Map<string, number>();
  #rows = 0;
  #offset: string;

  /** `offset` is where records are counted from. */
  constructor(place: Place, limits: readonly InnerLimit[], offset: string) {
    this.#place = place;
    this.#offset = offset;
    this.#fullRun = Math.min(...limits.map(({ rows }) => rows ?? Number.POSITIVE_INFINITY));
    this.#isSaid = this.#fullRun !== Number.POSITIVE_INFINITY;
    this.#what = limits.find(({ rows }) => rows === this.#fullRun)?.what ?? limits[0]?.what ?? "LIMIT";
  }

  /** The new records of a page. */
  take(records: readonly SourceRecord[]): readonly SourceRecord[] {
    this.#rows += records.length;
    if (this.#isProbing) {
      this.#isAbove ||= records.some((record) => this.#isPast(record));
      return [];
    }
    if (this.#place.counts) return records;
    return records.filter((record) => {
      const place = this.#place.of(record);
      // The engine handles a record without a cursor, and takes it once.
      if (place === null) return this.#from === null;
      this.#follow(place, record);
      if (this.#from === null) return true;
      const order = this.#place.compare(place, this.#from);
      return order > 0 || (order === 0 && !this.#wasBrought(record));
    });
  }

  #isPast(record: SourceRecord): boolean {
    const place = this.#place.of(record);
    return place !== null && this.#highest !== null && this.#place.compare(place, this.#highest) > 0;
  }

  #follow(place: string, record: SourceRecord): void {
    const order = this.#highest === null ? 1 : this.#place.compare(place, this.#highest);
    if (order < 0) return;
    if (order > 0) this.#atHighest = [];
    this.#highest = place;
    this.#atHighest.push(record);
  }

  #wasBrought(record: SourceRecord): boolean {
    const hash = contentHash(record);
    const left = this.#brought.get(hash) ?? 0;
    if (left > 0) this.#brought.set(hash, left - 1);
    return left > 0;
  }

  /**
   * Call after each run: returns the start of the next run, or null where none is needed. Throws `PAGE_REPEATED` where
   * the LIMIT is too small for the records of one place: rows after them cannot be reached. If the LIMIT is unknown,
   * one more run checks for rows above; those are left to a later run.
   */
  next(): string | null {
    const rows = this.#rows;
    this.#rows = 0;
    if (this.#isProbing) {
      if (this.#isAbove) throw this.#stuck(this.#fullRun);
      return null;
    }
    // If the limit is unknown, a run with fewer rows than the first has reached the end.
    const known = this.#fullRun !== Number.POSITIVE_INFINITY;
    const cut = rows > 0 && (!known || rows >= this.#fullRun);
    if (!known) this.#fullRun = rows;
    if (!cut) return null;
    if (this.#place.counts) {
      this.#offset = addDecimals(this.#offset, String(rows));
      return this.#offset;
    }
    if (this.#highest === this.#from) {
      if (this.#isSaid || this.#highest === null) throw this.#stuck(rows);
      this.#isProbing = true;
      return this.#place.above(this.#highest);
    }
    this.#from = this.#highest;
    this.#brought = new Map();
    for (const record of this.#atHighest) {
      const hash = contentHash(record);
      this.#brought.set(hash, (this.#brought.get(hash) ?? 0) + 1);
    }
    this.#atHighest = [];
    return this.#from;
  }

  #stuck(rows: number): TidemarkError {
    return new TidemarkError(
      "PAGE_REPEATED",
      `the ${rows} records that the query gives from ${this.#place.field} ${this.#from ?? "none"} on come no further than that: the ${this.#what === "LIMIT" ? this.#what : `limit by ${this.#what}`} inside it is too small`,
      {
        hint: `Raise that limit above ${rows}, put a LIMIT at the end of the query in its place, or read by \`table\`.`,
      },
    );
  }
}
