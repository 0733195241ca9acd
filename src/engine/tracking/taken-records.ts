import { hash } from "node:crypto";
import { type IdentityPlan, identityOf } from "../../model/identity.ts";
import { takenNameLength } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { Warn } from "../ports.ts";

/** How many names a position keeps: about 120 KB. */
export const mostTaken = 10_000;

export interface TakenRecordsOptions {
  /** The names in the position. */
  readonly start: string | undefined;
  /** The identity of a record, which includes its content and so all of its cursors. */
  readonly identity: IdentityPlan;
  readonly warn: Warn;
  /** How many names are kept. Default: `mostTaken`. */
  readonly most?: number;
}

/**
 * The records of an unfinished window that an output with receipts has taken: a run that reads them again leaves them
 * out. A record is identified by its whole content and counted, so one that changed since is delivered again. A name is
 * 72 bits of a hash. Past `most`, no more names are kept.
 */
export class TakenRecords {
  readonly #options: TakenRecordsOptions;
  /** Names from earlier runs that this run has not read yet, with their counts. */
  readonly #left = new Map<string, number>();
  /** Names that this run has read or delivered and that the position does not cover yet, grouped by read. */
  readonly #current = new Map<object, string[]>();
  /** How many names those are. */
  #count = 0;
  #isFull = false;

  constructor(options: TakenRecordsOptions) {
    this.#options = options;
    const { start = "" } = options;
    for (let at = 0; at < start.length; at += takenNameLength) {
      const name = start.slice(at, at + takenNameLength);
      this.#left.set(name, (this.#left.get(name) ?? 0) + 1);
    }
  }

  nameOf(record: SourceRecord): string {
    return hash("sha256", identityOf(record, this.#options.identity), "base64url").slice(0, takenNameLength);
  }

  /** Splits the records of a page into those that an earlier run delivered and the others. */
  part(records: readonly SourceRecord[]): { fresh: readonly SourceRecord[]; known: readonly SourceRecord[] } {
    if (this.#left.size === 0) return { fresh: records, known: [] };
    const fresh: SourceRecord[] = [];
    const known: SourceRecord[] = [];
    for (const record of records) (this.#claim(this.nameOf(record)) ? known : fresh).push(record);
    return { fresh, known };
  }

  #claim(name: string): boolean {
    const left = this.#left.get(name) ?? 0;
    if (left > 1) this.#left.set(name, left - 1);
    else this.#left.delete(name);
    return left > 0;
  }

  /** Undoes `known` for a page that was not delivered and is read again. */
  putBack(known: readonly SourceRecord[]): void {
    for (const record of known) {
      const name = this.nameOf(record);
      this.#left.set(name, (this.#left.get(name) ?? 0) + 1);
    }
  }

  /** Adds what a page delivered: it may be read again until the position covers it. False where there is nothing. */
  add(unit: object, names: readonly string[]): boolean {
    const { most = mostTaken } = this.#options;
    const own = this.#current.get(unit) ?? [];
    this.#current.set(unit, own);
    for (const name of names) {
      if (this.#count >= most) break;
      own.push(name);
      this.#count += 1;
    }
    if (this.#count >= most) this.#isFull = true;
    return names.length > 0;
  }

  /** Drops the names of this read, which the position now covers. */
  passed(unit: object): void {
    this.#count -= this.#current.get(unit)?.length ?? 0;
    this.#current.delete(unit);
  }

  /** Drops all names, since the window is finished. */
  clear(): void {
    this.#left.clear();
    this.#current.clear();
    this.#count = 0;
  }

  /** The names for the position, with those of the current page; undefined for none. */
  kept(atHand: readonly string[] = []): string | undefined {
    const { most = mostTaken } = this.#options;
    const names: string[] = [];
    for (const [name, count] of this.#left) for (let at = 0; at < count; at++) names.push(name);
    for (const own of this.#current.values()) for (const name of own) names.push(name);
    for (const name of atHand) names.push(name);
    return names.length === 0 ? undefined : names.slice(0, most).join("");
  }

  /** Call where a run stops: warns if more records were delivered than names can be kept. */
  warnWhereFull(atHand: number): void {
    const { most = mostTaken, warn } = this.#options;
    if (!this.#isFull && this.#left.size + this.#count + atHand <= most) return;
    warn(
      "TAKEN_RECORDS_FULL",
      `the run stopped inside a part of the stream that is read again, and more than ${most} records of it were delivered: the next run delivers those past ${most} again. \`order: ascending\`, page tokens or \`slices\` move the position on sooner`,
    );
  }
}
