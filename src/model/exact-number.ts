import { TidemarkError } from "../errors.ts";
import { canonicalDecimal, comparableDecimal } from "./decimal.ts";

declare global {
  interface JSON {
    /** Makes `JSON.stringify` write the text as it is; the text must be one JSON primitive. */
    rawJSON(text: string): object;
  }
}

const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const integerLiteral = /^[+-]?\d+$/;

/**
 * A number from JSON or a database that a double would cut: an integer past 2^53, a decimal with
 * more digits than fit. It keeps the text it was given, prints as that number in JSON, and turns
 * into the nearest double where code calculates with it.
 *
 * ```ts
 * const id = new ExactNumber("9007199254740993");
 * JSON.stringify({ id });   // {"id":9007199254740993}
 * `${id}`;                  // "9007199254740993"
 * ```
 */
export class ExactNumber {
  /** The number as a JSON literal, with every digit. */
  readonly text: string;

  /** Throws `ARGUMENT_INVALID` for a text that is not a JSON number. */
  constructor(text: string) {
    if (!jsonNumber.test(text)) throw notANumber(text);
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): unknown {
    return JSON.rawJSON(this.text);
  }

  /** The nearest double. */
  valueOf(): number {
    return Number(this.text);
  }
}

/** Zero with the sign that a double can have, as JSON writes it. */
export const negativeZero = new ExactNumber("-0");

/**
 * Parses a decimal text: a plain number if a double holds it exactly, else an `ExactNumber`. Integers past 2^53 written
 * as such are always `ExactNumber`, so that neighbouring ids come out alike. Throws `ARGUMENT_INVALID` for a text that
 * is no decimal number.
 */
export function exactNumber(text: string): number | ExactNumber {
  const double = Number(text);
  if (Number.isSafeInteger(double) && String(double) === text) return double;
  if (isHeldByDouble(text, double)) return double === 0 ? 0 : double;
  if (jsonNumber.test(text)) return new ExactNumber(text);
  const canonical = canonicalDecimal(text);
  if (canonical === null) throw notANumber(text);
  return new ExactNumber(canonical);
}

function isHeldByDouble(text: string, double: number): boolean {
  if (!Number.isFinite(double)) return false;
  if (!Number.isSafeInteger(double) && integerLiteral.test(text)) return false;
  if (String(double) === text) return true;
  const canonical = canonicalDecimal(text);
  return canonical !== null && canonical === canonicalDecimal(String(double));
}

/**
 * A text that is equal for two numbers exactly if their values are equal, in any representation: `1000` for 1000, 1000n
 * and `ExactNumber("1e3")`.
 */
export function comparableNumber(value: number | bigint | ExactNumber): string {
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  const text = String(value);
  return comparableDecimal(text) ?? text;
}

function notANumber(text: string): TidemarkError {
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  return new TidemarkError("ARGUMENT_INVALID", `${shown} is not a decimal number`);
}
