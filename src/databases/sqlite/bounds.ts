import { floorCursor, stepCursor } from "../../model/cursor.ts";
import { parsePrecision } from "../../model/precision.ts";
import type { CursorFormat } from "../../model/timestamp.ts";
import { type BoundTarget, type BoundWriter, type CursorColumn, timeAsText } from "../bounds.ts";
import type { SqlValue } from "../columns.ts";

const whole = parsePrecision("1");
const largest64 = 2n ** 63n - 1n;

export const sqliteBounds: BoundWriter = {
  keepsTimesAsText: (_type, kind) => isText(kind),
  lowerTime,
  lowerNumber,
  upperTime: () => null,
  upperText: (_value, text, { declared }) =>
    /^-?\d+$/.test(text) && declared.kind !== "pattern" ? BigInt(text) : text,
  upperNumber,
  // Below every number and, since SQLite makes `-Inf` of it where it compares texts, below every date.
  lowest: ({ type }) => (type === "text" ? "" : Number.NEGATIVE_INFINITY),
  highest: () => Number.POSITIVE_INFINITY,
  castToText: () => null,
  isUuid: () => false,
};

function isText(kind: CursorFormat["kind"]): boolean {
  return kind === "iso8601" || kind === "pattern";
}

function lowerTime(field: CursorColumn, value: string, target: BoundTarget): SqlValue {
  const text = timeAsText(field, value, target);
  return isText((target.queryFormat ?? field.format).kind) ? text : BigInt(text);
}

function lowerNumber(value: string): SqlValue {
  const integer = BigInt(floorCursor("numeric_id", value, whole));
  if (integer > largest64) return largest64;
  return integer < -largest64 ? -largest64 : integer;
}

function upperNumber(value: string): SqlValue {
  const floor = floorCursor("numeric_id", value, whole);
  const wanted = BigInt(floor === value ? value : stepCursor("numeric_id", floor, whole, 1));
  if (wanted > largest64) return largest64;
  return wanted < -largest64 ? -largest64 : wanted;
}
