import { TidemarkError } from "../errors.ts";
import {
  canonicalTimestamp,
  isWithinYears,
  nanosecondOfCanonical,
  secondsOfCanonical,
  two,
  type WallTime,
  wallTimeOfSeconds,
} from "./calendar.ts";
import { fieldOf, type PatternField, type Reading } from "./pattern-fields.ts";
import { offsetAt, secondsOfLocal } from "./time-zone.ts";
import { localSeconds } from "./timestamp-iso.ts";
import { unreadableValue } from "./unreadable-value.ts";

/** A pattern, ready to parse and to format. */
export interface CompiledPattern {
  readonly pattern: string;
  readonly parts: readonly (string | PatternField)[];
  /** Whether texts say their own offset; otherwise the format's zone applies. */
  readonly hasOffset: boolean;
  /** Whether years have two digits only. */
  readonly hasShortYear: boolean;
}

const compiled = new Map<string, CompiledPattern>();

/**
 * Compiles a Unicode date pattern (`dd.MM.yyyy HH:mm:ss`), once. It may hold `yyyy yy MMMM MMM MM M
 * dd d EEEE EEE HH H hh h a mm m ss s`, `S` to `SSSSSSSSS`, the offsets `X XX XXX x xx xxx Z`, text in
 * `'quotes'`, and anything that is no letter. Throws `ARGUMENT_INVALID` for other letters and for
 * patterns that do not say one moment, such as hours without a day.
 */
export function compilePattern(pattern: string): CompiledPattern {
  let entry = compiled.get(pattern);
  if (entry === undefined) {
    entry = compile(pattern);
    compiled.set(pattern, entry);
  }
  return entry;
}

const piece = /'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+|'/g;

function compile(pattern: string): CompiledPattern {
  const parts: (string | PatternField)[] = [];
  for (const [text, quoted, letter] of pattern.matchAll(piece)) {
    if (letter !== undefined) parts.push(fieldOf(text) ?? fail(pattern, unknownField(text)));
    else if (quoted !== undefined) parts.push(quoted === "" ? "'" : quoted.replaceAll("''", "'"));
    else if (text === "'") fail(pattern, "a quote is not closed");
    else parts.push(text);
  }
  const fields = parts.filter((part) => typeof part !== "string");
  checkFields(pattern, fields);
  return {
    pattern,
    parts,
    hasOffset: fields.some((field) => field.sets === "offset"),
    hasShortYear: fields.some((field) => field.letters === "yy"),
  };
}

function unknownField(letters: string): string {
  if (letters.startsWith("z")) {
    return `${letters} is not supported, since names of zones are ambiguous; write 'GMT' in quotes and declare the timezone`;
  }
  if (letters.startsWith("Y")) return `${letters} is the year of weeks; write yyyy`;
  if (letters.startsWith("D")) return `${letters} is the day of the year; write dd`;
  return `${letters} is not a supported field; text goes in 'quotes'`;
}

/** Each coarser unit that must be there for a finer one to mean one moment. */
const needs: ReadonlyMap<string, string> = new Map([
  ["month", "year"],
  ["day", "month"],
  ["hour", "day"],
  ["hour12", "day"],
  ["minute", "hour"],
  ["second", "minute"],
  ["fraction", "second"],
]);

function checkFields(pattern: string, fields: readonly PatternField[]): void {
  const seen = new Set<string>();
  for (const { sets } of fields) {
    if (seen.has(sets)) fail(pattern, `it says the ${nameOf(sets)} twice`);
    seen.add(sets);
  }
  if (!seen.has("year")) fail(pattern, "it has no year");
  if (seen.has("hour") && seen.has("hour12")) fail(pattern, "it says the hour twice");
  if (seen.has("hour12") !== seen.has("half")) fail(pattern, "h (1 to 12) and a (AM, PM) go together");
  for (const sets of seen) {
    const needed = needs.get(sets);
    if (needed === undefined || seen.has(needed) || (needed === "hour" && seen.has("hour12"))) continue;
    fail(pattern, `it has a ${nameOf(sets)} and no ${needed}`);
  }
}

function nameOf(sets: string): string {
  if (sets === "hour12") return "hour";
  return sets === "half" ? "half of the day" : sets;
}

function fail(pattern: string, why: string): never {
  throw new TidemarkError(
    "ARGUMENT_INVALID",
    `The date pattern ${JSON.stringify(pattern)} cannot be used: ${why}`,
    {
      hint: "Use the fields yyyy MM dd HH mm ss SSS XXX and their like, with text in 'quotes'.",
    },
  );
}

/** The canonical text of what a source wrote by the pattern. Throws `CURSOR_INVALID`. */
export function parseByPattern(text: string, compiled: CompiledPattern, timezone: string): string {
  const expected = `a timestamp by the pattern ${compiled.pattern}`;
  const reading: Reading = { year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanosecond: 0 };
  let at = 0;
  for (const part of compiled.parts) {
    if (typeof part === "string") {
      if (!text.startsWith(part, at)) {
        throw unreadableValue(text, expected, `${JSON.stringify(part)} is missing at character ${at + 1}`);
      }
      at += part.length;
    } else {
      const end = part.read(text, at, reading);
      if (end < 0)
        throw unreadableValue(text, expected, `${part.letters} does not fit at character ${at + 1}`);
      at = end;
    }
  }
  if (at < text.length) throw unreadableValue(text, expected, `it goes on after character ${at}`);
  if (reading.afternoon !== undefined) reading.hour = (reading.hour % 12) + (reading.afternoon ? 12 : 0);
  const local = localSeconds(text, reading, expected);
  const seconds = reading.offset === undefined ? secondsOfLocal(local, timezone) : local - reading.offset;
  if (!isWithinYears(seconds)) throw unreadableValue(text, expected, "the year is out of range");
  return canonicalTimestamp(seconds, reading.nanosecond);
}

/**
 * What a source calls a point in time; what is finer than the pattern is cut off, so the result is
 * never later. Throws `CURSOR_INVALID` for a year that the pattern cannot say.
 */
export function formatByPattern(canonical: string, compiled: CompiledPattern, timezone: string): string {
  const seconds = secondsOfCanonical(canonical);
  const offset = offsetAt(seconds, timezone);
  const wall = wallTimeOfSeconds(seconds + offset, nanosecondOfCanonical(canonical));
  checkYear(canonical, wall, compiled);
  let text = "";
  for (const part of compiled.parts) text += typeof part === "string" ? part : part.write(wall, offset);
  return text;
}

function checkYear(canonical: string, wall: WallTime, { pattern, hasShortYear }: CompiledPattern): void {
  const first = hasShortYear ? 1969 : 0;
  const last = hasShortYear ? 2068 : 9999;
  if (wall.year >= first && wall.year <= last) return;
  throw new TidemarkError(
    "CURSOR_INVALID",
    `${canonical} cannot be written by the pattern ${pattern}, which has the years ${two(first)} to ${last}`,
  );
}
