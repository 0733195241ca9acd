import type { ColumnKind, SqlDialect } from "../../databases/port.ts";
import type { CursorField } from "../../engine/ports.ts";
import { floorCursor, stepCursor } from "../../model/cursor.ts";
import { parsePrecision } from "../../model/precision.ts";
import { formatLowerBound, parseCursorFormat } from "../../model/timestamp.ts";
import { formatUpperBound } from "../../model/upper-bound.ts";
import type { StatePersistence } from "../state-persistence-keys.ts";

interface ColumnParts {
  readonly dialect: SqlDialect;
  readonly kind: ColumnKind | undefined;
  readonly leading: CursorField;
  readonly persistence: StatePersistence;
}

/**
 * Whether a table's column keeps ISO 8601 timestamps as text. Texts sort by time only if all have the same form, and a
 * column accepts any form, also a new one.
 */
export function keepsIsoTexts({ dialect, kind, leading, persistence }: ColumnParts): boolean {
  const declared = persistence.timestamp?.queryFormat;
  if (leading.type !== "timestamp_utc" || leading.path === null || leading.format.kind !== "iso8601") {
    return false;
  }
  if (declared !== undefined && declared !== "iso8601") return false;
  return dialect.tables.mayHoldIsoTexts(kind);
}

/**
 * A condition that leaves out texts that are surely outside the window. Such a column is read from the day before to
 * two days after, which includes every form. In between, texts of the usual forms (`T` or a blank, any digits, `Z` or
 * no offset) are filtered by the second that they begin with. Null where there is no such bound. `compared` is the
 * column as the database compares it.
 */
export function withinTexts(
  compared: string,
  { format: { timezone } }: CursorField,
  { lower, upper }: { readonly lower: string | null; readonly upper: string | null },
): string | null {
  const outside = separators.flatMap((separator) => {
    const like = `____-__-__${separator}__:__:__`;
    const isUsual = `${compared} LIKE '${like}%' AND ${compared} NOT LIKE '${like}%+%' AND ${compared} NOT LIKE '${like}%-%'`;
    // A text without an offset is in the declared zone; one with Z is in UTC.
    const formats = [timezone, "UTC"].map((zone) =>
      parseCursorFormat(`yyyy-MM-dd'${separator}'HH:mm:ss`, zone),
    );
    const conditions: string[] = [];
    if (lower !== null && hasPlainYear(lower)) {
      const [first = ""] = formats.map((format) => formatLowerBound(lower, format)).toSorted();
      conditions.push(`(${isUsual} AND ${compared} < '${first}')`);
    }
    if (upper !== null && hasPlainYear(upper)) {
      const next = stepCursor("timestamp_utc", floorCursor("timestamp_utc", upper, second), second, 1);
      const last =
        formats
          .map((format) => formatUpperBound(next, format))
          .toSorted()
          .at(-1) ?? "";
      conditions.push(`(${isUsual} AND ${compared} >= '${last}')`);
    }
    return conditions;
  });
  return outside.length === 0 ? null : `NOT (${outside.join(" OR ")})`;
}

const separators = [" ", "T"];
const second = parsePrecision("1s");

/** A year with more than four digits is not compared as text. */
function hasPlainYear(timestamp: string): boolean {
  return /^\d{4}-/.test(timestamp) && !timestamp.startsWith("9999-");
}
