import { TidemarkError } from "../../errors.ts";
import { floorCursor, stepCursor } from "../../model/cursor.ts";
import { parsePrecision } from "../../model/precision.ts";
import { type CursorFormat, formatLowerBound, parseCursorFormat } from "../../model/timestamp.ts";
import { formatUpperBound } from "../../model/upper-bound.ts";
import { type BoundTarget, type BoundWriter, type CursorColumn, timeAsText } from "../bounds.ts";
import type { SqlValue } from "../columns.ts";
import { lowestUuid } from "../uuid.ts";

/**
 * Bounds as MySQL takes them: times as texts of the form that its columns of times are compared with,
 * numbers as literals of any size. `type` is that of the column that the bound is compared with; null
 * where it is not known, and then the cursor's own form decides.
 */

const whole = parsePrecision("1");
const microsecond = parsePrecision("1us");
const columnsOfTime = new Set(["timestamp", "datetime", "date"]);
const columnsOfText = new Set(["text", "json", "bytes"]);

const wallTime = "yyyy-MM-dd HH:mm:ss.SSSSSS";

export const mysqlBounds: BoundWriter = {
  keepsTimesAsText: (type, kind) => isText(type) && (kind === "iso8601" || kind === "pattern"),
  lowerTime,
  lowerNumber,
  // Whether the bound goes to a column of times depends on its format as well.
  upperTime: () => null,
  upperText: (value, text, { type, format, timezone }) =>
    isTime(type, format) ? formatUpperBound(value, wallFormat(type, timezone)) : numberOrText(type, text),
  upperNumber,
  lowest,
  highest,
  castToText: () => null,
  isUuid: (type) => type === "uuid",
};

/** Whether a bound of that form goes to a column of times. */
function isTime(type: string | null, format: CursorFormat): boolean {
  return type === null ? format.kind === "iso8601" : columnsOfTime.has(type);
}

/** Whether the column holds texts, so that letters are compared. */
function isText(type: string | null): boolean {
  return columnsOfText.has(type ?? "");
}

/** A TIMESTAMP is a moment, and the session's zone is UTC; any other time is in the zone that is declared. */
function wallFormat(type: string | null, timezone: string, pattern = wallTime): CursorFormat {
  return parseCursorFormat(pattern, type === "timestamp" ? "UTC" : timezone);
}

function lowerTime(field: CursorColumn, value: string, target: BoundTarget): SqlValue {
  const { type, queryFormat } = target;
  if (!isTime(type, queryFormat ?? field.format)) return numberOrText(type, timeAsText(field, value, target));
  const floored = floorCursor("timestamp_utc", value, microsecond);
  const pattern = type === "date" ? "yyyy-MM-dd" : wallTime;
  return formatLowerBound(floored, wallFormat(type, field.format.timezone, pattern));
}

/** A text with digits alone is a number to a column that does not hold texts. */
function numberOrText(type: string | null, text: string): SqlValue {
  return !isText(type) && /^-?\d+$/.test(text) ? BigInt(text) : text;
}

function lowerNumber(value: string): SqlValue {
  return BigInt(floorCursor("numeric_id", value, whole));
}

function upperNumber(value: string): SqlValue {
  const floor = floorCursor("numeric_id", value, whole);
  return BigInt(floor === value ? floor : stepCursor("numeric_id", floor, whole, 1));
}

/** What a column of each type has at its ends. A DECIMAL has 65 digits at most. */
const ends: Readonly<Record<string, readonly [lowest: SqlValue, highest: SqlValue]>> = {
  timestamp: ["0000-00-00 00:00:00", "9999-12-31 23:59:59.999999"],
  datetime: ["0000-00-00 00:00:00", "9999-12-31 23:59:59.999999"],
  date: ["0000-00-00", "9999-12-31"],
  boolean: [-(2n ** 7n), 2n ** 8n],
  integer: [-(2n ** 63n), 2n ** 64n],
  decimal: [-(10n ** 65n), 10n ** 65n],
  float: [-Number.MAX_VALUE, Number.MAX_VALUE],
};

function lowest({ type: cursor, format }: CursorColumn, type: string | null): SqlValue {
  if (isText(type)) return "";
  const known = ends[type ?? ""];
  if (known !== undefined) return known[0];
  if (type === "uuid") return lowestUuid;
  if (cursor === "text") return "";
  const kind = cursor === "timestamp_utc" && isTime(null, format) ? "datetime" : "decimal";
  return ends[kind]?.[0] ?? "";
}

function highest(type: string | null): SqlValue {
  const known = ends[type ?? ""];
  if (known !== undefined) return known[1];
  throw new TidemarkError(
    "CONFIG_INCOHERENT",
    `there is no highest ${type ?? "value"} for a window without an end`,
    { hint: "Say in the query what no end means: COALESCE($2, …)." },
  );
}
