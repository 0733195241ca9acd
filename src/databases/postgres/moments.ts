import { isoFormat, parseTimestamp } from "../../model/timestamp.ts";
import { dayOnly, leapSecond, leapSecondAt, secondDigits } from "../table/value-checks.ts";

/** Why a text is not taken as a day or a time, in words; null where it is. */
type TextCheck = (text: string) => string | null;

const zero = 48;
const dash = 45;
const upperZ = 90;

/** MySQL has days and years that are none. */
function noSuchDay(text: string): boolean {
  if (text.charCodeAt(4) !== dash || text.charCodeAt(7) !== dash) return false;
  const zeros = (at: number) => text.charCodeAt(at) === zero && text.charCodeAt(at + 1) === zero;
  return zeros(5) || zeros(8) || (zeros(0) && zeros(2));
}

/** A year of two digits would be guessed, and a word like `now` is another day tomorrow. */
function unclearDay(text: string): string | null {
  if (noSuchDay(text)) return "PostgreSQL has no such day";
  const startsWithYear = text.charCodeAt(4) === dash && text.charCodeAt(0) !== dash;
  if (startsWithYear || /\d{4}/.test(text) || infinity.test(text)) return null;
  return "it says no day with a year of four digits";
}

const infinity = /^[-+]?infinity$/i;

/** A day alone, in numbers or with the name of its month. PostgreSQL drops a time and a zone behind it. */
const dayForm =
  /^(?:\d{4,7}([-/.])\d{1,2}\1\d{1,2}Z?|\d{8}|\d{4}[- ][a-z]{3,9}[- ]\d{1,2}|(?:[a-z]{3,9},? )?(?:\d{1,2}[- ][a-z]{3,9}[- ,]|[a-z]{3,9} \d{1,2},? ) ?\d{4})(?: (?:BC|AD))?$/i;

export function day(text: string): string | null {
  const unclear = unclearDay(text);
  if (unclear !== null) return unclear;
  const isDay = dayForm.test(text.trim()) || dayOnly.test(text) || infinity.test(text);
  return isDay ? null : "the column holds days, and would drop the time or the zone";
}

const localForm =
  /^\d{4,6}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?(?:Z|UTC|([+-]\d\d(?::?\d\d(?::?\d\d)?)?)))?)?(?: BC)?$/i;

/**
 * A moment for a column without a zone. PostgreSQL reads any zone there and drops it, so only what Tidemark
 * reads in whole is taken; `localMoment` then writes it in UTC.
 */
export function moment(digits: number): TextCheck {
  const tooFine = secondDigits(digits);
  return (text) => {
    const unclear = unclearDay(text);
    if (unclear !== null) return unclear;
    const given = text.trim();
    const form = localForm.exec(given);
    if (form === null) return infinity.test(given) ? null : noLocalForm;
    if (leapSecond(given)) return leapSecondAt;
    if (form[1] !== undefined && inUtc(given) === null)
      return "there is no such day, time or offset from UTC";
    return tooFine(given);
  };
}

const noLocalForm =
  "the column has no zone, and PostgreSQL would drop the one that a text says. Only ISO 8601, without a zone or with a numeric offset, is kept for sure: write it like 2026-01-31T23:59:59-05:00, or make the column a timestamptz";

/** The text of a moment for a column without a zone: in UTC where it has an offset, and else as it is. */
export function localMoment(text: string): string {
  const given = text.trim();
  return localForm.exec(given)?.[1] === undefined ? text : (inUtc(given) ?? text);
}

/** As PostgreSQL writes it, without a zone; null for a day, a time or an offset that is none. */
function inUtc(text: string): string | null {
  let canonical: string;
  try {
    canonical = parseTimestamp(text.replace(/ bc$/, " BC"), isoFormat);
  } catch {
    return null;
  }
  const [, sign, year = "", rest = ""] = /^([+-]?)(\d+)(.*)Z$/.exec(canonical) ?? [];
  const number = sign === "-" ? -Number(year) : Number(year);
  return number > 0
    ? `${String(number).padStart(4, "0")}${rest}`
    : `${String(1 - number).padStart(4, "0")}${rest} BC`;
}

/** A moment for a column with a zone, in any form that the server reads exactly. */
export function zonedMoment(digits: number): TextCheck {
  const tooFine = secondDigits(digits);
  return (text) => {
    const unclear = unclearDay(text);
    if (unclear !== null) return unclear;
    if (leapSecond(text)) return leapSecondAt;
    if (behindUtc.test(text)) return turnedOffset;
    // As much as a date, a time with `digits` of a second, and a Z have in all.
    const zone = text.charCodeAt(text.length - 1) === upperZ ? 1 : 0;
    return text.length <= 20 + digits + zone ? null : tooFine(text);
  };
}

/** PostgreSQL reads `UTC+2` as POSIX does: as two hours behind UTC. */
const behindUtc = /(?<![a-z/])(?:UTC?|GMT|Z) ?[+-]\d/i;
const turnedOffset =
  "PostgreSQL takes the offset behind UTC, GMT or Z for the opposite one: write the offset alone, as +02:00";

/** The bounds of a range or of several, each checked. A bound's offset would be dropped from `tsrange`. */
export function bounds(check: TextCheck): TextCheck {
  return (text) => {
    if (/^\s*empty\s*$/i.test(text)) return null;
    for (const bound of text.split(/[[\](){},"]/)) {
      const problem = bound.trim() === "" ? null : check(bound);
      if (problem !== null) return problem;
    }
    return null;
  };
}

/** A bound of a range of moments without a zone, which is written as it is. */
export function localBound(text: string): string | null {
  const problem = momentBound(text);
  if (problem !== null) return problem;
  const offset = localForm.exec(text.trim())?.[1];
  return offset !== undefined && /[1-9]/.test(offset) ? noLocalForm : null;
}

const momentBound = moment(6);
