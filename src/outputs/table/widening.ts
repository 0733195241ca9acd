import type { ColumnKind } from "../../databases/port.ts";
import type { Takes } from "../../databases/table/store.ts";
import { isNumberWord } from "../../databases/table/values.ts";
import { ExactNumber } from "../../model/exact-number.ts";

/** Whether a column surely holds the value whole, by the value's type alone. */
export function isTaken(takes: Takes, value: unknown): boolean {
  switch (typeof value) {
    case "string":
      return takes.strings;
    case "number":
      return Number.isSafeInteger(value) ? takes.integers : takes.fractions && Number.isFinite(value);
    case "boolean":
      return takes.booleans;
    default:
      return false;
  }
}

/**
 * Widening goes from integer over decimal, or float, to text, and from boolean to text, or to numbers where the
 * source's column has numbers for truth values; everything else stays what it is.
 */
const width: Partial<Record<ColumnKind, number>> = { boolean: 0, integer: 1, decimal: 2, float: 2, text: 3 };

/**
 * Whether a column that was made from what a source says of its own column holds the value as it is. Words
 * for numbers that JSON has none for are numbers then; 1 and 0 are truth values in a column that was made
 * of MySQL's BOOLEAN when that was read so, and truth values are 1 and 0 among the numbers of a BOOLEAN of SQLite.
 */
export function isHeld(kind: ColumnKind, value: unknown, hint: ColumnKind | undefined): boolean {
  if (typeof value === "boolean") return hint === "boolean" && isOfNumbers(kind);
  if (kind === "decimal" || kind === "float")
    return (hint === "decimal" || hint === "float") && isNumberWord(value);
  return kind === "boolean" && hint === "integer" && (value === 0 || value === 1);
}

/**
 * Whether a number comes to a column of truth values as to one of numbers: where the source's own column has numbers
 * for truth values, as TINYINT(1) and BOOLEAN of SQLite have.
 */
export function meetsAsNumber(kind: ColumnKind, value: unknown, hint: ColumnKind | undefined): boolean {
  if (kind !== "boolean" || hint === undefined) return false;
  const isNumber = typeof value === "number" || typeof value === "bigint" || value instanceof ExactNumber;
  return isNumber && (hint === "boolean" || isOfNumbers(hint));
}

/** Whether one of two writers has a column for truth values, and the other has made it for numbers. */
export function meetAsTexts(one: ColumnKind, other: ColumnKind): boolean {
  return (one === "boolean" && isOfNumbers(other)) || (other === "boolean" && isOfNumbers(one));
}

export function isWider(kind: ColumnKind, than: ColumnKind): boolean {
  const from = width[than];
  const to = width[kind];
  return from !== undefined && to !== undefined && to > from;
}

function isOfNumbers(kind: ColumnKind): boolean {
  return kind === "integer" || kind === "decimal" || kind === "float";
}
