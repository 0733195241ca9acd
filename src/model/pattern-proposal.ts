import { isTidemarkError } from "../errors.ts";
import { compilePattern, parseByPattern } from "./timestamp-pattern.ts";

/** A longer text is no date. */
const longest = 60;

const monthNames = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec";
const month = `(?<name>(?:${monthNames})[a-z]*)`;
const weekday = "(?:(?<weekday>(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*)(?<behind>,? ))?";
const time =
  "(?<hour>\\d{1,2}):(?<minute>\\d\\d)(?::(?<second>\\d\\d)(?:(?<point>[.,])(?<fraction>\\d{1,9}))?)?(?:(?<gap> ?)(?<half>[AP]M))?";
const zone = "(?:(?<before> ?)(?<zone>Z|GMT|UTC|[+-]\\d\\d(?::?\\d\\d)?))?";
const clock = `(?:(?<joint>,? |T)${time}${zone})?`;

/** The ways in which dates are written that are not ISO 8601. */
const shapes = [
  // Sun, 01 Mar 2026 10:00:00 GMT; 01-Mar-2026
  `${weekday}(?<dayFirst>\\d{1,2})(?<one>[ -])${month}(?<two>[ -])(?<year>\\d{4}|\\d\\d)${clock}`,
  // March 1, 2026 10:00 AM
  `${weekday}${month}(?<one> )(?<day>\\d{1,2})(?<two>, | )(?<year>\\d{4})${clock}`,
  // Sun Mar 01 10:00:00 +0000 2026
  `${weekday}${month}(?<one> )(?<day>\\d{1,2})(?<joint> )${time}${zone}(?<two> )(?<yearLast>\\d{4})`,
  // 03/01/2026 10:00; 01.03.2026
  `(?<first>\\d{1,2})(?<one>[/.-])(?<other>\\d{1,2})(?<two>[/.-])(?<year>\\d{4}|\\d\\d)${clock}`,
  // 2026/03/01 10:00
  `(?<yearFirst>\\d{4})(?<one>[/.])(?<first>\\d{1,2})(?<two>[/.])(?<other>\\d{1,2})${clock}`,
].map((shape) => new RegExp(`^${shape}$`, "i"));

/** 20260301T100000Z, 20260301100000, 20260301 */
const compact = /^(?:19|20)\d{6}(?:(T?)\d{6}(Z|[+-]\d{4})?)?$/;

type Parts = Readonly<Record<string, string | undefined>>;

/**
 * The patterns by which a text may be read that is no ISO 8601 timestamp: none, one, or two where it is ambiguous which
 * number is the month. Each of them parses it.
 */
export function patternsThatRead(text: string): string[] {
  if (text.length > longest) return [];
  const found = new Set<string>();
  const together = compact.exec(text);
  if (together !== null) found.add(compactPattern(text, together));
  for (const shape of shapes) {
    const parts = shape.exec(text)?.groups;
    if (parts !== undefined) for (const pattern of patternsOf(parts)) found.add(pattern);
  }
  return [...found].filter((pattern) => reads(pattern, text));
}

function reads(pattern: string, text: string): boolean {
  try {
    parseByPattern(text, compilePattern(pattern), "UTC");
    return true;
  } catch (error) {
    if (isTidemarkError(error)) return false;
    throw error;
  }
}

function compactPattern(text: string, [, joint = "", offset]: readonly (string | undefined)[]): string {
  if (text.length === 8) return "yyyyMMdd";
  return `yyyyMMdd${joint === "" ? "" : "'T'"}HHmmss${zoneField(offset)}`;
}

function patternsOf(parts: Parts): string[] {
  const { day, dayFirst, one = "", two = "", year, yearFirst, yearLast } = parts;
  const field = fields(parts);
  const clockTime = clockPattern(parts, field);
  const dayOfName = dayFirst ?? day;
  if (dayOfName !== undefined) {
    const named = (parts.name ?? "").length > 3 ? "MMMM" : "MMM";
    const numbered = field("d");
    const ahead = `${weekdayField(parts)}${dayFirst !== undefined ? `${numbered}${one}${named}` : `${named}${one}${numbered}`}`;
    return yearLast === undefined
      ? [`${ahead}${two}${yearField(year)}${clockTime}`]
      : [`${ahead}${clockTime}${two}yyyy`];
  }
  if (yearFirst !== undefined) return [`yyyy${one}${field("M")}${two}${field("d")}${clockTime}`];
  const tail = `${two}${yearField(year)}${clockTime}`;
  return [`${field("M")}${one}${field("d")}${tail}`, `${field("d")}${one}${field("M")}${tail}`];
}

function weekdayField({ weekday: name, behind = "" }: Parts): string {
  if (name === undefined) return "";
  return `${name.length > 3 ? "EEEE" : "EEE"}${behind}`;
}

/** One digit alone shows that numbers have no zeros in front: those of the date, and so hours of a half day. */
function fields({ dayFirst, day, first, other, hour = "", half }: Parts): (letter: string) => string {
  const isPlain = [dayFirst, day, first, other].some((digits) => digits?.length === 1);
  const isPlainHour = hour.length === 1 || (isPlain && half !== undefined);
  return (letter) => ((/h/i.test(letter) ? isPlainHour : isPlain) ? letter : letter + letter);
}

function yearField(digits = ""): string {
  return digits.length === 2 ? "yy" : "yyyy";
}

function clockPattern(parts: Parts, field: (letter: string) => string): string {
  const { joint, hour, second, point, fraction, gap = "", half, before = "", zone: offset } = parts;
  if (joint === undefined || hour === undefined) return "";
  const seconds = second === undefined ? "" : ":ss";
  const decimals = fraction === undefined ? "" : `${point}${"S".repeat(fraction.length)}`;
  const halfDay = half === undefined ? "" : `${gap}a`;
  const separator = joint.toUpperCase() === "T" ? "'T'" : joint;
  return `${separator}${field(half === undefined ? "H" : "h")}:mm${seconds}${decimals}${halfDay}${before}${zoneField(offset)}`;
}

function zoneField(offset: string | undefined): string {
  if (offset === undefined) return "";
  if (/^[a-z]{2}/i.test(offset)) return `'${offset}'`;
  if (offset.toUpperCase() === "Z") return "X";
  if (offset.includes(":")) return "xxx";
  return offset.length === 3 ? "x" : "xx";
}
