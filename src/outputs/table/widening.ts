import type { ColumnKind } from "../../databases/port.ts";
import type { Takes } from "../../databases/table/store.ts";
import { isNumberWord } from "../../databases/table/values.ts";
import { ExactNumber } from "../../model/exact-number.ts";

/** Whether a column surely holds the value without loss, judged only by the value's type. */
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
 * source's column uses numbers for booleans; everything else keeps its type.
 */
const width: Partial<Record<ColumnKind, number>> = { boolean: 0, integer: 1, decimal: 2, float: 2, text: 3 };

/**
 * Whether a column that was created from a source's column type holds the value without loss. Texts for numbers that
 * JSON cannot express then count as numbers. 1 and 0 count as booleans in a column made from MySQL's BOOLEAN in an
 * older version, and booleans count as 1 and 0 among the numbers of a BOOLEAN of SQLite.
 */
export function isHeld(kind: ColumnKind, value: unknown, hint: ColumnKind | undefined): boolean {
  if (typeof value === "boolean") return hint === "boolean" && isOfNumbers(kind);
  if (kind === "decimal" || kind === "float")
    return (hint === "decimal" || hint === "float") && isNumberWord(value);
  return kind === "boolean" && hint === "integer" && (value === 0 || value === 1);
}

/**
 * Whether numbers may be written to a boolean column: where the source's own column uses numbers for booleans, like
 * TINYINT(1) and SQLite's BOOLEAN.
 */
export function meetsAsNumber(kind: ColumnKind, value: unknown, hint: ColumnKind | undefined): boolean {
  if (kind !== "boolean" || hint === undefined) return false;
  const isNumber = typeof value === "number" || typeof value === "bigint" || value instanceof ExactNumber;
  return isNumber && (hint === "boolean" || isOfNumbers(hint));
}

/** Whether one of two writers has made the column for booleans, and the other for numbers. */
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
