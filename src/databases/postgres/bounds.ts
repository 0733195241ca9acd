import { TidemarkError } from "../../errors.ts";
import { compareCursorValues, floorCursor, stepCursor } from "../../model/cursor.ts";
import { parsePrecision } from "../../model/precision.ts";
import { formatLowerBound, parseCursorFormat } from "../../model/timestamp.ts";
import { formatUpperBound } from "../../model/upper-bound.ts";
import { type BoundTarget, type BoundWriter, type CursorColumn, timeAsText } from "../bounds.ts";
import type { SqlValue } from "../columns.ts";
import { lowestUuid } from "../uuid.ts";

const microsecond = parsePrecision("1us");
const whole = parsePrecision("1");

const smallest: Readonly<Record<string, bigint>> = {
  smallint: -(2n ** 15n),
  integer: -(2n ** 31n),
  bigint: -(2n ** 63n),
};
const approximate = new Set(["double precision", "real", "numeric"]);

/** Types of PostgreSQL that are compared as the texts of their values are, or by a collation that is warned of. */
const comparedAsTexts =
  /^(?:text|character(?: varying)?(?:\(\d+\))?|name|"char"|(?:.+\.)?citext|uuid|bytea|macaddr8?|unknown)$/;

export const postgresBounds: BoundWriter = {
  keepsTimesAsText: (type) => type === "text" || type === "character varying" || type === "character",
  lowerTime,
  lowerNumber,
  upperTime,
  upperText: (_value, text) => text,
  upperNumber,
  lowest,
  highest,
  castToText: (field, type) =>
    type === null || comparedAsTexts.test(type) ? null : `CAST(${field} AS text) COLLATE "C"`,
  isUuid: (type) => type === "uuid",
};

function lowerTime(field: CursorColumn, value: string, target: BoundTarget): SqlValue {
  const { timezone } = field.format;
  const floored = floorCursor("timestamp_utc", value, microsecond);
  switch (target.type) {
    case "timestamp with time zone":
      return floored;
    case "timestamp without time zone":
      return formatLowerBound(floored, parseCursorFormat("yyyy-MM-dd HH:mm:ss.SSSSSS", timezone));
    case "date":
      return formatLowerBound(floored, parseCursorFormat("yyyy-MM-dd", timezone));
    default:
      return timeAsText(field, value, target);
  }
}

function lowerNumber(value: string, type: string | null): SqlValue {
  const lowest = smallest[type ?? ""];
  if (lowest === undefined) return value;
  const integer = floorCursor("numeric_id", value, whole);
  return compareCursorValues("numeric_id", integer, String(lowest)) < 0 ? String(lowest) : integer;
}

function upperTime(
  value: string,
  { type, timezone }: { type: string | null; timezone: string },
): string | null {
  switch (type) {
    case "timestamp with time zone":
      return value;
    case "timestamp without time zone":
    case "date":
      return formatUpperBound(value, parseCursorFormat("yyyy-MM-dd HH:mm:ss.SSSSSS", timezone));
    default:
      return null;
  }
}

function upperNumber(value: string, type: string | null): SqlValue {
  const floor = floorCursor("numeric_id", value, whole);
  const integer = floor === value ? value : stepCursor("numeric_id", floor, whole, 1);
  const lowest = smallest[type ?? ""];
  if (lowest === undefined) return value;
  if (BigInt(integer) > -lowest - 1n) return String(-lowest - 1n);
  return String(BigInt(integer) < lowest ? lowest : integer);
}

function lowest(_field: CursorColumn, type: string | null): SqlValue {
  if (type === null || /^(?:text|character|character varying|"char"|name|citext)$/.test(type)) return "";
  const lowest = smallest[type];
  if (lowest !== undefined) return String(lowest);
  if (approximate.has(type)) return "-Infinity";
  if (/^(?:timestamp|date)/.test(type)) return "-infinity";
  if (type === "uuid") return lowestUuid;
  throw new TidemarkError("CONFIG_INCOHERENT", `there is no lowest ${type} for the first run to begin at`, {
    hint: "Say in the query what the first run reads: COALESCE($1, …).",
  });
}

function highest(type: string | null): SqlValue {
  const lowest = smallest[type ?? ""];
  if (lowest !== undefined) return String(-lowest - 1n);
  if (approximate.has(type ?? "")) return "Infinity";
  if (/^(?:timestamp|date)/.test(type ?? "")) return "infinity";
  throw new TidemarkError(
    "CONFIG_INCOHERENT",
    `there is no highest ${type ?? "value"} for a window without an end`,
    {
      hint: "Say in the query what no end means: COALESCE($2, …).",
    },
  );
}
