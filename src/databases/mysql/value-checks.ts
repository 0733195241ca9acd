import { isoFormat, parseTimestamp } from "../../model/timestamp.ts";
import type { FieldColumn } from "../table/column.ts";
import {
  bytes as byteLength,
  characters,
  dayOnly,
  decimalDigits,
  declaredOf,
  doubles,
  every,
  integers,
  leapSecond,
  leapSecondAt,
  numberText,
  ofTexts,
  onlyBytes,
  onlyTexts,
  parseDeclared,
  secondDigits,
  singles,
  truthValues,
  type ValueCheck,
} from "../table/value-checks.ts";

/**
 * Values that MySQL and MariaDB would accept and change silently, or with only a note: they round numbers, truncate
 * fractions of a second and times in dates, pad bytes, and read `1` in an ENUM as its first value.
 */
export function mysqlCheck(column: FieldColumn, made: boolean): ValueCheck | null {
  const declared = declaredOf(column);
  if (made && column.kind === "bytes") return onlyBytes;
  const choices = /^(enum|set)\((.*)\)$/is.exec(declared);
  if (choices !== null) return oneOf(choices[1] ?? "", choicesOf(choices[2] ?? ""));
  const { base, length, scale, rest } = parseDeclared(declared);
  const unsigned = /unsigned/.test(rest) || /unsigned/.test(base);
  const type = base.replace(/ unsigned| zerofill/g, "");
  if (column.kind === "boolean" && type === "tinyint") return truthValues;
  if (column.kind === "bytes" && type !== "binary") return bytesGiven;
  const bits = integerBits[type];
  if (bits !== undefined) return integersOf(bits, unsigned);
  switch (type) {
    case "decimal":
      return every(numbers(unsigned), decimalDigits((length ?? 10) - (scale ?? 0), scale ?? 0));
    case "float":
      return every(numbers(unsigned), singles, scale === null ? null : decimalDigits(64, scale));
    case "double":
      return every(numbers(unsigned), doubles, scale === null ? null : decimalDigits(400, scale));
    case "bit":
      return bitsOf(length ?? 1);
    case "year":
      return year;
    case "date":
      return onlyStrings((text) =>
        dayOnly.test(text) ? null : "the column holds days from 0000 to 9999, without a time",
      );
    case "datetime":
    case "timestamp":
      return onlyStrings(moment(length ?? 0));
    case "time":
      return onlyStrings(time(length ?? 0));
    case "char":
    case "varchar":
      return length === null ? null : characters(length);
    case "binary":
      return bytesOf(length ?? 1);
    case "json":
      return holdsCutNumber;
    default:
      return textBytes[type] === undefined ? null : withoutBlanksPast(textBytes[type]);
  }
}

const integerBits: Readonly<Record<string, bigint>> = {
  tinyint: 8n,
  smallint: 16n,
  mediumint: 24n,
  int: 32n,
  bigint: 64n,
};

const textBytes: Readonly<Record<string, number>> = { tinytext: 255, text: 65_535, mediumtext: 16_777_215 };

function integersOf(bits: bigint, unsigned: boolean): ValueCheck {
  return unsigned
    ? integers(0n, 2n ** bits - 1n, true)
    : integers(-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n, true);
}

function numbers(unsigned: boolean): ValueCheck {
  return (value) => {
    if (typeof value === "boolean") return null;
    if (typeof value === "number" && Number.isFinite(value) && (value >= 0 || !unsigned)) return null;
    const text = numberText(value);
    if (text === null) return "it is no number that MySQL has";
    return unsigned && text.startsWith("-") ? "the column is UNSIGNED" : null;
  };
}

/** Numbers in a column of days or times would be read as digits of one. */
function onlyStrings(check: (text: string) => string | null): ValueCheck {
  return onlyTexts("a day or a time", check);
}

const momentForm = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?(?:Z|[+-]\d\d(?::?\d\d)?))?)?$/;

function moment(digits: number): (text: string) => string | null {
  const tooFine = secondDigits(digits);
  return (text) => {
    if (!momentForm.test(text)) return "the column holds dates from 0000 to 9999, with a time";
    if (leapSecond(text)) return leapSecondAt;
    if (hasOffset(text) && !isInYears(text)) return "in UTC it is no date from 0000 to 9999";
    return tooFine(text);
  };
}

/** Whether the text ends with an offset, after a time of day. */
function hasOffset(text: string): boolean {
  const colon = text.indexOf(":");
  return colon !== -1 && text.search(/[+-]\d\d(?::?\d\d)?$/) > colon;
}

/** Whether a moment is still of four digits of years where it is written in UTC. */
function isInYears(text: string): boolean {
  try {
    return /^\d/.test(parseTimestamp(text, isoFormat));
  } catch {
    return false;
  }
}

function time(digits: number): (text: string) => string | null {
  const tooFine = secondDigits(digits);
  return (text) => {
    if (!/^-?\d{2,3}:\d\d(?::\d\d(?:\.\d+)?)?$/.test(text))
      return "the column holds times without date or zone";
    return leapSecond(text) ? leapSecondAt : tooFine(text);
  };
}

const year: ValueCheck = (value) => {
  const number = typeof value === "string" && !/^\d{4}$/.test(value) ? null : numberText(value);
  const fits =
    number === "0" || (number !== null && /^\d+$/.test(number) && between(Number(number), 1901, 2155));
  return fits ? null : "the column holds 0 and the years from 1901 to 2155";
};

function between(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}

function bitsOf(length: number): ValueCheck {
  const fits = integers(0n, 2n ** BigInt(length) - 1n, true);
  return (value) => {
    if (typeof value !== "string") return fits(value);
    return value.length === length && /^[01]+$/.test(value)
      ? null
      : `a text in this column is ${length} times 0 or 1`;
  };
}

/** Numbers would be written as their digits. */
const bytesGiven = onlyTexts("bytes", () => null);

/** The servers fill bytes up with zeros. */
function bytesOf(length: number): ValueCheck {
  return onlyTexts("bytes", (text) => {
    const given = /^\\x(?:[0-9a-f]{2})*$/i.test(text) ? text.length / 2 - 1 : Buffer.byteLength(text);
    return given === length ? null : `it has ${given} bytes, and the column always has ${length}`;
  });
}

/** Past their end the servers cut blanks from texts, and only refuse other characters. */
function withoutBlanksPast(most: number): ValueCheck {
  const fits = byteLength(most);
  return ofTexts((text) => (text.endsWith(" ") ? fits(text) : null));
}

/** Parses `'a','it''s'` to its values. */
function choicesOf(list: string): readonly string[] {
  return [...list.matchAll(/'((?:[^']|'')*)'/g)].map(([, word = ""]) => word.replaceAll("''", "'"));
}

/** A number would be the place of a word in the list, and words in another order or case would be changed. */
function oneOf(type: string, choices: readonly string[]): ValueCheck {
  const known = new Set(choices);
  const isSet = type.toLowerCase() === "set";
  return (value) => {
    const text = typeof value === "string" ? value : null;
    if (text !== null && (isSet ? isSubset(text, choices) : known.has(text))) return null;
    return isSet
      ? `the column holds words of the set (${choices.join(", ")}) in its order, with commas between`
      : `the column holds one of the words ${choices.join(", ")}`;
  };
}

function isSubset(text: string, choices: readonly string[]): boolean {
  const given = new Set(text === "" ? [] : text.split(","));
  return choices.filter((word) => given.has(word)).join(",") === text;
}

/** MySQL's own JSON keeps numbers as doubles and 64-bit integers. MariaDB's is text. */
const holdsCutNumber: ValueCheck = (value) => {
  if (typeof value !== "object" || value === null) return doubleOrInteger(value);
  if (Array.isArray(value)) return firstProblem(value);
  return Object.getPrototypeOf(value) === Object.prototype
    ? firstProblem(Object.values(value))
    : doubleOrInteger(value);
};

function firstProblem(values: readonly unknown[]): string | null {
  for (const value of values) {
    const problem = value === null || value === undefined ? null : holdsCutNumber(value);
    if (problem !== null) return problem;
  }
  return null;
}

function doubleOrInteger(value: unknown): string | null {
  if (typeof value === "string") return null;
  if (integers(-(2n ** 63n), 2n ** 64n - 1n, false)(value) === null) return null;
  return doubles(value) === null ? null : "MySQL's JSON keeps about 16 digits of a number";
}
