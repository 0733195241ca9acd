import type { CursorField } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { compareCursorValues, readCursorValue } from "../../model/cursor.ts";
import { addDecimals } from "../../model/decimal.ts";
import { contentHash } from "../../model/identity.ts";
import { formatPath, type SourceRecord, valueAt } from "../../model/record.ts";
import type { InnerLimit } from "./query-analysis.ts";

/**
 * Follows a query with a LIMIT inside, which gives one piece of the rows at a time: each run of it
 * begins at the highest cursor of the run before, and leaves out what that run brought already.
 */
export class RepeatedRead {
  readonly #field: CursorField;
  /** How many rows a run brings when there may be more; infinite as long as nobody knows. */
  #fullRun: number;
  #first = true;
  /** Where the run at hand begins, and the highest cursor that has come so far. */
  #from: string | null;
  #highest: string | null;
  /** The records of this run at the highest cursor. */
  #atHighest: SourceRecord[] = [];
  /** By content, the records at this run's lower end that the run before has brought, with their number. */
  #brought = new Map<string, number>();
  #rows = 0;

  constructor(field: CursorField, limits: readonly InnerLimit[], from: string | null) {
    this.#field = field;
    this.#fullRun = Math.min(...limits.map(({ rows }) => rows ?? Number.POSITIVE_INFINITY));
    this.#from = from;
    this.#highest = from;
  }

  /** The canonical lower bound of the run at hand; null for the first there ever was. */
  get bound(): string | null {
    return this.#from;
  }

  /** What of a page is new. */
  take(records: readonly SourceRecord[]): readonly SourceRecord[] {
    this.#rows += records.length;
    const { path, type, format } = this.#field;
    if (path === null) return records;
    return records.filter((record) => {
      const raw = valueAt(record, path);
      // The engine knows what to do with a record that has no cursor; it takes it once.
      if (raw === null || raw === undefined) return this.#first;
      const cursor = readCursorValue(type, raw, format);
      this.#follow(cursor, record);
      if (this.#first || this.#from === null) return true;
      const order = compareCursorValues(type, cursor, this.#from);
      return order > 0 || (order === 0 && !this.#wasBrought(record));
    });
  }

  #follow(cursor: string, record: SourceRecord): void {
    const order = this.#highest === null ? 1 : compareCursorValues(this.#field.type, cursor, this.#highest);
    if (order < 0) return;
    if (order > 0) this.#atHighest = [];
    this.#highest = cursor;
    this.#atHighest.push(record);
  }

  #wasBrought(record: SourceRecord): boolean {
    const hash = contentHash(record);
    const left = this.#brought.get(hash) ?? 0;
    if (left > 0) this.#brought.set(hash, left - 1);
    return left > 0;
  }

  /**
   * To be asked after each run: whether there is to be another. Throws `PAGE_REPEATED` where the LIMIT
   * is too small for the records of one cursor value: what lies behind them cannot be asked for.
   */
  goOn(): boolean {
    const rows = this.#rows;
    this.#rows = 0;
    // Where the limit is not known, a run that brings less than one before it has reached the end.
    const cut = rows > 0 && (this.#fullRun === Number.POSITIVE_INFINITY || rows >= this.#fullRun);
    if (this.#first && this.#fullRun === Number.POSITIVE_INFINITY) this.#fullRun = rows;
    this.#first = false;
    if (!cut) return false;
    if (this.#field.path === null) {
      this.#from = addDecimals(this.#from ?? "0", String(rows));
      return true;
    }
    if (this.#highest === this.#from) throw this.#stuck(rows, formatPath(this.#field.path));
    this.#from = this.#highest;
    this.#brought = new Map();
    for (const record of this.#atHighest) {
      const hash = contentHash(record);
      this.#brought.set(hash, (this.#brought.get(hash) ?? 0) + 1);
    }
    this.#atHighest = [];
    return true;
  }

  #stuck(rows: number, field: string): TidemarkError {
    return new TidemarkError(
      "PAGE_REPEATED",
      `all of the ${rows} records that the query gives have the ${field} that it was asked to begin at (${this.#from}): the LIMIT inside it is too small to come past them`,
      { hint: `Raise that LIMIT above ${rows}, move it to the end of the query, or read by \`table\`.` },
    );
  }
}
