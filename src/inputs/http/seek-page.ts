import type { CursorField, Incremental, Warn } from "../../engine/ports.ts";
import type { TidemarkError } from "../../errors.ts";
import { readCursorValue } from "../../model/cursor.ts";
import { type SourceRecord, valueAt } from "../../model/record.ts";
import type { Facts } from "./facts.ts";
import type { PageFailure } from "./page-failure.ts";
import type { SeekPagination } from "./pagination-schema.ts";
import type { RepeatableRecords } from "./repeatable-records.ts";
import { isRoundSize, ReportedPages } from "./reported-pages.ts";

/** A record of a page with its cursor; null for one without. */
export interface Read {
  readonly record: SourceRecord;
  readonly cursor: string | null;
}

export function readOf(records: readonly SourceRecord[], field: CursorField): Read[] {
  return records.map((record) => ({ record, cursor: cursorOf(record, field) }));
}

/** Null also for a value that cannot be read, which the engine reports. */
function cursorOf(record: SourceRecord, { type, path, format }: CursorField): string | null {
  const raw = valueAt(record, path ?? []);
  if (raw === null || raw === undefined) return null;
  try {
    return readCursorValue(type, raw, format);
  } catch {
    return null;
  }
}

/** Whether a page has as many records as requested, and whether a larger page is known. */
export interface Size {
  readonly isFull: boolean;
  readonly isShorter: boolean;
}

/** One more request, which decides whether a short page was the last one. Its records are read again. */
export interface Probe {
  /** The page that may be the last one. */
  readonly page: readonly Read[];
  readonly size: Size;
  /** The next bound after it, if there is one. */
  readonly next: string | null;
  /**
   * The offset or bound of the request: after the records that came, or a step above their highest cursor. `isFar` is
   * much further, to see whether the source returns its last page for any offset.
   */
  readonly at: { readonly skip: number; readonly isFar: boolean } | { readonly bound: string };
}

/** The warning for a page that may have the source's full size, where nothing after it can be requested. */
export function unconfirmed(count: number, highest: string | null): string {
  return `a page of ${count} records may be a full one of a source that returns fewer than \`limit\`, and the bound cannot advance from ${highest ?? "records without a cursor"}; declare \`offsetParam\`, by which the end is confirmed`;
}

interface RepeatsParts {
  readonly incremental: Incremental;
  readonly facts: Facts;
  readonly pagination: SeekPagination;
  readonly warn: Warn;
}

/**
 * Warns once if the first page of a bound came again for each offset: either it has all records, or the source ignores
 * the parameter.
 */
export function warnOfRepeats(
  page: readonly Read[],
  { incremental, facts, pagination, warn }: RepeatsParts,
): void {
  const records = page.map(({ record }) => record);
  if (records.length < 2) return;
  const reportedPages = new ReportedPages("told-repeats", incremental, facts);
  if (!isRoundSize(records.length) && reportedPages.wasReported(records)) return;
  const param = `\`${pagination.offsetParam ?? ""}\``;
  warn(
    "END_UNCONFIRMED",
    `each request by ${param} brought the same ${records.length} records: they are all, or the source does not know ${param}; compare its documentation`,
  );
}

/** The warning where more follows, and the page before it ended among equal cursors. */
export function passedOver(highest: string): string {
  return `a page shorter than \`limit\` ended at ${highest}, more follows above it, and what else may share that cursor cannot be asked for; declare \`offsetParam\`, by which it is read`;
}

/** Describes records with cursors that a bound cannot separate, where they fill a page or more. */
export function describeCrowd(seen: RepeatableRecords, highest: string | null, limit: number): string {
  if (highest === null) return `${seen.count()} records or more have no cursor`;
  const equal = seen.count(highest);
  if (equal >= limit) return `${equal} records or more share the cursor ${highest}`;
  return `${seen.count()} records or more, up to ${highest}, have cursors that a bound cannot separate`;
}

/** The error where records came in another order for each page by offset. */
export function changedPlaces(
  near: string | null,
  offsetParam: string | undefined,
  fail: PageFailure,
): TidemarkError {
  return fail(
    "PAGE_REPEATED",
    `records near ${near} changed places each time they were paged by \`${offsetParam}\``,
    `The source may ignore \`${offsetParam}\`, or order equal values anew each time: let it sort by an id as well, or raise \`limit\` above the number of records that share a value.`,
  );
}

/** The error for a source without offsets that is not sorted by the cursor. */
export function notAscending(disorder: string, fail: PageFailure): TidemarkError {
  return fail(
    "SOURCE_INVALID",
    `the source is declared ascending and is not: ${disorder}; moving its bound would lose records`,
    "Let the source sort by the cursor, or declare a `pagination` of another type.",
  );
}
