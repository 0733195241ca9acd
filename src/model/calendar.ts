import { trimZerosAtEnd } from "./decimal.ts";

/**
 * The proleptic Gregorian calendar in UTC, by whole-number arithmetic. Points in time are whole seconds since 1970 and
 * separate nanoseconds (0 to 999,999,999), so that no digit is lost.
 */

/** The years that a canonical text can hold. */
const firstYear = -999_999;
const lastYear = 999_999;

/** A reading of a clock and a calendar, in no particular zone. */
export interface WallTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly nanosecond: number;
}

export const secondsPerDay = 86_400;

const daysPerEra = 146_097;
const daysTo1970 = 719_468;

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days since 1970-01-01; the year is counted from March so that the leap day is its last. */
export function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * daysPerEra + dayOfEra - daysTo1970;
}

/** The date of a day since 1970-01-01. */
function dateOfDay(days: number): { year: number; month: number; day: number } {
  const shifted = days + daysTo1970;
  const era = Math.floor(shifted / daysPerEra);
  const dayOfEra = shifted - era * daysPerEra;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  };
}

/** Whole seconds since 1970 of a wall time read as UTC. */
export function secondsOfWallTime(wall: WallTime): number {
  return (
    daysSince1970(wall.year, wall.month, wall.day) * secondsPerDay +
    wall.hour * 3600 +
    wall.minute * 60 +
    wall.second
  );
}

/** The wall time in UTC of a point in time. */
export function wallTimeOfSeconds(seconds: number, nanosecond: number): WallTime {
  const days = Math.floor(seconds / secondsPerDay);
  const rest = seconds - days * secondsPerDay;
  const { year, month, day } = dateOfDay(days);
  return {
    year,
    month,
    day,
    hour: Math.floor(rest / 3600),
    minute: Math.floor(rest / 60) % 60,
    second: rest % 60,
    nanosecond,
  };
}

/** What is wrong with a wall time from a text, for messages; null where it is valid. */
export function wallTimeProblem(wall: WallTime): string | null {
  if (wall.month < 1 || wall.month > 12) return `there is no month ${wall.month}`;
  const days = daysInMonth(wall.year, wall.month);
  if (wall.day < 1 || wall.day > days) {
    return `${yearText(wall.year)}-${two(wall.month)} has no day ${wall.day}`;
  }
  if (wall.second === 60) return "a leap second (:60) has no place in UTC as computers count it";
  if (wall.hour > 23 || wall.minute > 59 || wall.second > 59) return "there is no such time of day";
  return null;
}

/** 4 digits for the years 0 to 9999, a sign and 6 digits for all others. */
function yearText(year: number): string {
  if (year >= 0 && year <= 9999) return String(year).padStart(4, "0");
  return `${year < 0 ? "-" : "+"}${String(Math.abs(year)).padStart(6, "0")}`;
}

const firstSecond = daysSince1970(firstYear, 1, 1) * secondsPerDay;
const lastSecond = daysSince1970(lastYear + 1, 1, 1) * secondsPerDay - 1;

/** Whether the canonical text can express this point in time. */
export function isWithinYears(seconds: number): boolean {
  return seconds >= firstSecond && seconds <= lastSecond;
}

let latestDay = Number.NaN;
let latestDayText = "";

/** The canonical text of a point in time: `2026-01-31T23:59:59.5Z`. */
export function canonicalTimestamp(seconds: number, nanosecond: number): string {
  const days = Math.floor(seconds / secondsPerDay);
  if (days !== latestDay) {
    const { year, month, day } = dateOfDay(days);
    latestDayText = `${yearText(year)}-${two(month)}-${two(day)}`;
    latestDay = days;
  }
  const rest = seconds - days * secondsPerDay;
  const time = `${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`;
  return `${latestDayText}T${time}${fractionText(nanosecond)}Z`;
}

/** `.5`, or nothing for 0. */
function fractionText(nanosecond: number): string {
  return nanosecond === 0 ? "" : `.${trimZerosAtEnd(String(nanosecond).padStart(9, "0"))}`;
}

const twoDigits: readonly string[] = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, "0"));

export function two(n: number): string {
  return twoDigits[n] ?? String(n);
}

/** Whole seconds since 1970 of a canonical text. */
export function secondsOfCanonical(canonical: string): number {
  const at = yearLength(canonical);
  return (
    daysSince1970(
      Number(canonical.slice(0, at)),
      Number(canonical.slice(at + 1, at + 3)),
      Number(canonical.slice(at + 4, at + 6)),
    ) *
      secondsPerDay +
    Number(canonical.slice(at + 7, at + 9)) * 3600 +
    Number(canonical.slice(at + 10, at + 12)) * 60 +
    Number(canonical.slice(at + 13, at + 15))
  );
}

/** The nanoseconds of a canonical text, in addition to its whole seconds. */
export function nanosecondOfCanonical(canonical: string): number {
  const start = yearLength(canonical) + 16;
  return start >= canonical.length ? 0 : Number(canonical.slice(start, -1).padEnd(9, "0"));
}

/** How many characters the year of a canonical text has. */
function yearLength(canonical: string): number {
  const first = canonical.charCodeAt(0);
  return first >= 48 && first <= 57 ? 4 : 7;
}
