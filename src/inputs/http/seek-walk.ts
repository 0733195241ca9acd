import type { CursorField, Incremental, Warn } from "../../engine/ports.ts";
import { PageGuard } from "../../engine/tracking/page-guard.ts";
import type { TidemarkError } from "../../errors.ts";
import { type Cursor, compareCursorValues } from "../../model/cursor.ts";
import type { SourceRecord } from "../../model/record.ts";
import { upperBoundToSend } from "../bounds.ts";
import type { Facts } from "./facts.ts";
import { isPastEnd, mayBeFull, pagesFarther, refusedBehindFullPages } from "./page-end.ts";
import { type PageFailure, pageCap } from "./page-failure.ts";
import { PageSizes } from "./page-sizes.ts";
import type { SeekPagination } from "./pagination-schema.ts";
import { RepeatableRecords } from "./repeatable-records.ts";
import {
  changedPlaces,
  describeCrowd,
  notAscending,
  type Probe,
  passedOver,
  type Read,
  readOf,
  type Size,
  unconfirmed,
  warnOfRepeats,
} from "./seek-page.ts";
import type { PageSeen, PastEnd, WalkStep } from "./walk.ts";

/** The request: everything from a bound on (null is unbounded), after an offset. */
export interface SeekPlace {
  readonly bound: Cursor | null;
  readonly skip: number;
}

export interface SeekParts {
  readonly pagination: SeekPagination;
  readonly incremental: Incremental;
  readonly field: CursorField;
  /** The window's lower bound. */
  readonly lower: string | null;
  /** The lowest cursor that the source may return for it, if it compares texts. */
  readonly reach: string | null;
  /** The value that a moved bound means once it is formatted: no record below it should come. */
  readonly asSent: (value: string) => string;
  readonly facts: Facts;
  readonly warn: Warn;
}

/** How often records may shift among equal cursors before they count as unordered. */
const shiftsAllowed = 10;

/**
 * Goes through a source sorted by its cursor by moving the lower bound to the highest cursor seen. Nothing shifts then:
 * a record that changes during the read lies before the bound, or comes later.
 *
 * Where the bound cannot move, because a page or more of records have cursors that it cannot separate, pages are
 * requested by offset. They overlap by one record, so that a shift is noticed; the bound's records are then read again.
 * Memory is bounded by the records that may come again.
 *
 * A source that is not sorted is read by offset from its start to its end.
 */
export class SeekWalk {
  readonly #parts: SeekParts;
  readonly #seen: RepeatableRecords;
  readonly #sizes: PageSizes;
  /** Checks the complete answers of one bound; the engine's own guard checks what is left of them. */
  #guard: PageGuard;
  /** The place of the next page: the bound as a cursor and as sent. */
  #bound: string | null;
  #sent: string | null;
  #offset = 0;
  /** The last record of the page before; the next page must begin with it. */
  #anchor: string | null = null;
  /** The highest cursor so far, and the last one under the current bound. */
  #highest: string | null = null;
  #last: string | null = null;
  /** Whether a cursor came after a lower one. Until then the source may be sorted in descending order. */
  #isRising = false;
  #hasMoved = false;
  #isUnsorted = false;
  #probe: Probe | null = null;
  #isBoundIgnored = false;
  #pages = 0;
  /** How many records the page before had; null before the first. */
  #count: number | null = null;
  #shifts = 0;
  #failure: TidemarkError | null = null;

  constructor(parts: SeekParts) {
    const { incremental, pagination, field, lower, reach } = parts;
    this.#parts = parts;
    const most = Math.max(incremental.maxTieSetSize, pagination.limit);
    this.#seen = new RepeatableRecords({ type: field.type, key: incremental.key, most });
    this.#sizes = new PageSizes(parts.facts, pagination.limit);
    this.#guard = new PageGuard(incremental);
    this.#bound = lower;
    this.#sent = reach;
  }

  get place(): SeekPlace {
    const { type } = this.#parts.field;
    const probe = this.#probe?.at;
    if (probe !== undefined && "bound" in probe) return { bound: { type, value: probe.bound }, skip: 0 };
    const bound = this.#bound === null ? null : { type, value: this.#bound };
    if (probe !== undefined) return { bound, skip: probe.skip };
    return { bound, skip: this.#offset - (this.#anchor === null ? 0 : 1) };
  }

  /** Whether the next request checks if a short page was the end. */
  get mayBePastEnd(): boolean {
    return this.#count !== null && this.#count < this.#parts.pagination.limit;
  }

  isPastEnd(status: number): boolean {
    const verdict = this.#count === null ? null : this.mayBePastEnd ? "confirm" : "more";
    return isPastEnd(status, this.#parts.pagination, verdict);
  }

  /**
   * Adds a page and moves to the next. Returns its records without those that came before in this read. Where no page
   * follows, `finish` checks whether that is valid. Throws `PAGE_REPEATED` for an answer that repeats.
   */
  advance({ answer: { records }, pastEnd, fail }: PageSeen): WalkStep {
    this.#pages += 1;
    if (this.#probe !== null) return { records: [], more: this.#afterProbe(this.#probe, records, fail) };
    if (pastEnd !== null) return this.#endBehind(pastEnd);
    const count = records.length;
    const size: Size = {
      isFull: count >= this.#parts.pagination.limit,
      isShorter: count < this.#sizes.largest,
    };
    this.#sizes.note(count);
    this.#count = count;
    if (this.#isUnsorted) {
      return { records, more: this.#mayFollow(count, size) && this.#skip(count, fail) };
    }
    const read = readOf(records, this.#parts.field);
    const hasAnchor = this.#anchor !== null;
    if (hasAnchor) {
      const first = read.shift();
      if (first === undefined || this.#nameOf(first) !== this.#anchor) {
        return { records: [], more: this.#readAnew(fail) };
      }
    }
    this.#guard.see({ records, next: null });
    return this.#takeIn(read, size, fail);
  }

  #takeIn(read: readonly Read[], size: Size, fail: PageFailure): WalkStep {
    const before = this.#highest;
    const disorder = this.#follow(read);
    const follows = this.#mayFollow(read.length, size);
    const next = follows && disorder === null ? this.#nextBound(size) : null;
    // All records of a short page are remembered, so that a repetition is recognised.
    const floor = size.isFull ? (next ?? this.#sent) : this.#sent;
    const records = this.#freshOf(read, before, follows ? floor : undefined);
    if (disorder !== null) return { records, more: this.#readUnsorted(read, size, disorder, fail) };
    if (!follows) return { records, more: false };
    if (!size.isFull && (size.isShorter || next === null)) {
      return { records, more: this.#confirm(read, size, next, fail) };
    }
    return { records, more: next === null ? this.#goOnAtOffset(read, fail) : this.#moveTo(next, size, fail) };
  }

  /** Whether another page may follow a page of this size: a short page is no evidence of the end. */
  #mayFollow(count: number, { isFull }: Size): boolean {
    const hasAnchor = this.#anchor !== null;
    return isFull || ((count > 0 || hasAnchor) && this.#parts.pagination.end === "emptyPage");
  }

  /**
   * Call once the last page has been passed on. Throws where the walk stopped early (promise P15): `PAGE_REPEATED`
   * where the next page would bring the same, `SOURCE_INVALID` where the source is not sorted and cannot be read by
   * offset, `PAGE_CAP_REACHED`.
   */
  finish(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** Where the page is not ascending, for messages; null where it is. */
  #follow(read: readonly Read[]): string | null {
    let disorder: string | null = null;
    for (const { cursor } of read) {
      if (cursor === null) continue;
      const order = this.#last === null ? 0 : this.#compare(cursor, this.#last);
      if (order > 0) this.#isRising = true;
      if (order < 0) disorder ??= `${cursor} came after ${this.#last}`;
      if (this.#highest === null || this.#compare(cursor, this.#highest) > 0) this.#highest = cursor;
      this.#last = cursor;
    }
    return disorder;
  }

  /**
   * The highest cursor as a bound; null where that does not advance. After a full page of equal cursors the sort
   * direction is still unknown; a short page might otherwise count as the last.
   */
  #nextBound({ isFull }: Size): string | null {
    if (this.#highest === null || (isFull && !this.#isRising)) return null;
    const next = this.#parts.asSent(this.#highest);
    const { forgotten } = this.#seen;
    const leadsOn = (bound: string | null): boolean => bound === null || this.#compare(next, bound) > 0;
    return leadsOn(this.#sent) && leadsOn(forgotten) ? next : null;
  }

  /**
   * The records that have not come before in this read. Only those up to the highest cursor `before` can have. Those
   * from `floor` on may come again and are remembered; undefined remembers none.
   */
  #freshOf(read: readonly Read[], before: string | null, floor: string | null | undefined): SourceRecord[] {
    const fresh: SourceRecord[] = [];
    for (const { record, cursor } of read) {
      if (cursor !== null && this.#isBelowBound(record, cursor)) continue;
      const mayBeKnown = cursor === null || (before !== null && this.#compare(cursor, before) <= 0);
      const mayComeAgain =
        floor !== undefined && (cursor === null || floor === null || this.#compare(cursor, floor) >= 0);
      if (!mayBeKnown && !mayComeAgain) fresh.push(record);
      else if (this.#seen.take(record, cursor, { mayChange: cursor === before })) fresh.push(record);
    }
    return fresh;
  }

  /** Records below a moved bound were read before it moved. The engine handles the window's own bound. */
  #isBelowBound(record: SourceRecord, cursor: string): boolean {
    if (!this.#hasMoved || this.#sent === null || this.#compare(cursor, this.#sent) >= 0) return false;
    if (!this.#isBoundIgnored && !this.#seen.has(record, cursor)) {
      this.#isBoundIgnored = true;
      this.#parts.warn(
        "BOUND_IGNORED",
        `asked for records from ${this.#sent} on, the source gave one at ${cursor}; what was read before is left out`,
      );
    }
    return true;
  }

  #moveTo(bound: string, { isFull }: Size, fail: PageFailure): boolean {
    const remembered = isFull ? bound : this.#sent;
    if (remembered !== null) this.#seen.forgetBelow(remembered);
    this.#hasMoved = true;
    this.#bound = this.#highest;
    this.#sent = bound;
    this.#shifts = 0;
    this.#startPass();
    return this.#mayGoOn(fail);
  }

  get #isFirstOfBound(): boolean {
    return this.#offset === 0 && this.#anchor === null;
  }

  #startPass(): void {
    this.#offset = 0;
    this.#anchor = null;
    this.#last = null;
    this.#guard = new PageGuard(this.#parts.incremental);
    this.#seen.startPass();
  }

  /** Requests once more after a short page: by offset, or else a step above its highest cursor. */
  #confirm(page: readonly Read[], size: Size, next: string | null, fail: PageFailure): boolean {
    const { field, pagination } = this.#parts;
    const skip = this.#offset + page.length;
    if (pagination.offsetParam !== undefined) this.#probe = { page, size, next, at: { skip, isFar: false } };
    else if (this.#highest === null) return this.#endUnconfirmed(page.length, size);
    else
      this.#probe = { page, size, next, at: { bound: upperBoundToSend(field, this.#highest, "exclusive") } };
    return this.#mayGoOn(fail);
  }

  #afterProbe(probe: Probe, records: readonly SourceRecord[], fail: PageFailure): boolean {
    const { page, size, next, at } = probe;
    const found = readOf(records, this.#parts.field);
    this.#probe = null;
    if ("bound" in at) {
      if (!found.some(({ cursor }) => this.#isAbove(cursor))) return this.#endUnconfirmed(page.length, size);
      if (next !== null) return this.#moveTo(next, size, fail);
      this.#parts.warn("END_UNCONFIRMED", passedOver(this.#highest ?? ""));
      this.#highest = at.bound;
      return this.#moveTo(this.#parts.asSent(at.bound), size, fail);
    }
    const isLastAgain = this.#isLastAgain(page, found);
    if (at.isFar ? isLastAgain : found.length === 0) {
      if (found.length > 0 && this.#isFirstOfBound && !size.isShorter) warnOfRepeats(page, this.#parts);
      return false;
    }
    if (isLastAgain) {
      const skip = at.skip + pagesFarther * this.#parts.pagination.limit;
      this.#probe = { ...probe, at: { skip, isFar: true } };
      return this.#mayGoOn(fail);
    }
    if (next !== null) return this.#moveTo(next, size, fail);
    // Only its last record again: a record inserted before it has shifted it.
    return at.isFar ? this.#readAnew(fail) : this.#goOnAtOffset(page, fail);
  }

  /** Whether all records came before, and the last one is the page's last: a source may return its last page again. */
  #isLastAgain(page: readonly Read[], found: readonly Read[]): boolean {
    const [last, foundLast] = [page.at(-1), found.at(-1)];
    const name = last === undefined ? this.#anchor : this.#nameOf(last);
    if (foundLast === undefined || this.#nameOf(foundLast) !== name) return false;
    return found.every(({ record, cursor }) => this.#seen.has(record, cursor));
  }

  #isAbove(cursor: string | null): boolean {
    return cursor !== null && (this.#highest === null || this.#compare(cursor, this.#highest) > 0);
  }

  /** A page of one record counts as short. */
  #endUnconfirmed(count: number, { isShorter }: Size): false {
    if (!isShorter && count > 1) this.#parts.warn("END_UNCONFIRMED", unconfirmed(count, this.#highest));
    return false;
  }

  #endBehind({ text, status }: PastEnd): WalkStep {
    const count = this.#count ?? 0;
    const isDeclared = status !== null && this.#parts.pagination.endStatuses.includes(status);
    if (mayBeFull(count, this.#pages - 1, this.#sizes) && !isDeclared) {
      this.#parts.warn("END_UNCONFIRMED", refusedBehindFullPages(count, text));
    }
    return { records: [], more: false };
  }

  #goOnAtOffset(read: readonly Read[], fail: PageFailure): boolean {
    const { offsetParam, limit } = this.#parts.pagination;
    if (offsetParam === undefined) return this.#stop(this.#crowd(fail));
    const last = read.at(-1);
    // A page of one record cannot overlap with the one before.
    this.#anchor = last === undefined || limit < 2 ? this.#anchor : this.#nameOf(last);
    return this.#skip(read.length, fail);
  }

  #skip(count: number, fail: PageFailure): boolean {
    this.#offset += count;
    return this.#mayGoOn(fail);
  }

  /** Records shifted while they were paged by offset: all are requested again from the bound's first record on. */
  #readAnew(fail: PageFailure): boolean {
    this.#shifts += 1;
    if (this.#shifts > shiftsAllowed) {
      const { offsetParam } = this.#parts.pagination;
      return this.#stop(changedPlaces(this.#highest, offsetParam, fail));
    }
    this.#startPass();
    return this.#mayGoOn(fail);
  }

  /** Promise P9: if the bound has moved, records of the source below it are read as well. */
  #readUnsorted(read: readonly Read[], size: Size, disorder: string, fail: PageFailure): boolean {
    const { offsetParam } = this.#parts.pagination;
    if (!this.#hasMoved && !this.#mayFollow(read.length, size)) return false;
    if (!this.#hasMoved && !size.isFull && offsetParam === undefined) {
      return this.#endUnconfirmed(read.length, size);
    }
    if (offsetParam === undefined) {
      return this.#stop(notAscending(disorder, fail));
    }
    this.#isUnsorted = true;
    this.#anchor = null;
    if (!this.#hasMoved) return this.#skip(read.length, fail);
    this.#bound = this.#parts.lower;
    this.#offset = 0;
    return this.#mayGoOn(fail);
  }

  #mayGoOn(fail: PageFailure): boolean {
    const { maxPages } = this.#parts.pagination;
    if (this.#pages < maxPages) return true;
    return this.#stop(pageCap(maxPages, fail));
  }

  #crowd(fail: PageFailure): TidemarkError {
    const { limit } = this.#parts.pagination;
    if (this.#isBoundIgnored) {
      return fail(
        "PAGE_REPEATED",
        `the bound has moved to ${this.#sent}, and the source gave what lies before it again`,
        "Check the cursor's `queryParam` and `queryFormat`: the source may ignore the bound.",
      );
    }
    const crowd = describeCrowd(this.#seen, this.#highest, limit);
    return fail(
      "PAGE_REPEATED",
      `${crowd}, and a page holds ${limit}: the next page would bring the same`,
      "Declare `offsetParam`, by which such records are paged, or raise `limit` above their number.",
    );
  }

  #nameOf({ record, cursor }: Read): string {
    return this.#seen.nameOf(record, cursor);
  }

  #compare(a: string, b: string): number {
    return compareCursorValues(this.#parts.field.type, a, b);
  }

  #stop(failure: TidemarkError): false {
    this.#failure = failure;
    return false;
  }
}
