import type { FieldColumn } from "../table/column.ts";
import { doubles, numberText, type ValueCheck } from "../table/value-checks.ts";
import { isNumberWord } from "../table/values.ts";
import { affinityOf } from "./affinity.ts";

const highest = 2n ** 63n - 1n;

/**
 * In a numeric column SQLite converts a text that looks like a number to a number with 15 digits, and stores NULL for
 * NaN.
 */
export function sqliteCheck(column: FieldColumn): ValueCheck | null {
  const affinity = affinityOf(column.type);
  if (affinity === "text" || affinity === "none") return null;
  // To SQLite, a column declared as JSON alone is one of numbers. A JSON string has quotes.
  const isJson = column.kind === "json";
  const realOnly = affinity === "real";
  // By its rules for names, `STRING` and `DATE` are columns of numbers.
  const isNamedOtherwise = affinity === "numeric" && !/NUM|DEC|MONEY|CURR/i.test(column.type) && !isJson;
  return (value) => {
    if (typeof value === "number") return Number.isNaN(value) ? noNaN : null;
    if (typeof value === "boolean") return null;
    if (isJson && typeof value === "string") return null;
    if (value === "NaN") return noNaN;
    if (isNumberWord(value)) return null;
    const text = numberText(value);
    if (text === null) return null;
    if (isNamedOtherwise && typeof value === "string" && text !== value) {
      return `SQLite takes a column declared so for one of numbers, and would keep the text as ${text}`;
    }
    if (!realOnly && isInteger(text)) return null;
    return doubles(value) === null ? null : "the column keeps numbers as doubles, of about 16 digits";
  };
}

const noNaN = "SQLite has no NaN, and would store NULL";

function isInteger(text: string): boolean {
  if (!/^-?\d{1,19}$/.test(text)) return false;
  const integer = BigInt(text);
  return integer <= highest && integer >= -highest - 1n;
}
