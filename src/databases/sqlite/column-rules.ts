import { ExactNumber, negativeZero } from "../../model/exact-number.ts";
import type { ColumnKind } from "../port.ts";
import type { FieldColumn, TableColumn } from "../table/column.ts";
import { type ColumnRules, type Takes, takesEverything } from "../table/store.ts";
import { asInt64, kindOfValue } from "../table/values.ts";
import { affinityOf } from "./affinity.ts";
import { sqliteDialect } from "./dialect.ts";
import { sqliteCheck } from "./value-checks.ts";

/** A text that a column of numbers would turn into a number, and so cut or pad. */
const numeric = /^\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*$/;

/** The single key column of type INTEGER is the row's own number, and holds nothing else. */
export function isRowNumber(column: TableColumn, key: readonly string[]): boolean {
  return key.length === 1 && key[0] === column.name && column.type.toUpperCase() === "INTEGER";
}

/**
 * SQLite stores any value in any column, yet turns text that looks like a number into one where the
 * column is for numbers, and keeps 15 digits of it. A column has to become text for such values:
 * numbers that neither 64 bits nor a double hold, and strings like `007`.
 */
export const sqliteRules: ColumnRules = {
  typeOf: sqliteDialect.columnType,
  declaredFor: sqliteDialect.columnType,

  kindFor(value: unknown, field: string): ColumnKind {
    const kind = kindOfValue(value, field);
    return kind === "decimal" && typeof value !== "number" ? "text" : kind;
  },

  widened(column: FieldColumn, value: unknown, key: readonly string[]): ColumnKind | null {
    const kind = kindOfValue(value, column.field);
    const affinity = affinityOf(column.type);
    if (affinity === "text" || affinity === "none") return null;
    if (isRowNumber(column, key) && kind !== "integer") return "text";
    // Read back, 1 and 0 would be truth values, or truth values 1 and 0.
    if (kind === "boolean") return column.kind === "boolean" ? null : "text";
    if (column.kind === "boolean" && (kind === "integer" || kind === "decimal")) return "text";
    if (typeof value === "string") return numeric.test(value) ? "text" : null;
    if (value === negativeZero) return null;
    const exact = value instanceof ExactNumber || typeof value === "bigint";
    return exact && asInt64(value) === null ? "text" : null;
  },

  takes(column: FieldColumn, key: readonly string[]): Takes {
    const affinity = affinityOf(column.type);
    if (affinity === "text" || affinity === "none") return takesEverything;
    const freely = !isRowNumber(column, key);
    const numbers = column.kind !== "boolean";
    return {
      everything: false,
      strings: false,
      integers: numbers,
      fractions: numbers && freely,
      booleans: !numbers,
    };
  },

  checkOf: sqliteCheck,

  keepsKindsApart: ({ type, kind }) => affinityOf(type) === "none" && kind !== "json",
  keepsStorageClasses: true,

  fold: (name) => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()),

  nameProblem(name: string): string | null {
    if (name === "") return "it is empty";
    if (!name.isWellFormed()) return "it holds half of a surrogate pair";
    return name.includes("\0") ? "it holds a NUL character" : null;
  },
};
