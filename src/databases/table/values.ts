import { TidemarkError } from "../../errors.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import { stringifyJson } from "../../model/json.ts";
import { kindOf } from "../../model/plain-object.ts";
import type { ColumnKind } from "../columns.ts";
import type { FieldColumn } from "./column.ts";

const integerText = /^-?\d+$/;
const highest = 2n ** 63n - 1n;
const lowest = -(2n ** 63n);

/** The value as a 64-bit integer where it is one; null for every other value. */
export function asInt64(value: unknown): bigint | null {
  let integer: bigint;
  if (typeof value === "bigint") integer = value;
  else if (typeof value === "number" && Number.isInteger(value)) integer = BigInt(value);
  else if (
    value instanceof ExactNumber &&
    value.text.length <= 20 &&
    value.text !== "-0" &&
    integerText.test(value.text)
  )
    integer = BigInt(value.text);
  else return null;
  return integer <= highest && integer >= lowest ? integer : null;
}

/** The kind of column that holds a value without loss. Throws `RECORD_INVALID` for a value without a JSON form. */
export function kindOfValue(value: unknown, field: string): ColumnKind {
  switch (typeof value) {
    case "string":
      return "text";
    case "boolean":
      return "boolean";
    case "number":
      if (!Number.isFinite(value)) throw notStorable(field, String(value));
      return asInt64(value) === null ? "decimal" : "integer";
    case "bigint":
      return asInt64(value) === null ? "decimal" : "integer";
    case "object":
      if (value instanceof ExactNumber) return asInt64(value) === null ? "decimal" : "integer";
      return value instanceof Date ? "text" : "json";
    default:
      throw notStorable(field, kindOf(value));
  }
}

function notStorable(field: string, what: string): TidemarkError {
  return new TidemarkError(
    "RECORD_INVALID",
    `the field \`${field}\` holds ${what}, which no column can store`,
  );
}

/** The value as text for a column of text or, with `kind` json, of JSON. Not for null. */
export function textOfValue(value: unknown, kind: ColumnKind): string {
  if (kind === "json") return stringifyJson(value);
  if (typeof value === "string") return value;
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" ? stringifyJson(value) : String(value);
}

const likeness: Partial<Record<ColumnKind, RegExp>> = {
  timestamp: /^(?:\d{4,}-\d\d-\d\d[T ]\d\d:\d\d|-?infinity$)/,
  date: /^(?:\d{4,}-\d\d-\d\d(?: BC)?$|-?infinity$)/,
  bytes: /^\\x(?:[0-9a-f]{2})*$/i,
};

/** Texts of databases for numbers that JSON cannot express. */
const numberWord = /^(?:NaN|-?Infinity)$/;

export function isNumberWord(value: unknown): value is string {
  return typeof value === "string" && numberWord.test(value);
}

/**
 * Whether a column of the kind that the source has may be made for this value, whichever row comes
 * first. SQLite has columns that hold other values than their type says.
 */
export function agrees(kind: ColumnKind, value: unknown, field: string): boolean {
  const own = kindOfValue(value, field);
  if (kind === own || kind === "json") return true;
  if (kind === "decimal" || kind === "float")
    return own === "integer" || own === "decimal" || isNumberWord(value);
  return typeof value === "string" && (likeness[kind]?.test(value) ?? false);
}

/**
 * What a column of a strict database has to become to hold a value of a kind; null where it holds it already. Booleans
 * and numbers together become texts: as numbers, `true` would permanently become `1`.
 */
export function strictlyWidened(column: Pick<FieldColumn, "kind">, kind: ColumnKind): ColumnKind | null {
  switch (column.kind) {
    case "boolean":
      return kind === "boolean" ? null : "text";
    case "integer":
      return kind === "integer" ? null : kind === "decimal" ? "decimal" : "text";
    case "decimal":
    case "float":
      return kind === "integer" || kind === "decimal" ? null : "text";
    default:
      return null;
  }
}
