import { hash } from "node:crypto";
import { type CursorType, compareCursorValues, stepCursor } from "../../model/cursor.ts";
import { type IdentityPlan, identityOf, withoutContent } from "../../model/identity.ts";
import type { DeliveredNames, Position, TieMember } from "../../model/position.ts";
import type { Precision } from "../../model/precision.ts";
import type { SourceRecord } from "../../model/record.ts";

/** A stream with at most this many records keeps the names of all of them. */
export const smallStream = 1000;

export interface DeliveredRecordsOptions {
  readonly type: CursorType;
  readonly precision: Precision;
  /** The fields that identify a record. */
  readonly identity: IdentityPlan;
  readonly start: Position;
  /** The last cursor before the stream's declared beginning; null where it begins at the source's beginning. */
  readonly beginning: string | null;
  /** How many names are kept of records that the next run's request may return again. */
  readonly most: number;
  /** The lowest cursor that a request from a bound may bring; null where that is not followed. */
  readonly reach: ((bound: string) => string) | null;
}

/** Whether a record below the window's lower bound was delivered, as far as known. */
export type DeliveryStatus = "delivered" | "new" | "unknown" | "beforeBeginning";

/**
 * The names of records delivered below the watermark. They distinguish a late record from one that the source returns
 * again. For a small stream all names are kept. For a larger one only those that the next request may return again,
 * since its bound lies below the watermark: by one step, or by a day where the source takes whole days. A name is 48
 * bits of a hash.
 */
export class DeliveredRecords {
  readonly #options: DeliveredRecordsOptions;
  /** By name, the cursor; null for one that lies no higher than `#reached`. */
  readonly #names = new Map<string, string | null>();
  /** The highest cursor of earlier runs, including those in an unfinished window. */
  readonly #reached: string | null;
  /** The names joined to one text, as the position stores them; null where names were removed since it was made. */
  #packed: string | null = "";
  /** The cursor below which all names were removed; null where they were not. */
  #prunedTo: string | null = null;
  /** From which cursor on all are known: `""` is all there are, null none. */
  #from: string | null;
  #full: boolean;
  #floor: string | null = null;
  #highest: string | null;
  /** Whether earlier runs kept names; those of an older version did not. */
  readonly isKnown: boolean;

  constructor(options: DeliveredRecordsOptions) {
    const { start } = options;
    this.#options = options;
    const { seen } = start;
    const isNew = start.watermark === null && start.window === null && seen === undefined;
    this.isKnown = isNew || seen !== undefined;
    this.#full = seen?.full ?? false;
    this.#reached = start.window?.highest ?? start.watermark;
    this.#highest = this.#reached;
    this.#from = isNew ? "" : (seen?.from ?? this.#fromHereOn());
    this.#floor = this.#from === "" ? null : this.#from;
    const packed = seen?.names ?? "";
    for (let at = 0; at < packed.length; at += nameLength) {
      this.#keep(packed.slice(at, at + nameLength), null);
    }
    for (const key of start.tieSet) {
      if (key.cursor !== "") this.#keep(this.#nameOfKey(key), key.cursor);
    }
  }

  /** Whether there were more names than can be kept, so that repeated records cannot be recognised. */
  get isFull(): boolean {
    return this.#full;
  }

  statusOf(record: SourceRecord, cursor: string): DeliveryStatus {
    const { beginning } = this.#options;
    if (beginning !== null && this.#compare(cursor, beginning) <= 0) return "beforeBeginning";
    if (this.#names.has(this.#nameOf(record, cursor))) return "delivered";
    if (this.#from === null) return "unknown";
    return this.#from === "" || this.#compare(cursor, this.#from) >= 0 ? "new" : "unknown";
  }

  /** Adds a delivered record. */
  add(record: SourceRecord, cursor: string): void {
    if (this.#from === null && this.#options.reach === null) return;
    if (this.#isBelow(cursor)) return;
    this.#take(record, cursor);
  }

  #isBelow(cursor: string): boolean {
    return this.#from !== "" && this.#floor !== null && this.#compare(cursor, this.#floor) < 0;
  }

  #take(record: SourceRecord, cursor: string): void {
    this.#keep(this.#nameOf(record, cursor), cursor);
    if (this.#names.size > (this.#from === "" ? smallStream : this.#options.most)) this.#makeRoom();
  }

  #keep(name: string, cursor: string | null): void {
    const count = this.#names.size;
    this.#names.set(name, cursor);
    if (this.#packed !== null && this.#names.size > count) this.#packed += name;
  }

  /** Adds a page in ascending order. For a large stream, only the end of the page is read. */
  addAscending(records: readonly SourceRecord[], cursors: readonly (string | null)[]): void {
    let above: string | null = null;
    for (let at = records.length - 1; at >= 0; at--) {
      const record = records[at];
      const cursor = cursors[at];
      if (record === undefined || cursor === undefined || cursor === null) continue;
      if (this.#from === null && this.#options.reach === null) return;
      if (cursor !== above && this.#isBelow(cursor)) return;
      above = cursor;
      this.#take(record, cursor);
    }
  }

  /** Sets the highest cursor so far, before its page is added. */
  raise(highest: string): void {
    this.#highest = highest;
    if (this.#from !== "") this.#raiseFloor();
  }

  #raiseFloor(): void {
    const { reach } = this.#options;
    if (reach === null || this.#highest === null) return;
    const floor = reach(this.#highest);
    if (this.#floor !== null && this.#compare(floor, this.#floor) <= 0) return;
    this.#floor = floor;
    if (this.#from !== null && (this.#from === "" || this.#compare(floor, this.#from) > 0))
      this.#from = floor;
  }

  /** Keeps only names that may come again; if those are too many, drops all names so far. */
  #makeRoom(): void {
    const { reach, most } = this.#options;
    if (reach === null) {
      this.#from = null;
      this.#clear();
      return;
    }
    this.#raiseFloor();
    this.#prune();
    if (this.#names.size <= most * roomLeft) return;
    this.#full = true;
    this.#clear();
    this.#from = this.#fromHereOn();
  }

  #clear(): void {
    this.#names.clear();
    this.#packed = "";
  }

  /** The cursor from which on all names will be known again. Null where that is not tracked. */
  #fromHereOn(): string | null {
    const { type, precision, reach } = this.#options;
    return this.#highest === null || reach === null ? null : stepCursor(type, this.#highest, precision, 1);
  }

  #prune(): void {
    const floor = this.#floor;
    if (floor === null || this.#from === "" || floor === this.#prunedTo) return;
    this.#prunedTo = floor;
    const count = this.#names.size;
    const isPast = this.#reached !== null && this.#compare(this.#reached, floor) < 0;
    for (const [name, cursor] of this.#names) {
      if (cursor === null ? isPast : this.#compare(cursor, floor) < 0) this.#names.delete(name);
    }
    if (this.#names.size < count) this.#packed = null;
    if (isPast && this.#from !== null && this.#compare(this.#from, floor) <= 0) this.#full = false;
  }

  /** What the position stores. */
  kept(): DeliveredNames {
    this.#prune();
    this.#packed ??= [...this.#names.keys()].join("");
    const names = this.#packed;
    return { from: this.#from, names, ...(this.#full ? { full: true } : {}) };
  }

  #nameOf(record: SourceRecord, cursor: string): string {
    const { identity } = this.#options;
    return shortHash(identityOf(record, { ...identity, content: false }), cursor);
  }

  /** The identity of a member of the tie set has the content behind the key where both count. */
  #nameOfKey({ identity, cursor }: TieMember): string {
    const { key, content } = this.#options.identity;
    return shortHash(key !== null && content ? withoutContent(identity) : identity, cursor);
  }

  #compare(a: string, b: string): number {
    return compareCursorValues(this.#options.type, a, b);
  }
}

const nameLength = 8;
/** A set that is nearly full after a cleanup would soon need another one. */
const roomLeft = 0.9;

function shortHash(identity: string, cursor: string): string {
  return hash("sha1", `${cursor}\n${identity}`, "base64url").slice(0, nameLength);
}
