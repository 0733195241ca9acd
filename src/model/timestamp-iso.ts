import {
  canonicalTimestamp,
  daysInMonth,
  isWithinYears,
  secondsOfWallTime,
  secondsPerDay,
  type WallTime,
  wallTimeProblem,
} from "./calendar.ts";
import { trimZerosAtEnd } from "./decimal.ts";
import { secondsOfLocal } from "./time-zone.ts";
import { unreadableValue } from "./unreadable-value.ts";

const expected = "an ISO 8601 timestamp (2026-01-31T23:59:59.123456Z)";

const syntax =
  /^([+-]?\d{4,6})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?(?:([Zz]|UTC)|([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?))?)?( BC)?$/;

/**
 * The canonical text of an ISO 8601 timestamp, or of the like that databases print: a date alone, a
 * space for the `T`, a comma for the point, offsets as `+02:00`, `+0200` or `+02`, years of up to 6
 * digits. A wall time without offset is read in `timezone`. A text that is canonical already comes
 * back after a cheap check. Throws `CURSOR_INVALID`.
 */
export function parseIsoTimestamp(text: string, timezone: string): string {
  if (hasPlainWallTime(text)) {
    const utc = inUtcAlready(text);
    if (utc !== null) return utc;
  }
  if (text.endsWith("]")) return parseWithZoneName(text);
  const match = syntax.exec(text);
  if (match === null) throw unreadableValue(text, expected, reasonOf(text));
  const [, year = "", month, day, hour, minute, second, fraction = "", utc, sign, ...rest] = match;
  const [offsetHour, offsetMinute, offsetSecond, era] = rest;
  const wall: WallTime = {
    year: yearOf(text, year, era !== undefined),
    month: Number(month),
    day: Number(day),
    hour: Number(hour ?? 0),
    minute: Number(minute ?? 0),
    second: Number(second ?? 0),
    nanosecond: nanosecondOfFraction(text, fraction),
  };
  const local = localSeconds(text, wall, expected);
  let seconds = local;
  if (sign !== undefined) seconds -= offsetSeconds(text, sign, offsetHour, offsetMinute, offsetSecond);
  else if (utc === undefined) seconds = secondsOfLocal(local, timezone);
  if (!isWithinYears(seconds)) throw unreadableValue(text, expected, "the year is out of range");
  return canonicalTimestamp(seconds, wall.nanosecond);
}

/** An offset, and behind it what RFC 9557 allows: `2026-01-31T01:00:00+01:00[Europe/Paris]`. */
const withZoneName = /^(.*(?:[Zz]|[+-]\d\d(?::?\d\d){0,2}))(?:\[[^[\]]{1,80}\])+$/;

/** The offset in front says the moment; the name of the zone adds nothing to it. */
function parseWithZoneName(text: string): string {
  const [, moment] = /^.{10}[Tt ]/.test(text) ? (withZoneName.exec(text) ?? []) : [];
  if (moment === undefined) {
    throw unreadableValue(text, expected, "a zone in brackets needs an offset in front of it, as +01:00");
  }
  return parseIsoTimestamp(moment, "UTC");
}

function reasonOf(text: string): string | undefined {
  if (/^[+-]?infinity$/i.test(text)) return "infinity is no point in time";
  return text.startsWith("/Date(") ? "declare the format epoch_ms, which reads /Date(…)/ too" : undefined;
}

function yearOf(text: string, digits: string, beforeChrist: boolean): number {
  const year = Number(digits);
  if (!beforeChrist) return year === 0 ? 0 : year;
  if (!/^\d/.test(digits) || year === 0) throw unreadableValue(text, expected, "there is no such year BC");
  return 1 - year;
}

function offsetSeconds(text: string, sign: string, hour?: string, minute?: string, second?: string): number {
  const hours = Number(hour ?? 0);
  const minutes = Number(minute ?? 0);
  const seconds = Number(second ?? 0);
  if (hours > 23 || minutes > 59 || seconds > 59)
    throw unreadableValue(text, expected, "there is no such offset");
  const size = hours * 3600 + minutes * 60 + seconds;
  return sign === "-" ? -size : size;
}

/** The nanoseconds that the digits after the point say. More than nine that count are never cut. */
function nanosecondOfFraction(text: string, fraction: string): number {
  const digits = fraction.length > 9 ? trimZerosAtEnd(fraction) : fraction;
  if (digits.length > 9) throw unreadableValue(text, expected, "it is finer than a nanosecond");
  return digits === "" ? 0 : Number(digits.padEnd(9, "0"));
}

/** The wall time in seconds since 1970 as if it were UTC; 24:00 is the next day's beginning. */
export function localSeconds(text: string, wall: WallTime, what: string): number {
  if (wall.hour === 24 && wall.minute === 0 && wall.second === 0 && wall.nanosecond === 0) {
    return localSeconds(text, { ...wall, hour: 0 }, what) + secondsPerDay;
  }
  const problem = wallTimeProblem(wall);
  if (problem !== null) throw unreadableValue(text, what, problem);
  return secondsOfWallTime(wall);
}

const digitZero = 48;
const minus = 45;
const point = 46;
const colon = 58;
const space = 32;
const upperT = 84;
const lowerT = 116;
const upperZ = 90;

/** Whether a text begins with a date, any separator and a time of day that exist, in 19 characters. */
function hasPlainWallTime(text: string): boolean {
  if (text.length < 19 || text.charCodeAt(4) !== minus || text.charCodeAt(7) !== minus) return false;
  if (text.charCodeAt(13) !== colon || text.charCodeAt(16) !== colon) return false;
  const century = twoDigitsAt(text, 0);
  const yearOfCentury = twoDigitsAt(text, 2);
  const month = twoDigitsAt(text, 5);
  const day = twoDigitsAt(text, 8);
  if (century > 99 || yearOfCentury > 99 || month < 1 || month > 12 || day < 1) return false;
  if (day > 28 && day > daysInMonth(century * 100 + yearOfCentury, month)) return false;
  return twoDigitsAt(text, 11) <= 23 && twoDigitsAt(text, 14) <= 59 && twoDigitsAt(text, 17) <= 59;
}

/**
 * The canonical text where nothing has to be calculated: the text itself, or one in UTC that is only
 * spelt otherwise (`2026-01-31 23:59:59.120+00`). Null for all others.
 */
function inUtcAlready(text: string): string | null {
  const separator = text.charCodeAt(10);
  const last = text.length - 1;
  if (separator === upperT && text.charCodeAt(last) === upperZ) {
    if (last === 19 || isCanonicalFraction(text, last)) return text;
  } else if (separator !== upperT && separator !== lowerT && separator !== space) {
    return null;
  }
  const zone = text.charCodeAt(19) === point ? endOfDigits(text, 20) : 19;
  if (zone === 20 || !utcSuffixes.has(text.slice(zone))) return null;
  const fraction = zone === 19 ? "" : trimZerosAtEnd(text.slice(20, zone));
  if (fraction.length > 9) return null;
  const seconds = `${text.slice(0, 10)}T${text.slice(11, 19)}`;
  return fraction === "" ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

function endOfDigits(text: string, start: number): number {
  let at = start;
  for (;;) {
    const digit = text.charCodeAt(at) - digitZero;
    if (!(digit >= 0 && digit <= 9)) return at;
    at++;
  }
}

const utcSuffixes: ReadonlySet<string> = new Set(["Z", "z", "+00", "+0000", "+00:00"]);

/** A point, then one to nine digits of which the last is not 0, up to the `Z` at `end`. */
function isCanonicalFraction(text: string, end: number): boolean {
  if (end < 21 || end > 29 || text.charCodeAt(19) !== point || text.charCodeAt(end - 1) === digitZero)
    return false;
  for (let i = 20; i < end; i++) {
    const digit = text.charCodeAt(i) - digitZero;
    if (digit < 0 || digit > 9) return false;
  }
  return true;
}

/** The number two digits say; 100 where one of them is none. */
function twoDigitsAt(text: string, at: number): number {
  const tens = text.charCodeAt(at) - digitZero;
  const ones = text.charCodeAt(at + 1) - digitZero;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : 100;
}
