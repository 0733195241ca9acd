import { TidemarkError } from "../errors.ts";
import {
  addDecimals,
  canonicalDecimal,
  compareDecimals,
  decimalSortKey,
  floorDecimal,
  floorUnits,
  isInteger,
  subtractDecimals,
} from "./decimal.ts";
import { ExactNumber } from "./exact-number.ts";
import { isZero, type Precision, precisionAmount, precisionNanoseconds } from "./precision.ts";
import { compareTexts, textAfter, textBefore } from "./text-order.ts";
import {
  type CursorFormat,
  compareTimestamps,
  isoFormat,
  nanosecondsToTimestamp,
  parseTimestamp,
  timestampSortKey,
  timestampToNanoseconds,
} from "./timestamp.ts";
import { unreadableValue } from "./unreadable-value.ts";

/** What a stream's cursors can be. */
export const cursorTypes = ["timestamp_utc", "numeric_id", "text", "offset", "opaque_token"] as const;
export type CursorType = (typeof cursorTypes)[number];

/** A typed value that places a record in its source's order; `value` is canonical text. */
export interface Cursor {
  readonly type: CursorType;
  readonly value: string;
}

/**
 * Parses a cursor from user input or from a record. Texts are read as ISO 8601 where the type is `timestamp_utc`,
 * unless a format is given. Throws `CURSOR_INVALID`.
 *
 * ```ts
 * parseCursor("timestamp_utc", "2026-01-31 01:00:00.500+01").value   // "2026-01-31T00:00:00.5Z"
 * parseCursor("numeric_id", "9007199254740993").value                 // "9007199254740993"
 * ```
 */
export function parseCursor(type: CursorType, raw: unknown, format: CursorFormat = isoFormat): Cursor {
  return { type, value: readCursorValue(type, raw, format) };
}

/**
 * The canonical text of a cursor value. Integers past 2^53 must come as text, bigint or `ExactNumber`: a plain number
 * of that size is refused, since it has lost digits already. Throws `CURSOR_INVALID`; the caller adds the record and
 * the field.
 */
export function readCursorValue(type: CursorType, raw: unknown, format: CursorFormat): string {
  switch (type) {
    case "timestamp_utc":
      return parseTimestamp(raw, format);
    case "numeric_id":
      return readNumber(raw, "a decimal number");
    case "offset":
      return readOffset(raw);
    case "text":
      return readText(raw, "a text cursor");
    case "opaque_token":
      return readToken(raw);
  }
}

function readNumber(raw: unknown, expected: string): string {
  if (typeof raw === "number") {
    if (Number.isSafeInteger(raw)) return String(raw);
    if (Math.abs(raw) > Number.MAX_SAFE_INTEGER) {
      throw unreadableValue(
        raw,
        expected,
        "the number is too large to have kept its digits; give it as text",
      );
    }
  } else if (typeof raw !== "string" && typeof raw !== "bigint" && !(raw instanceof ExactNumber)) {
    throw unreadableValue(raw, expected);
  }
  const canonical = canonicalDecimal(String(raw));
  if (canonical === null) throw unreadableValue(raw, expected);
  return canonical;
}

function readOffset(raw: unknown): string {
  const expected = "an offset (a whole number from 0)";
  const canonical = readNumber(raw, expected);
  if (canonical.startsWith("-") || !isInteger(canonical)) throw unreadableValue(raw, expected);
  return canonical;
}

function readText(raw: unknown, expected: string): string {
  if (typeof raw !== "string") {
    const isNumber = typeof raw === "number" || typeof raw === "bigint" || raw instanceof ExactNumber;
    throw unreadableValue(raw, expected, isNumber ? "numbers are ordered as numeric_id" : undefined);
  }
  if (!raw.isWellFormed()) throw unreadableValue(raw, expected, "it holds half of a surrogate pair");
  if (raw.includes("\0")) throw unreadableValue(raw, expected, "it holds the character U+0000");
  return raw;
}

function readToken(raw: unknown): string {
  const isNumber = typeof raw === "number" || typeof raw === "bigint" || raw instanceof ExactNumber;
  return isNumber ? readNumber(raw, "a token") : readText(raw, "a token");
}

/** Whether two values of the type can be said to come one before the other; tokens cannot. */
export function isOrdered(type: CursorType): boolean {
  return type !== "opaque_token";
}

/** The higher of two values; null is below all. Throws as `compareCursorValues` does. */
export function higherCursor(type: CursorType, a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return compareCursorValues(type, a, b) >= 0 ? a : b;
}

/**
 * Below 0, 0 or above 0 as `a` comes before, is, or comes after `b`; both are canonical. Throws
 * `ARGUMENT_INVALID` for `opaque_token`, which has no order.
 */
export function compareCursorValues(type: CursorType, a: string, b: string): number {
  switch (type) {
    case "timestamp_utc":
      return compareTimestamps(a, b);
    case "numeric_id":
    case "offset":
      return compareDecimals(a, b);
    case "text":
      return compareTexts(a, b);
    case "opaque_token":
      throw unordered("compared");
  }
}

/**
 * Below 0, 0 or above 0 as the first cursor comes before, is, or comes after the second. Throws `CURSOR_TYPE_MISMATCH`
 * where the types differ, and `ARGUMENT_INVALID` for tokens, which have no order.
 *
 * ```ts
 * compareCursors(parseCursor("numeric_id", "9"), parseCursor("numeric_id", "10"))   // below 0
 * ```
 */
export function compareCursors(a: Cursor, b: Cursor): number {
  if (a.type !== b.type) {
    throw new TidemarkError("CURSOR_TYPE_MISMATCH", `A ${a.type} cannot be compared with a ${b.type}`);
  }
  return compareCursorValues(a.type, a.value, b.value);
}

/**
 * Text whose order by bytes (UTF-8, collation C or BINARY) is the order of the values, for SQL to
 * compare and sort by. Texts and tokens are their own.
 */
export function sortKey(type: CursorType, value: string): string {
  switch (type) {
    case "timestamp_utc":
      return timestampSortKey(value);
    case "numeric_id":
    case "offset":
      return decimalSortKey(value);
    case "text":
    case "opaque_token":
      return value;
  }
}

/**
 * The value one step up (1) or down (-1). Offsets end at 0. A text has no precision: upwards it is
 * the very next text, downwards one that is surely lower. Throws `ARGUMENT_INVALID` for tokens and
 * for a precision that does not fit the type.
 */
export function stepCursor(type: CursorType, value: string, precision: Precision, direction: 1 | -1): string {
  switch (type) {
    case "timestamp_utc":
      return nanosecondsToTimestamp(
        timestampToNanoseconds(value) + BigInt(direction) * precisionNanoseconds(precision),
      );
    case "numeric_id":
      return stepNumber(value, precision, direction);
    case "offset": {
      const stepped = stepNumber(value, precision, direction);
      return stepped.startsWith("-") ? "0" : stepped;
    }
    case "text":
      return direction === 1 ? textAfter(value) : textBefore(value);
    case "opaque_token":
      throw unordered("stepped");
  }
}

function stepNumber(value: string, precision: Precision, direction: 1 | -1): string {
  const amount = precisionAmount(precision);
  return direction === 1 ? addDecimals(value, amount) : subtractDecimals(value, amount);
}

/**
 * The largest multiple of the precision, counted from 1970 or from 0, that is not above the value. A
 * precision of zero and texts leave the value as it is. Throws `ARGUMENT_INVALID` as `stepCursor` does.
 */
export function floorCursor(type: CursorType, value: string, precision: Precision): string {
  switch (type) {
    case "timestamp_utc": {
      const length = precisionNanoseconds(precision);
      return length === 0n
        ? value
        : nanosecondsToTimestamp(floorUnits(timestampToNanoseconds(value), length));
    }
    case "numeric_id":
    case "offset": {
      const amount = precisionAmount(precision);
      return isZero(precision) ? value : floorDecimal(value, amount);
    }
    case "text":
      return value;
    case "opaque_token":
      throw unordered("rounded");
  }
}

function unordered(done: string): TidemarkError {
  return new TidemarkError(
    "ARGUMENT_INVALID",
    `Cursors of type opaque_token have no order and cannot be ${done}`,
    {
      hint: "Use a cursor of another type where order is needed.",
    },
  );
}
