import { type CursorType, stepCursor } from "../model/cursor.ts";
import { parsePrecision } from "../model/precision.ts";
import type { Path } from "../model/record.ts";
import { type CursorFormat, formatLowerBound, parseCursorFormat } from "../model/timestamp.ts";
import type { SqlValue } from "./columns.ts";

/** The properties of a cursor that a database needs. */
export interface CursorColumn {
  readonly type: CursorType;
  readonly path: Path | null;
  /** How records give the value. */
  readonly format: CursorFormat;
}

/** The target of a bound. */
export interface BoundTarget {
  /** The type that the database infers for the placeholder; null where any value is accepted. */
  readonly type: string | null;
  /** The format that the pipeline declares for bounds; null where it leaves that to us. */
  readonly queryFormat: CursorFormat | null;
}

/**
 * Writes bounds as a database's parameters. A lower bound is never above the canonical value, and an upper one never
 * below it, so that rounding loses no record; each is as close as the database's type allows.
 */
export interface BoundWriter {
  /** Whether times of this format are stored as text, and so compared as text. */
  keepsTimesAsText(type: string | null, kind: CursorFormat["kind"]): boolean;
  lowerTime(field: CursorColumn, value: string, target: BoundTarget): SqlValue;
  lowerNumber(value: string, type: string | null): SqlValue;
  /** An upper bound for a type of times; null for a type that texts and numbers go to. */
  upperTime(value: string, to: { type: string | null; timezone: string }): SqlValue | null;
  /**
   * An upper bound for a type that `upperTime` has no answer for; `text` is it in the declared format, and `declared`
   * how records give the cursor.
   */
  upperText(
    value: string,
    text: string,
    to: { type: string | null; format: CursorFormat; declared: CursorFormat; timezone: string },
  ): SqlValue;
  /** An upper bound for ids: never below the value, unless nothing of the type is above it. */
  upperNumber(value: string, type: string | null): SqlValue;
  /**
   * The lowest value there is, for the first run of a query that compares with the placeholder alone: with NULL it
   * would never give a row. Throws `CONFIG_INCOHERENT` for a type without one.
   */
  lowest(field: CursorColumn, type: string | null): SqlValue;
  /**
   * The highest value there is, for a query that compares with an upper bound where the window has none. Throws
   * `CONFIG_INCOHERENT` for a type without one.
   */
  highest(type: string | null): SqlValue;
  /**
   * What a query has to write in a field's place so that it is compared as text, where what is taken for this type is
   * compared in another way: a cursor of type `text` cannot be followed then. Null where it is compared as text.
   */
  castToText(field: string, type: string | null): string | null;
  /** Whether a placeholder of this type takes UUIDs alone. */
  isUuid(type: string | null): boolean;
}

const day = parsePrecision("1d");

/**
 * Where a column stores timestamps as text, the database compares texts. ISO 8601 can be written with a `T` or a blank,
 * with more or fewer digits, with any offset; the day before, alone, sorts before all of them. Where the pipeline says
 * how the column writes them, the bound can be closer: for `iso8601` the second, without the fraction and the zone that
 * may follow it.
 */
export function timeAsText(field: CursorColumn, value: string, { queryFormat }: BoundTarget): string {
  const { timezone } = field.format;
  const format = queryFormat ?? field.format;
  if (format.kind !== "iso8601") return formatLowerBound(value, format);
  if (queryFormat !== null) {
    return formatLowerBound(value, parseCursorFormat("yyyy-MM-dd'T'HH:mm:ss", timezone));
  }
  return formatLowerBound(
    stepCursor("timestamp_utc", value, day, -1),
    parseCursorFormat("yyyy-MM-dd", "UTC"),
  );
}
