import { canonicalDecimal } from "../../model/decimal.ts";
import type { ColumnKind } from "../port.ts";
import type { FieldColumn } from "../table/column.ts";
import { type ColumnRules, type Takes, takesEverything } from "../table/store.ts";
import { kindOfValue, strictlyWidened } from "../table/values.ts";
import { mysqlCheck } from "./value-checks.ts";

const longestName = 64;

/** The words that `information_schema` has for the types of columns that are made here. */
const typeNames: Readonly<Record<ColumnKind, string>> = {
  boolean: "tinyint",
  integer: "bigint",
  decimal: "decimal",
  float: "double",
  text: "longtext",
  timestamp: "datetime",
  date: "date",
  json: "longtext",
  bytes: "longblob",
};

/** The same as `information_schema` writes them down in full. */
const declaredTypes: Readonly<Record<ColumnKind, string>> = {
  ...typeNames,
  boolean: "tinyint(1)",
  decimal: "decimal(65,30)",
  timestamp: "datetime(6)",
};

/** `DECIMAL(65,30)` keeps so many digits before the point and after it; further ones it rounds away. */
const wholeDigits = 35;
const fractionDigits = 30;

function fitsDecimal(value: unknown): boolean {
  // A double between these has no more than 22 digits after the point.
  if (typeof value === "number" && Math.abs(value) < 1e21 && Math.abs(value) >= 1e-6) return true;
  const text = canonicalDecimal(String(value));
  if (text === null) return false;
  const [whole = "", fraction = ""] = text.replace("-", "").split(".");
  return whole.length <= wholeDigits && fraction.length <= fractionDigits;
}

/**
 * In MySQL a column holds one type. Integers grow into decimals. Where texts meet numbers or booleans the column
 * becomes text, and also for numbers with more digits than a decimal has.
 */
export const mysqlRules: ColumnRules = {
  typeOf: (kind) => typeNames[kind],

  declaredFor: (kind) => declaredTypes[kind],

  kindFor(value: unknown, field: string): ColumnKind {
    const kind = kindOfValue(value, field);
    return kind === "decimal" && !fitsDecimal(value) ? "text" : kind;
  },

  widened(column: FieldColumn, value: unknown): ColumnKind | null {
    return strictlyWidened(column, mysqlRules.kindFor(value, column.field));
  },

  takes(column: FieldColumn): Takes {
    switch (column.kind) {
      case "boolean":
        return { everything: false, strings: false, integers: false, fractions: false, booleans: true };
      case "integer":
      case "decimal":
        return { everything: false, strings: false, integers: true, fractions: false, booleans: false };
      case "float":
        return { everything: false, strings: false, integers: true, fractions: true, booleans: false };
      default:
        return takesEverything;
    }
  },

  checkOf: mysqlCheck,

  fold: (name) => name.toLowerCase(),
  keepsKindsApart: ({ kind }) => kind === "json",
  dropsBlanks: ({ type }) => type === "char",

  nameProblem(name: string): string | null {
    if (name === "") return "it is empty";
    if (name.includes("\0")) return "it holds a NUL character";
    if (!name.isWellFormed()) return "it holds half of a surrogate pair";
    if (name.endsWith(" ")) return "it ends with a space";
    if (/[\u{10000}-\u{10ffff}]/u.test(name)) return "it holds a character past U+FFFF";
    return name.length > longestName
      ? `it has ${name.length} characters, and MySQL keeps ${longestName}`
      : null;
  },
};
