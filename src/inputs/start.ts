import type { CursorField, CursorRole, Start } from "../engine/ports.ts";
import { messageOf } from "../errors.ts";
import { readCursorValue } from "../model/cursor.ts";
import { parsePrecision, precisionNanoseconds } from "../model/precision.ts";
import { isoFormat, parseCursorFormat } from "../model/timestamp.ts";
import type { StatePersistence } from "./state-persistence-keys.ts";

/** The declared start in the engine's form. `leading` is the cursor whose value it is. */
export function startOf({ start }: StatePersistence, leading: CursorField | undefined): Start | null {
  return start === undefined || leading === undefined ? null : readStart(String(start), leading);
}

/** What is wrong with a start, for messages; null where it is valid or absent. */
export function startProblem(
  { start, timestamp, id }: StatePersistence,
  leading: CursorRole | null,
): string | null {
  if (start === undefined) return null;
  if (leading === null) return "needs an enabled `timestamp`, `id` or `offset`, whose value it is";
  try {
    const format =
      leading === "timestamp"
        ? parseCursorFormat(timestamp?.format ?? "iso8601", timestamp?.timezone ?? "UTC")
        : isoFormat;
    const types = { timestamp: "timestamp_utc", id: id?.type === "text" ? "text" : "numeric_id" } as const;
    readStart(String(start), { type: leading === "offset" ? "offset" : types[leading], format });
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

const duration = /^P[\dT]/;

/** A timestamp in the records' own form, or in ISO 8601 as people write dates. */
function readStart(text: string, { type, format }: Pick<CursorField, "type" | "format">): Start {
  if (type !== "timestamp_utc") return { at: readCursorValue(type, text, format) };
  if (duration.test(text)) {
    const before = parsePrecision(text);
    precisionNanoseconds(before);
    return { before };
  }
  try {
    return { at: readCursorValue(type, text, format) };
  } catch (error) {
    if (format.kind === "iso8601") throw error;
    try {
      return { at: readCursorValue(type, text, { kind: "iso8601", timezone: format.timezone }) };
    } catch {
      throw error;
    }
  }
}
