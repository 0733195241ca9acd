import { TidemarkError } from "../../errors.ts";
import { compareCursorValues, readCursorValue } from "../../model/cursor.ts";
import { patternsThatRead } from "../../model/pattern-proposal.ts";
import { formatPath, isRecord, type Path, type SourceRecord, valueAt } from "../../model/record.ts";
import { recordExcerpt } from "../../model/record-excerpt.ts";
import { fieldNamesAlong, hasField, unknownField } from "../../model/unknown-field.ts";
import type { CursorField, NullCursorPolicy } from "../ports.ts";

/** The cursors of a page's records, and their order. */
export interface CursorsOfPage {
  /** Per record, as canonical text; null for a null cursor that is delivered or skipped. */
  readonly cursors: readonly (string | null)[];
  /** The first and the last; null where the page is empty or not ascending. */
  readonly lowest: string | null;
  readonly highest: string | null;
  /** Whether they are ascending. */
  readonly ascending: boolean;
}

/** Those of a page without a record. */
export const noCursors: CursorsOfPage = { cursors: [], lowest: null, highest: null, ascending: true };

/**
 * Reads the cursor of each record. Throws `CURSOR_NULL` where one has none and the policy is to
 * fail, `FIELD_UNKNOWN` where no record of the `page` has the field at all, and `CURSOR_INVALID` for a
 * value that does not parse, naming the record and the field.
 */
export function readCursors(
  records: readonly SourceRecord[],
  field: CursorField,
  onNullCursor: NullCursorPolicy,
  page: readonly SourceRecord[] = records,
): CursorsOfPage {
  const cursors: (string | null)[] = [];
  let ascending = true;
  let previous: string | null = null;
  for (const record of records) {
    const cursor = cursorOf(record, field, onNullCursor, page);
    cursors.push(cursor);
    if (cursor === null) ascending = false;
    else if (ascending && previous !== null && compareCursorValues(field.type, cursor, previous) < 0)
      ascending = false;
    previous = cursor;
  }
  return ascending
    ? { cursors, ascending, lowest: cursors[0] ?? null, highest: previous }
    : { cursors, ascending, lowest: null, highest: null };
}

function cursorOf(
  record: SourceRecord,
  field: CursorField,
  onNullCursor: NullCursorPolicy,
  page: readonly SourceRecord[],
): string | null {
  const path = field.path ?? [];
  const raw = valueAt(record, path);
  if (isNoCursor(raw, field)) {
    if (onNullCursor !== "fail") return null;
    if (raw === undefined && lacksField(page, path)) throw cursorUnknown(page, path);
    const found = typeof raw === "string" ? `${JSON.stringify(raw)}, which is no value,` : "no value";
    throw new TidemarkError(
      "CURSOR_NULL",
      `${describeRecord(record)} has ${found} in its cursor field ${formatPath(path)}`,
      { details: { field: formatPath(path) } },
    );
  }
  try {
    return readCursorValue(field.type, raw, field.format);
  } catch (cause) {
    throw atRecord(cause, record, path, proposalFor(raw, field));
  }
}

/** What to declare for a time that is not an ISO 8601 timestamp, where its form shows it. */
function proposalFor(raw: unknown, { type, format }: CursorField): string {
  if (type !== "timestamp_utc" || format.kind !== "iso8601" || typeof raw !== "string") return "";
  const epoch = epochFormatOf(raw);
  if (epoch !== null) return `: declare \`format: ${epoch}\` if it counts since 1970`;
  const patterns = patternsThatRead(raw).map((pattern) => `\`format: ${JSON.stringify(pattern)}\``);
  if (patterns.length === 0) return "";
  const which = patterns.length === 1 ? "" : ", whichever has the month in its place";
  const bound = ", and `queryFormat` if the source is asked in another form";
  return `: declare ${patterns.join(" or ")}${which}${bound}`;
}

/** A text of this many digits is an epoch timestamp from 2001 or later. */
function epochFormatOf(raw: string): string | null {
  if (!/^1\d+(?:\.\d+)?$/.test(raw)) return null;
  const digits = raw.split(".")[0]?.length ?? 0;
  return { 10: "epoch_s", 13: "epoch_ms", 16: "epoch_us", 19: "epoch_ns" }[digits] ?? null;
}

/** Whether no record of a page has the field, not even as null; an empty page says nothing. */
export function lacksField(records: readonly SourceRecord[], path: Path): boolean {
  return records.length > 0 && !records.some((record) => hasField(record, path));
}

const leftOut =
  " Where the source leaves the field out of records that have no value, declare `onNullCursor: deliver` or `skip`.";

export function cursorUnknown(records: readonly SourceRecord[], path: Path): TidemarkError {
  const field = formatPath(path);
  const where = records.length === 1 ? "the fields of the record" : "the fields of the page's records";
  return unknownField({ role: "cursor", field, where, names: fieldNamesAlong(records, path) }, leftOut);
}

/** `0000-00-00`, `0000-00-00 00:00:00`, `00.00.0000`: all digits are 0, and a date has eight of them or more. */
const zeroDate = /^(?:0[-/. ]?){8}(?:[T ]?(?:0[:.,]?)*)?(?:Z|[+-]0[0:]*)?$/;

/** PostgreSQL's `infinity` and `-infinity`, which are not points in time. */
const infinity = /^[+-]?infinity$/i;

/**
 * Whether a value means "no cursor": null, a missing field, or a substitute from a source that cannot write null. An
 * empty text is a valid cursor of type `text`; a date of zeros and an infinity mean "no cursor" for `timestamp_utc`.
 */
function isNoCursor(raw: unknown, { type, format }: CursorField): boolean {
  if (raw === null || raw === undefined) return true;
  if (typeof raw !== "string" || type === "text" || type === "opaque_token") return false;
  if (raw === "") return true;
  if (type !== "timestamp_utc" || format.kind.startsWith("epoch")) return false;
  const first = raw.charCodeAt(0);
  // Fast path: nearly all values begin with the digit of a year.
  if (first === digitZero) return zeroDate.test(raw);
  return (first < digitZero || first > digitNine) && infinity.test(raw);
}

const digitZero = 48;
const digitNine = 57;

function atRecord(cause: unknown, record: SourceRecord, path: Path, proposal: string): unknown {
  if (!(cause instanceof TidemarkError)) return cause;
  return new TidemarkError(
    cause.code,
    `${describeRecord(record)}, field ${formatPath(path)}: ${cause.message}${proposal}`,
    {
      cause,
      hint: cause.hint,
      details: { ...cause.details, field: formatPath(path) },
    },
  );
}

/** A record in few words, for messages. */
export function describeRecord(record: unknown): string {
  return isRecord(record) ? `the record ${recordExcerpt(record, 120)}` : "a record";
}
