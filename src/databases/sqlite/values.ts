import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import { ExactNumber, exactNumber, negativeZero } from "../../model/exact-number.ts";
import { parseJson } from "../../model/json.ts";
import type { StorageClass } from "../../model/storage-class.ts";
import type { ColumnKind, SqlValue } from "../port.ts";

/**
 * A parameter as SQLite takes it. Whole numbers are bound as integers: bound as doubles, which is
 * the driver's way, they would read back as `5.0` from a text column.
 */
export function bindable(value: SqlValue): SQLInputValue {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  return value;
}

export function bindableAll(values: readonly SqlValue[]): SQLInputValue[] {
  return values.map(bindable);
}

/** A value of a row as JSON holds it, with every digit. Integers must be read as bigint. */
export function readable(value: SQLOutputValue): unknown {
  switch (typeof value) {
    case "bigint":
      return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER
        ? Number(value)
        : new ExactNumber(value.toString());
    case "number":
      if (value === 0) return Object.is(value, -0) ? negativeZero : value;
      return Number.isFinite(value) ? value : String(value);
    case "object":
      return value === null ? null : bytesAsText(value);
    default:
      return value;
  }
}

/**
 * How a value is stored, where its form in a record says something else: bytes in a column of another kind,
 * infinities, and texts that read like either. Null for all other values.
 */
export function storageClassOf(value: SQLOutputValue, kind: ColumnKind | null): StorageClass | null {
  switch (typeof value) {
    case "string":
      return looksOtherwise(value) ? "text" : null;
    case "number":
      return Number.isFinite(value) ? null : "number";
    case "object":
      return value === null || kind === "bytes" ? null : "bytes";
    default:
      return null;
  }
}

function looksOtherwise(text: string): boolean {
  const first = text.charCodeAt(0);
  if (first === backslash) return bytesForm.test(text);
  return (first === upperI || first === minus) && infinity.test(text);
}

const backslash = 92;
const upperI = 73;
const minus = 45;
const bytesForm = /^\\x(?:[0-9a-f]{2})*$/i;
const infinity = /^-?Infinity$/;

/** Bytes as PostgreSQL writes them: `\x` and two hexadecimal digits a byte. */
function bytesAsText(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}`;
}

/** What a column declared so holds, by SQLite's own rules and the common names; null where nobody knows. */
export function kindOfDeclaredType(declared: string | null): ColumnKind | null {
  if (declared === null) return null;
  const type = declared.toUpperCase();
  if (type.includes("JSON")) return "json";
  if (type.includes("BOOL")) return "boolean";
  if (type.includes("INT")) return "integer";
  if (/CHAR|CLOB|TEXT/.test(type)) return "text";
  if (/BLOB|BINARY|BYTEA/.test(type)) return "bytes";
  if (/REAL|FLOA|DOUB/.test(type)) return "float";
  if (/NUMERIC|DECIMAL|NUMBER/.test(type)) return "decimal";
  // Dates and times are kept in any form here, so that the name promises nothing.
  return null;
}

/** The kind of a table's column, whose values may be of any; a column without a type keeps them all as they come. */
export function columnKind(declared: string): ColumnKind {
  return kindOfDeclaredType(declared) ?? (declared === "" ? "bytes" : "decimal");
}

/** Turns what SQLite can only store as something else back into what it was. */
export type Restorer = (value: unknown) => unknown;

/** The restorer for columns of a kind; null where there is nothing to do. */
export function restorerOf(kind: ColumnKind | null): Restorer | null {
  switch (kind) {
    case "boolean":
      return (value) => (value === 0 ? false : value === 1 ? true : value);
    case "json":
      return (value) => {
        if (typeof value !== "string") return value;
        try {
          return parseJson(value);
        } catch {
          return value;
        }
      };
    case "decimal":
      return (value) => (typeof value === "string" && decimal.test(value) ? exactNumber(value) : value);
    default:
      return null;
  }
}

const decimal = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
