import { canonicalDecimal, comparableDecimal } from "../../model/decimal.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import { shortestSingle } from "../../model/single.ts";
import { withoutTrailing } from "../../model/trailing.ts";
import type { FieldColumn } from "./column.ts";
import { textOfValue } from "./values.ts";

/** Why a column cannot hold a value without loss, for messages; null where it can. Not called for null. */
export type ValueCheck = (value: unknown) => string | null;

/** A declared type taken apart: `decimal(8,2) unsigned` is `decimal`, 8, 2 and ` unsigned`. */
export interface DeclaredType {
  readonly base: string;
  readonly length: number | null;
  readonly scale: number | null;
  readonly rest: string;
}

const declaredType = /^(.+?)(?:\((\d+)(?:,(-?\d+))?\))?((?: unsigned| zerofill| with(?:out)? time zone)*)$/;

export function parseDeclared(declared: string): DeclaredType {
  const [, base = declared, length, scale, rest = ""] = declaredType.exec(declared) ?? [];
  return {
    base,
    length: length === undefined ? null : Number(length),
    scale: scale === undefined ? null : Number(scale),
    rest,
  };
}

export function declaredOf({ declared, type }: FieldColumn): string {
  return declared ?? type;
}

/** All of the checks, or null where there are none. */
export function every(...checks: readonly (ValueCheck | null)[]): ValueCheck | null {
  const given = checks.filter((check) => check !== null);
  const [first, second] = given;
  if (first === undefined || second === undefined) return first ?? null;
  return (value) => {
    for (const check of given) {
      const problem = check(value);
      if (problem !== null) return problem;
    }
    return null;
  };
}

/**
 * Texts in a key column of numbers: of two texts that say one number, such as `1` and `01`, each would replace the
 * other's row, so only the plain one is taken. Numbers themselves are compared by value.
 */
export function keyCheck({ kind }: FieldColumn): ValueCheck | null {
  if (kind !== "integer" && kind !== "decimal" && kind !== "float") return null;
  return ofStrings((text) => {
    const number = canonicalDecimal(text.trim());
    return number === null || number === text
      ? null
      : `as a key it would be one with ${number}, since the column holds numbers`;
  });
}

/**
 * Texts in a column of numbers. `007`, `+49…` and `1e3` are often codes and not numbers; as numbers they would lose
 * their zeros, their sign and their letter. Exponents are taken where a column may hold fractions.
 */
export function spellingCheck(column: FieldColumn): ValueCheck | null {
  const { kind } = column;
  if (kind !== "integer" && kind !== "decimal" && kind !== "float") return null;
  // The text of bits has one digit for each.
  if (/^bit\b/i.test(declaredOf(column))) return null;
  return (value) => {
    if (typeof value !== "string" || plainNumber.test(value)) return null;
    const text = value.trim();
    const isExponent = kind !== "integer" && /^-?\d(?:\.\d+)?[eE]/.test(text);
    if (isExponent || !/^(?:\+|-?0\d|.*[eE])/.test(text)) return null;
    const number = canonicalDecimal(text);
    return number === null ? null : `the column holds numbers, and would keep the text as ${number}`;
  };
}

/** What most texts of numbers look like. */
const plainNumber = /^-?[1-9]\d*(?:\.\d+)?$/;

/** Checks texts, and dates of JavaScript as the text that is written for them. */
export function ofStrings(check: (text: string) => string | null): ValueCheck {
  return (value) => {
    if (typeof value === "string") return check(value);
    return value instanceof Date ? check(value.toISOString()) : null;
  };
}

/** Checks what is written of any value as text. */
export function ofTexts(check: (text: string) => string | null): ValueCheck {
  return (value) => check(typeof value === "string" ? value : textOfValue(value, "text"));
}

/** Checks texts, and rejects everything else. */
export function onlyTexts(what: string, check: (text: string) => string | null): ValueCheck {
  const ofGiven = ofStrings(check);
  return (value) =>
    typeof value === "string" || value instanceof Date ? ofGiven(value) : `it is no text that says ${what}`;
}

/**
 * Texts of up to `most` characters; of longer ones a database may cut blanks without a word, in `char(n)` as well as in
 * `varchar(n)`.
 */
export function characters(most: number): ValueCheck {
  return ofTexts((text) => {
    if (text.length <= most) return null;
    const length = lengthOf(text);
    return length <= most ? null : `it has ${length} characters, and the column keeps ${most}`;
  });
}

function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

export function bytes(most: number): ValueCheck {
  return ofTexts((text) => {
    const length = Buffer.byteLength(text);
    return length <= most ? null : `it has ${length} bytes, and the column keeps ${most}`;
  });
}

/** How many digits after the point a double from 0.000001 on can have: 17 that count, behind five zeros. */
const mostFraction = 22;

/** Numbers with at most `whole` digits before the point and `fraction` after it. Words are left to the database. */
export function decimalDigits(whole: number, fraction: number): ValueCheck {
  const limit = 10 ** Math.min(whole, 15);
  return (value) => {
    if (typeof value === "number" && fraction >= 0 && Math.abs(value) < limit) {
      if (Number.isInteger(value)) return null;
      if (fraction >= mostFraction && Math.abs(value) >= 1e-6) return null;
    }
    const text = numberText(value);
    if (text === null) return null;
    const start = text.startsWith("-") ? 1 : 0;
    const point = text.indexOf(".");
    const before = point === -1 ? text.slice(start) : text.slice(start, point);
    const after = point === -1 ? "" : text.slice(point + 1);
    if (after.length > Math.max(fraction, 0))
      return `it has ${after.length} digits after the point, and the column keeps ${Math.max(fraction, 0)}`;
    const rounded = fraction < 0 && !before.endsWith("0".repeat(-fraction)) && before !== "0";
    if (rounded) return `the column keeps multiples of 1${"0".repeat(-fraction)}`;
    const digits = before === "0" ? 0 : before.length;
    return digits <= whole ? null : `it has ${digits} digits before the point, and the column keeps ${whole}`;
  };
}

/** The number that a value says, as canonical text; null for what is no number. */
export function numberText(value: unknown): string | null {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? canonicalDecimal(String(value)) : null;
    case "bigint":
      return value.toString();
    case "string":
      return canonicalDecimal(value.trim());
    default:
      return value instanceof ExactNumber ? canonicalDecimal(value.text) : null;
  }
}

/** Whole numbers from `least` to `most`. `strict` is for databases that round what is not whole. */
export function integers(least: bigint, most: bigint, strict: boolean): ValueCheck {
  const [from, to] = [Number(least), Number(most)];
  return (value) => {
    if (typeof value === "boolean") return null;
    if (typeof value === "number") {
      if (Number.isSafeInteger(value)) return range(value >= from && value <= to);
      if (Number.isFinite(value) && !Number.isInteger(value)) return notWhole;
    }
    const text = numberText(value);
    if (text === null) return strict ? "it is no whole number" : null;
    if (text.includes(".")) return notWhole;
    if (text.length < 18) return range(Number(text) >= from && Number(text) <= to);
    return range(BigInt(text) >= least && BigInt(text) <= most);
  };
  function range(fits: boolean): string | null {
    return fits ? null : `the column holds numbers from ${least} to ${most}`;
  }
}

const notWhole = "the column holds whole numbers";

/** Numbers that a double is, to the last digit. */
export const doubles: ValueCheck = (value) => {
  if (typeof value === "number") return null;
  const given = comparable(value);
  if (given === null) return null;
  const double = Number(typeof value === "string" ? value.trim() : String(value));
  if (Number.isInteger(double) && /^-?\d+$/.test(given) && BigInt(double) === BigInt(given)) return null;
  return given === comparableDecimal(String(double))
    ? null
    : "the column holds doubles, which keep about 16 digits";
};

/** Numbers that are the shortest decimal of a single-precision number, as which databases give it back. */
export const singles: ValueCheck = (value) => {
  const given = typeof value === "number" ? value : Number(comparable(value) ?? Number.NaN);
  if (!Number.isFinite(given)) return null;
  if (typeof value !== "number" && doubles(value) !== null) return singleOnly;
  return shortestSingle(Math.fround(given)) === given ? null : singleOnly;
};

const singleOnly = "the column holds single-precision numbers, which keep about 7 digits";

function comparable(value: unknown): string | null {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "string") return comparableDecimal(value.trim());
  return value instanceof ExactNumber ? comparableDecimal(value.text) : null;
}

/** A `seconds` fraction in a time or timestamp, beyond which digits would be rounded or cut. */
export function secondDigits(most: number): (text: string) => string | null {
  return (text) => {
    const fraction = fractionOfSecond.exec(text)?.[1];
    if (fraction === undefined || fraction.length <= most) return null;
    const digits = withoutTrailing(fraction, "0").length;
    return digits <= most ? null : `it has ${digits} digits of a second, and the column keeps ${most}`;
  };
}

const fractionOfSecond = /[:\dT]\d?\d[.,](\d+)/;

/** Whether a text has 60 for its seconds: databases make it the next minute's beginning. */
export function leapSecond(text: string): boolean {
  return text.includes("60") && /(?::\d\d:|[T ]\d{4})60(?!\d)/i.test(text);
}

export const leapSecondAt = "a leap second (:60) would become another second";

/** A day, or a moment that is the very beginning of one in UTC. */
export const dayOnly = /^\d{4}-\d\d-\d\d(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00(?::?00)?)?)?$/;

/** Bytes, as the source of a column of bytes gives them. */
export const onlyBytes: ValueCheck = (value) =>
  typeof value === "string" && /^\\x(?:[0-9a-f]{2})*$/i.test(value)
    ? null
    : "the column was made for bytes (`\\x` and two hexadecimal digits a byte)";

/** Truth values, and 1 and 0 for them. A text is left to the database. */
export const truthValues: ValueCheck = (value) =>
  typeof value === "boolean" || typeof value === "string" || value === 0 || value === 1
    ? null
    : "the column holds true and false, and takes 1 and 0 for them";

/** The name of a value in a message. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : textOfValue(value, "json");
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
