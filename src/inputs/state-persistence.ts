import { z } from "zod";
import type { CursorField, CursorRole, Incremental } from "../engine/ports.ts";
import { isZero, type Precision, parsePrecision } from "../model/precision.ts";
import { parsePath } from "../model/record.ts";
import { type CursorFormat, isoFormat, parseCursorFormat } from "../model/timestamp.ts";
import type { keySchema } from "./path-schema.ts";
import { slicesOf, validateSlices } from "./slices.ts";
import { startOf, startProblem } from "./start.ts";
import { leadingRole, type StatePersistence, statePersistenceKeys } from "./state-persistence-keys.ts";

const parameterName = z.string().min(1).describe("The request parameter that carries this value.");

/** Adds issues where the unit of `lookback`, `settle` or `start` does not fit the leading cursor. */
export function validateLengths(
  persistence: StatePersistence,
  leading: CursorRole | null,
  addIssue: (key: "lookback" | "settle" | "until" | "start" | "dedupe", message: string) => void,
): void {
  const lookbackUnit = unitOf(persistence.lookback);
  if (
    lookbackUnit !== null &&
    leading !== "timestamp" &&
    !(leading === "id" && persistence.id?.type === "numeric")
  ) {
    // An offset counts the records read, so records read again would be counted twice.
    addIssue("lookback", "needs an enabled `timestamp`, or a numeric `id`");
  } else if (lookbackUnit !== null && lookbackUnit !== (leading === "timestamp" ? "time" : "number")) {
    addIssue(
      "lookback",
      leading === "timestamp" ? "needs a length of time, as `PT1H`" : "needs a plain number, as `100`",
    );
  }
  if (persistence.dedupe !== undefined && persistence.lookback === undefined) {
    addIssue("dedupe", "goes with `lookback`, whose records it knows again");
  }
  const settleUnit = unitOf(persistence.settle);
  if (settleUnit !== null && (leading !== "timestamp" || settleUnit !== "time")) {
    addIssue("settle", "needs an enabled `timestamp` and a length of time, as `PT5M`");
  }
  if (persistence.until !== undefined && leading !== "timestamp" && leading !== "id") {
    addIssue("until", "needs an enabled `timestamp` or `id`, whose upper bound it sends");
  }
  const problem = startProblem(persistence, leading);
  if (problem !== null) addIssue("start", problem);
}

/** Null for no length and for one that cannot be parsed, which has an issue of its own. */
function unitOf(length: string | undefined): Precision["unit"] | null {
  try {
    return length === undefined ? null : parsePrecision(length).unit;
  } catch {
    return null;
  }
}

/** `statePersistence` of an input with named parameters: each cursor names its own. */
export const parameterStatePersistenceSchema = statePersistenceKeys(parameterName).superRefine(
  (persistence, context) => {
    const addIssue = (path: string[], message: string): void =>
      context.addIssue({ code: "custom", path, message });
    const leading = leadingRole(persistence);
    const unbounded =
      persistence.until === undefined
        ? "needs `until`, by which the source is asked for a slice's end"
        : null;
    validateLengths(persistence, leading, (key, message) => addIssue([key], message));
    validateSlices(persistence, leading, unbounded, addIssue);
  },
);

/**
 * `statePersistence` of an input that binds its cursors by place. As such an input may declare its
 * cursor elsewhere, it calls `validateLengths` and `validateSlices` itself.
 */
export const placeStatePersistenceSchema = statePersistenceKeys(
  parameterName.optional().describe("Not used by this input: cursors are bound to placeholders."),
);

/**
 * A parsed `statePersistence` and `key` in the engine's form. `isoPrecision` is the default precision of ISO 8601
 * timestamps for this kind of source.
 */
export function incrementalOf(
  persistence: StatePersistence,
  key: z.infer<typeof keySchema> | undefined,
  isoPrecision: string,
): Incremental {
  const cursors = cursorFields(persistence, isoPrecision);
  return {
    cursors,
    order: persistence.order,
    pagesPerCheckpoint: persistence.pagesPerCheckpoint,
    resume: persistence.resume,
    key: key === undefined ? null : [key].flat().map(parsePath),
    onNullCursor: persistence.onNullCursor,
    lookback: optionalLength(persistence.lookback),
    safetyLag: optionalLength(persistence.settle),
    dedupe: persistence.dedupe ?? null,
    maxTieSetSize: persistence.maxTieSetSize,
    start: startOf(persistence, cursors[0]),
    slices: slicesOf(persistence),
  };
}

/** The enabled cursors, leading one first. */
function cursorFields(persistence: StatePersistence, isoPrecision: string): CursorField[] {
  const { timestamp, id, offset } = persistence;
  const fields: CursorField[] = [];
  if (timestamp?.enabled) {
    const format = parseCursorFormat(timestamp.format, timestamp.timezone);
    fields.push({
      role: "timestamp",
      type: "timestamp_utc",
      path: parsePath(timestamp.field),
      format,
      bound: timestamp.bound,
      precision: parsePrecision(timestamp.granularity ?? precisionOf(format, isoPrecision)),
    });
  }
  if (id?.enabled) {
    fields.push({
      role: "id",
      type: id.type === "numeric" ? "numeric_id" : "text",
      path: parsePath(id.field),
      format: isoFormat,
      bound: id.bound,
      precision: parsePrecision(id.granularity ?? "1"),
    });
  }
  if (offset?.enabled) {
    fields.push({
      role: "offset",
      type: "offset",
      path: null,
      format: isoFormat,
      bound: "inclusive",
      precision: parsePrecision("1"),
    });
  }
  return fields;
}

/** The precision of timestamps whose format defines it; patterns count as whole seconds. */
function precisionOf(format: CursorFormat, isoPrecision: string): string {
  return {
    iso8601: isoPrecision,
    epoch_s: "1s",
    epoch_ms: "1ms",
    epoch_us: "1us",
    epoch_ns: "1ns",
    pattern: "1s",
  }[format.kind];
}

function optionalLength(text: string | undefined): Precision | null {
  if (text === undefined) return null;
  const precision = parsePrecision(text);
  return isZero(precision) ? null : precision;
}
