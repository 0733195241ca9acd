import type { CursorType } from "../../model/cursor.ts";
import { ExactNumber } from "../../model/exact-number.ts";

/** The order of a cursor's values where a column stores them as texts. */
export type TextOrder = "times" | "numbers" | "texts";

/** The column by which a row that is higher than the record is not replaced. */
export interface NewestBy {
  readonly column: string;
  readonly order: TextOrder;
}

/** The SQL fragments that one database uses to compare texts. */
export interface TextSql {
  /** A value as text that compares by its bytes. */
  text(value: string): string;
  replaced(text: string, from: string, to: string): string;
  /** The text without these trailing characters. */
  trimmedEnd(text: string, character: string): string;
  /** The text without leading zeros. */
  withoutLeadingZeros(text: string): string;
  joined(a: string, b: string): string;
  /** The position of the first point in a text, as a text of six digits. */
  placeOfPoint(text: string): string;
}

export function textOrderOf(type: CursorType | null): TextOrder {
  if (type === "timestamp_utc") return "times";
  return type === "numeric_id" || type === "offset" ? "numbers" : "texts";
}

/**
 * The SQL condition that the stored text is not higher than the incoming one, in the order of their values. It never
 * raises an error; `CursorTexts` finds texts whose order it does not know.
 */
export function notNewer(order: TextOrder, stored: string, incoming: string, sql: TextSql): string {
  const [a, b] = [sql.text(stored), sql.text(incoming)];
  if (order === "texts") return `${a} <= ${b}`;
  const numbers = `${notHigherNumber(a, b, sql)}`;
  if (order === "numbers") return numbers;
  const areTimes = `${a} LIKE '____-__-__%' AND ${b} LIKE '____-__-__%'`;
  const times = `${timeKey(a, sql)} <= ${timeKey(b, sql)}`;
  return `CASE WHEN ${areTimes} THEN ${times} ELSE ${numbers} END`;
}

/** `…20.50Z`, `…20.5Z` and `…20.5` are one text then, and a time without a fraction comes before those with one. */
function timeKey(text: string, sql: TextSql): string {
  const bare = sql.trimmedEnd(text, "Z");
  const key = `CASE WHEN ${text} LIKE '%.%' THEN ${sql.trimmedEnd(sql.trimmedEnd(bare, "0"), ".")} ELSE ${bare} END`;
  return sql.replaced(key, " ", "T");
}

function notHigherNumber(a: string, b: string, sql: TextSql): string {
  const [first, second] = [numberKey(a, sql), numberKey(b, sql)];
  return `CASE WHEN ${a} LIKE '-%' THEN CASE WHEN ${b} LIKE '-%' THEN ${second} <= ${first} ELSE 1 = 1 END
    WHEN ${b} LIKE '-%' THEN 1 = 0 ELSE ${first} <= ${second} END`;
}

/** Of two numbers without a sign the one with more digits before the point is higher. */
function numberKey(text: string, sql: TextSql): string {
  const digits = sql.withoutLeadingZeros(text);
  const bare = `CASE WHEN ${text} LIKE '%.%' THEN ${sql.trimmedEnd(sql.trimmedEnd(digits, "0"), ".")} ELSE ${digits} END`;
  return sql.joined(sql.placeOfPoint(sql.joined(digits, "'.'")), bare);
}

const time =
  /^\d{4}-\d\d-\d\d(?<clock>[T ]\d\d:\d\d(?<seconds>:\d\d(?:\.\d+)?)?)?(?<zone>Z|[+-]\d\d(?::?\d\d)?)?$/;
const number = /^(?:-(?:0|[1-9]\d*)|\d+)(?:\.\d+)?$/;

/**
 * Looks at the texts of a cursor's column, those that are there and those that come, and finds two, or one, whose
 * order `notNewer` does not know: other forms than ISO 8601 and plain numbers, and times of different offsets.
 */
export class CursorTexts {
  readonly #order: TextOrder;
  #form: string | null = null;
  #sample = "";

  constructor(order: TextOrder) {
    this.#order = order;
  }

  /** The texts whose order is not known; null where it is. */
  unorderedBy(value: unknown): string | null {
    if (this.#order === "texts" || value === null || value === undefined) return null;
    const isNumber = typeof value === "number" || typeof value === "bigint" || value instanceof ExactNumber;
    if (typeof value !== "string" && !isNumber) return null;
    const text = String(value);
    const form = this.#formOf(text);
    if (form === null) return `"${text}"`;
    if (this.#form === null) {
      this.#form = form;
      this.#sample = text;
    }
    return form === this.#form ? null : `"${this.#sample}" and "${text}"`;
  }

  #formOf(text: string): string | null {
    if (number.test(text)) return "number";
    const parts = this.#order === "times" ? time.exec(text)?.groups : undefined;
    if (parts === undefined) return null;
    const precision = parts.clock === undefined ? "day" : parts.seconds === undefined ? "minute" : "second";
    return `${precision} ${parts.zone ?? ""}`;
  }
}
