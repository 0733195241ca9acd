import { hash } from "node:crypto";
import { type CursorType, compareCursorValues, stepCursor } from "../../model/cursor.ts";
import { type IdentityPlan, identityOf, withoutContent } from "../../model/identity.ts";
import type { Position, SeenRecords, TieMember } from "../../model/position.ts";
import type { Precision } from "../../model/precision.ts";
import type { SourceRecord } from "../../model/record.ts";

/** A stream of no more records than this keeps the names of all of them. */
export const smallStream = 1000;

export interface DeliveredRecordsOptions {
  readonly type: CursorType;
  readonly precision: Precision;
  /** What makes a record itself. */
  readonly identity: IdentityPlan;
  readonly start: Position;
  /** The last cursor before the stream's beginning; null where that is the source's own. */
  readonly beginning: string | null;
  /** How many names are kept of what the next run's request may bring again. */
  readonly most: number;
  /** The lowest cursor that a request from a bound may bring; null where that is not followed. */
  readonly reach: ((bound: string) => string) | null;
}

/** What is known of a record below the window's lower bound. */
export type DeliveryStatus = "delivered" | "new" | "unknown" | "beforeBeginning";

/**
 * Which records below the watermark were delivered, so that one which a source gives late is told from one
 * that it gives again. All of a small stream are known. Of a larger one those are known that the next
 * request may bring again, since its bound lies below the watermark: by one step, or by a day where the source
 * is asked by the day. A name is 48 bits of a hash.
 */
export class DeliveredRecords {
  readonly #options: DeliveredRecordsOptions;
  /** By name, the cursor; null for one that lies no higher than `#reached`. */
  readonly #names = new Map<string, string | null>();
  /** How far earlier runs had come, in an unfinished window as well. */
  readonly #reached: string | null;
  /** The names one after another, as the position keeps them; null where some have gone since it was made. */
  #packed: string | null = "";
  /** The floor below which there is no name any more; null where that was not seen to. */
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

  /** Whether more room was needed than there is, so that what is read again cannot be told apart. */
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

  /** Takes in that a record was delivered. */
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

  /** Takes in a page in ascending order: of a large stream, no more than its end is looked at. */
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

  /** Takes in the highest cursor so far, before the page that has it. */
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

  /** Only what may come again is kept; where that is too much, nothing before this moment is. */
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

  /** From here on all will be known, though nothing before is. Null where that is not followed. */
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

  /** What the position keeps. */
  kept(): SeenRecords {
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
/** A set that is nearly full after it was cleared up would be cleared up at once again. */
const roomLeft = 0.9;

function shortHash(identity: string, cursor: string): string {
  return hash("sha1", `${cursor}\n${identity}`, "base64url").slice(0, nameLength);
}
