import { canonicalTimestamp, isWithinYears, nanosecondOfCanonical, secondsOfCanonical } from "./calendar.ts";
import { canonicalDecimal, floorUnits } from "./decimal.ts";
import { ExactNumber } from "./exact-number.ts";
import { ambiguitySince, checkTimeZone, unclearSince } from "./time-zone.ts";
import { parseIsoTimestamp } from "./timestamp-iso.ts";
import { compilePattern, formatByPattern, parseByPattern } from "./timestamp-pattern.ts";
import { unreadableValue } from "./unreadable-value.ts";

const epochKinds = ["epoch_s", "epoch_ms", "epoch_us", "epoch_ns"] as const;

/**
 * How a source writes timestamps: ISO 8601, a count since 1970, or a Unicode date pattern. `timezone`
 * is the zone of wall times that say no offset of their own.
 */
export type CursorFormat =
  | { readonly kind: "iso8601" | (typeof epochKinds)[number]; readonly timezone: string }
  | { readonly kind: "pattern"; readonly pattern: string; readonly timezone: string };

/** ISO 8601, in UTC where no offset is said. */
export const isoFormat: CursorFormat = { kind: "iso8601", timezone: "UTC" };

/**
 * A format as pipelines name it: `iso8601`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`, or a date
 * pattern (`dd.MM.yyyy HH:mm:ss`). Throws `ARGUMENT_INVALID` for any other text and for a name that is
 * no time zone.
 */
export function parseCursorFormat(text: string, timezone: string): CursorFormat {
  checkTimeZone(timezone);
  const kind = text === "iso8601" ? text : epochKinds.find((epoch) => epoch === text);
  if (kind !== undefined) return { kind, timezone };
  compilePattern(text);
  return { kind: "pattern", pattern: text, timezone };
}

const nanosecondsPerSecond = 1_000_000_000n;

/** How many digits after the point make one second out of an epoch's unit. */
const epochDigits = { epoch_s: 0, epoch_ms: 3, epoch_us: 6, epoch_ns: 9 } as const;
const epochNames = {
  epoch_s: "seconds",
  epoch_ms: "milliseconds",
  epoch_us: "microseconds",
  epoch_ns: "nanoseconds",
};

/**
 * The canonical text of a timestamp as a source gives it: `YYYY-MM-DDTHH:MM:SS[.fraction]Z`, with up
 * to nine digits of fraction and no zeros at their end. Years outside 0000 to 9999 have a sign and six
 * digits. Nothing is ever rounded: a value finer than a nanosecond is refused.
 *
 * Throws `CURSOR_INVALID` saying the value and the expected form.
 */
export function parseTimestamp(raw: unknown, format: CursorFormat): string {
  if (format.kind === "iso8601") {
    if (typeof raw === "string") return parseIsoTimestamp(raw, format.timezone);
    throw unreadableValue(raw, "an ISO 8601 timestamp", isoHint(raw));
  }
  if (format.kind === "pattern") {
    if (typeof raw !== "string") throw unreadableValue(raw, `a timestamp by the pattern ${format.pattern}`);
    return parseByPattern(raw, compilePattern(format.pattern), format.timezone);
  }
  return parseEpoch(raw, format.kind);
}

function isoHint(raw: unknown): string | undefined {
  const isNumber = typeof raw === "number" || typeof raw === "bigint" || raw instanceof ExactNumber;
  return isNumber ? "declare the format epoch_s, epoch_ms, epoch_us or epoch_ns for numbers" : undefined;
}

type EpochKind = keyof typeof epochDigits;

function parseEpoch(raw: unknown, kind: EpochKind): string {
  const digits = epochDigits[kind];
  const expected = `${epochNames[kind]} since 1970`;
  if (typeof raw === "number" && Number.isSafeInteger(raw)) return epochFromInteger(raw, digits, expected);
  const [whole = "0", fraction = ""] = epochDecimal(raw, kind, expected).split(".");
  if (fraction.length > 9 - digits) throw unreadableValue(raw, expected, "it is finer than a nanosecond");
  return timestampOf(BigInt(whole + fraction.padEnd(9 - digits, "0")), raw, expected);
}

/** Whole numbers, as most sources give them, by remainders: these are exact where a quotient is not. */
function epochFromInteger(value: number, digits: number, expected: string): string {
  const perSecond = 10 ** digits;
  const rest = value % perSecond;
  const below = rest < 0 ? rest + perSecond : rest;
  const seconds = (value - rest) / perSecond - (rest < 0 ? 1 : 0);
  if (!isWithinYears(seconds)) throw unreadableValue(value, expected, "the year is out of range");
  return canonicalTimestamp(seconds, below * 10 ** (9 - digits));
}

/** `/Date(1767225600000+0100)/`, as .NET writes dates in JSON: the count is in UTC, whatever the offset says. */
const dotNetDate = /^\/Date\((-?\d{1,17})(?:[+-]\d{4})?\)\/$/;

function epochDecimal(raw: unknown, kind: EpochKind, expected: string): string {
  if (typeof raw === "number" && Math.abs(raw) > Number.MAX_SAFE_INTEGER) {
    throw unreadableValue(raw, expected, "the number is too large to have kept its digits");
  }
  const isText = typeof raw === "string" || raw instanceof ExactNumber;
  if (!isText && typeof raw !== "number" && typeof raw !== "bigint") throw unreadableValue(raw, expected);
  const text = String(raw);
  const decimal = canonicalDecimal(kind === "epoch_ms" ? (dotNetDate.exec(text)?.[1] ?? text) : text);
  if (decimal === null) throw unreadableValue(raw, expected);
  return decimal;
}

/** Nanoseconds since 1970. */
export function timestampToNanoseconds(canonical: string): bigint {
  return (
    BigInt(secondsOfCanonical(canonical)) * nanosecondsPerSecond + BigInt(nanosecondOfCanonical(canonical))
  );
}

/** The canonical text of nanoseconds since 1970. Throws `CURSOR_INVALID` outside ±999,999 years. */
export function nanosecondsToTimestamp(nanoseconds: bigint): string {
  return timestampOf(nanoseconds, nanoseconds, "nanoseconds since 1970");
}

function timestampOf(nanoseconds: bigint, raw: unknown, expected: string): string {
  const whole = floorUnits(nanoseconds, nanosecondsPerSecond);
  const seconds = Number(whole / nanosecondsPerSecond);
  if (!isWithinYears(seconds)) throw unreadableValue(raw, expected, "the year is out of range");
  return canonicalTimestamp(seconds, Number(nanoseconds - whole));
}

/** The canonical text of whole milliseconds since 1970, as clocks give them. */
export function millisecondsToTimestamp(milliseconds: number): string {
  return parseTimestamp(milliseconds, { kind: "epoch_ms", timezone: "UTC" });
}

/**
 * The text to send to a source for a canonical timestamp. ISO 8601 is always in UTC. Where the format
 * is coarser than the value (whole seconds, a pattern without fraction) the text is the last one that
 * is not later, so a lower bound made of it never excludes the value itself.
 */
export function formatTimestamp(canonical: string, format: CursorFormat): string {
  if (format.kind === "iso8601") return canonical;
  if (format.kind === "pattern") {
    return formatByPattern(canonical, compilePattern(format.pattern), format.timezone);
  }
  const nanoseconds = timestampToNanoseconds(canonical);
  const unit = 10n ** BigInt(9 - epochDigits[format.kind]);
  return (floorUnits(nanoseconds, unit) / unit).toString();
}

/**
 * The text to send as a lower bound. It is `formatTimestamp`'s, save where the format says local time
 * without an offset and the clocks of the zone show that time twice, as when summer time ends: then
 * it is a time just before, so that a source that takes the other of the two meanings, or compares
 * texts, still gives every record from `canonical` on.
 */
export function formatLowerBound(canonical: string, format: CursorFormat): string {
  if (format.kind !== "pattern" || compilePattern(format.pattern).hasOffset)
    return formatTimestamp(canonical, format);
  const since = ambiguitySince(secondsOfCanonical(canonical), format.timezone);
  if (since === null) return formatTimestamp(canonical, format);
  return formatTimestamp(canonicalTimestamp(since - 1, 999_999_999), format);
}

/**
 * Whether a format has local times, without an offset, of a zone with clock changes, so that some times are ambiguous.
 */
export function hasUnclearTimes(format: CursorFormat): boolean {
  if (format.timezone === "UTC" || /^[+-]/.test(format.timezone)) return false;
  if (format.kind === "pattern") return !compilePattern(format.pattern).hasOffset;
  return format.kind === "iso8601";
}

/**
 * The beginning of the period around a point in time in which a source's local times are ambiguous (the repeated hour,
 * or the skipped one). Null where they are not. Only for formats with `hasUnclearTimes`.
 */
export function unclearFrom(canonical: string, { timezone }: CursorFormat): string | null {
  const since = unclearSince(secondsOfCanonical(canonical), timezone);
  return since === null ? null : canonicalTimestamp(since, 0);
}

/** Below 0, 0 or above 0 as the first canonical text is the earlier, the same or the later. */
export function compareTimestamps(a: string, b: string): number {
  if (a === b) return 0;
  const aPlain = a.charCodeAt(0) >= 48;
  const bPlain = b.charCodeAt(0) >= 48;
  if (!aPlain || !bPlain) return compareExtended(a, b);
  if (a.length === b.length) return a < b ? -1 : 1;
  // The Z sorts after the point and the digits, so texts of different length need a separate comparison.
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    if (x === 90) return -1;
    if (y === 90) return 1;
    return x - y;
  }
  return a.length - b.length;
}

function compareExtended(a: string, b: string): number {
  const left = timestampSortKey(a);
  const right = timestampSortKey(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** ASCII text whose byte order is the order of time: the text without `Z`, years before 0 turned round. */
export function timestampSortKey(canonical: string): string {
  const first = canonical[0];
  const rest = canonical.slice(1, -1);
  if (first === "+") return `~${rest}`;
  if (first !== "-") return first + rest;
  return `-${String(999_999 - Number(rest.slice(0, 6))).padStart(6, "0")}${rest.slice(6)}`;
}
