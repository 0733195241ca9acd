import { z } from "zod";
import { type CursorField, type CursorRole, cursorRoles, type Incremental } from "../engine/ports.ts";
import { type Granule, granuleAmount, granuleNanoseconds, isZero, parseGranule } from "../model/granule.ts";
import { orders } from "../model/position.ts";
import { parsePath } from "../model/record.ts";
import { checkTimeZone } from "../model/time-zone.ts";
import { type CursorFormat, isoFormat, parseCursorFormat } from "../model/timestamp.ts";
import { readableBy } from "./readable-by.ts";
import { refuseUnusableSlices, slicesOf, slicesSchema } from "./slices.ts";
import { startOf, startProblem, startSchema } from "./start.ts";
import { storagePathSchema } from "./storage-path.ts";

/** A dotted path into a record or an answer: `event.id`. */
export const pathSchema = z
  .string()
  .min(1)
  .refine((path) => path.split(".").every((step) => step !== ""), {
    error: "a path is names joined by single dots, as in `event.id`",
  });

/** An IANA time zone. */
export const timezoneSchema = z.string().superRefine(readableBy(checkTimeZone));

/** What makes a record itself: a dotted path, or several that do so together. */
export const keySchema = z
  .union([pathSchema, z.array(pathSchema).min(1)])
  .describe(
    "Dotted path of the field that identifies a record, or a list of paths. Without it records are told apart by their whole content.",
  );

const parameterName = z.string().min(1).describe("Name of the request parameter that carries this value.");

const enabled = z.boolean().default(true).describe("Whether this cursor is kept.");

const bound = z
  .enum(["inclusive", "exclusive"])
  .default("exclusive")
  .describe(
    "How the source compares this bound. With `exclusive` the value sent is one granule lower, which loses nothing with an inclusive source either; with `inclusive` the watermark itself is sent.",
  );

/** A length to read again, or to stay behind by. */
const lengthText = z.string().superRefine(readableBy(parseGranule));

function granularity(measure: (granule: Granule) => unknown) {
  return z
    .string()
    .superRefine(
      readableBy((text) => {
        const granule = parseGranule(text);
        measure(granule);
        if (isZero(granule)) throw new Error("a granule is more than nothing: write 1ms, 1us, 1s, 1");
      }),
    )
    .optional();
}

const timestampFormat = z
  .string()
  .min(1)
  .superRefine(readableBy((text) => parseCursorFormat(text, isoFormat.timezone)));

const formatNames =
  "`iso8601`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`, or a date pattern such as `yyyy-MM-dd HH:mm:ss`";

/**
 * The keys under `statePersistence`. Sources that are asked by named parameters must name one for
 * each cursor; others need none.
 */
function statePersistenceKeys<Parameter extends z.ZodType<string | undefined>>(queryParam: Parameter) {
  const timestamp = z.strictObject({
    enabled,
    field: pathSchema.describe("Dotted path of the record's timestamp."),
    format: timestampFormat.default("iso8601").describe(`How records give the timestamp: ${formatNames}.`),
    timezone: timezoneSchema
      .default("UTC")
      .describe("IANA time zone of timestamps that carry no offset of their own."),
    queryParam,
    queryFormat: timestampFormat
      .optional()
      .describe(`How the source expects the bound: ${formatNames}. Default: \`format\`.`),
    bound,
    granularity: granularity(granuleNanoseconds).describe(
      "The smallest step between two timestamps as the source stores them: `1us`, `1ms`, `1s`.",
    ),
  });
  const id = z.strictObject({
    enabled,
    field: pathSchema.describe("Dotted path of the record's id."),
    type: z
      .enum(["numeric", "text"])
      .default("numeric")
      .describe("How ids are compared: as numbers of any length, or as text by code point."),
    queryParam,
    bound,
    granularity: granularity(granuleAmount).describe(
      "The smallest step between two numeric ids. Default: `1`.",
    ),
  });
  const offset = z.strictObject({ enabled, queryParam });

  return z.strictObject({
    timestamp: timestamp.optional().describe("Keeps the highest timestamp delivered."),
    id: id.optional().describe("Keeps the highest id delivered."),
    offset: offset
      .optional()
      .describe("Keeps the number of records delivered; beside another cursor it counts inside a run."),
    order: z
      .enum(orders)
      .default("unordered")
      .describe("The order of records within one read. `ascending` lets checkpoints move the watermark."),
    pagesPerCheckpoint: z
      .int()
      .min(1)
      .default(1)
      .describe("How many pages are delivered between two checkpoints."),
    resume: z
      .enum(["token", "page"])
      .default("token")
      .describe(
        "Where a read that was cut off goes on when its order is not ascending: at the next page's token or link, or with `page` at page numbers and offsets too, which shift while records change.",
      ),
    lookback: lengthText
      .optional()
      .describe("How far below the watermark every run reads again, as `PT1H` or `10` for ids."),
    dedupe: z
      .enum(["window"])
      .optional()
      .describe(
        "With `lookback` into an output that appends: `window` keeps the identities of what was delivered within the lookback beside the rows, so that what is read again is not added again. Needs `key`.",
      ),
    settle: lengthText.optional().describe("How far behind the present a run stops, as `PT5M`."),
    onNullCursor: z
      .enum(["fail", "deliver", "skip"])
      .default("fail")
      .describe(
        "What to do with a record whose cursor field is missing or null. An empty text, a date of zeros (`0000-00-00`) and `infinity` count as null.",
      ),
    until: z
      .strictObject({
        queryParam,
        format: timestampFormat
          .optional()
          .describe(
            `How the source expects the upper bound: ${formatNames}. Default: that of the lower bound.`,
          ),
        bound: z
          .enum(["inclusive", "exclusive"])
          .default("exclusive")
          .describe(
            "How the source compares the upper bound. With `exclusive` the value sent is one granule higher, which loses nothing with an inclusive source either; with `inclusive` the bound itself is sent.",
          ),
      })
      .optional()
      .describe("Sends the upper bound of what is read as well."),
    start: startSchema.optional(),
    slices: slicesSchema
      .optional()
      .describe(
        "Cuts what a run has to read into slices, each asked for by both its bounds. A slice that fails is read first by the next run; those that were read stay so.",
      ),
    storagePath: storagePathSchema.optional(),
    maxBoundaryKeys: z
      .int()
      .min(1)
      .default(10_000)
      .describe("How many records that share the watermark are remembered before they would be repeated."),
  });
}

/** What `lookback`, `settle` and `start` are counted in is up to the leading cursor. */
export function refuseUnusableLengths(
  persistence: StatePersistence,
  leading: CursorRole | null,
  refuse: (key: "lookback" | "settle" | "until" | "start" | "dedupe", message: string) => void,
): void {
  const lookbackUnit = unitOf(persistence.lookback);
  if (
    lookbackUnit !== null &&
    leading !== "timestamp" &&
    !(leading === "id" && persistence.id?.type === "numeric")
  ) {
    // An offset counts what was read, so what is read again would be counted again.
    refuse("lookback", "needs an enabled `timestamp`, or a numeric `id`");
  } else if (lookbackUnit !== null && lookbackUnit !== (leading === "timestamp" ? "time" : "number")) {
    refuse(
      "lookback",
      leading === "timestamp" ? "needs a length of time, as `PT1H`" : "needs a plain number, as `100`",
    );
  }
  if (persistence.dedupe !== undefined && persistence.lookback === undefined) {
    refuse("dedupe", "goes with `lookback`, whose records it knows again");
  }
  const settleUnit = unitOf(persistence.settle);
  if (settleUnit !== null && (leading !== "timestamp" || settleUnit !== "time")) {
    refuse("settle", "needs an enabled `timestamp` and a length of time, as `PT5M`");
  }
  if (persistence.until !== undefined && leading !== "timestamp" && leading !== "id") {
    refuse("until", "needs an enabled `timestamp` or `id`, whose upper bound it sends");
  }
  const problem = startProblem(persistence, leading);
  if (problem !== null) refuse("start", problem);
}

/** Null for no length and for one that cannot be read, which has an issue of its own. */
function unitOf(length: string | undefined): Granule["unit"] | null {
  try {
    return length === undefined ? null : parseGranule(length).unit;
  } catch {
    return null;
  }
}

/** Of the enabled cursors, the one whose value is the watermark. */
export function leadingRole(persistence: StatePersistence): CursorRole | null {
  return cursorRoles.find((role) => persistence[role]?.enabled) ?? null;
}

/** `statePersistence` of an input that is asked by named parameters: each cursor names its own. */
export const parameterStatePersistenceSchema = statePersistenceKeys(parameterName).superRefine(
  (persistence, context) => {
    const refuse = (path: string[], message: string): void =>
      context.addIssue({ code: "custom", path, message });
    const leading = leadingRole(persistence);
    const unbounded =
      persistence.until === undefined
        ? "needs `until`, by which the source is asked for a slice's end"
        : null;
    refuseUnusableLengths(persistence, leading, (key, message) => refuse([key], message));
    refuseUnusableSlices(persistence, leading, unbounded, refuse);
  },
);

/**
 * `statePersistence` of an input that binds its cursors by place. As such an input may declare its
 * cursor elsewhere, it calls `refuseUnusableLengths` and `refuseUnusableSlices` itself.
 */
export const placeStatePersistenceSchema = statePersistenceKeys(
  parameterName.optional().describe("Not used: this input binds its cursors by place."),
);

/** What both kinds have once they are parsed. */
export type StatePersistence = z.infer<ReturnType<typeof statePersistenceKeys<z.ZodOptional<z.ZodString>>>>;

/**
 * What the engine needs to know of a parsed `statePersistence` and `key`. `isoGranularity` is the
 * granule of ISO 8601 timestamps where none is declared: what this kind of source usually stores.
 */
export function incrementalOf(
  persistence: StatePersistence,
  key: z.infer<typeof keySchema> | undefined,
  isoGranularity: string,
): Incremental {
  const cursors = cursorFields(persistence, isoGranularity);
  return {
    cursors,
    order: persistence.order,
    pagesPerCheckpoint: persistence.pagesPerCheckpoint,
    resume: persistence.resume,
    key: key === undefined ? null : [key].flat().map(parsePath),
    onNullCursor: persistence.onNullCursor,
    lookback: optionalLength(persistence.lookback),
    settle: optionalLength(persistence.settle),
    dedupe: persistence.dedupe ?? null,
    maxBoundaryKeys: persistence.maxBoundaryKeys,
    start: startOf(persistence, cursors[0]),
    slices: slicesOf(persistence),
  };
}

/** The enabled cursors, leading one first. */
function cursorFields(persistence: StatePersistence, isoGranularity: string): CursorField[] {
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
      granule: parseGranule(timestamp.granularity ?? granularityOf(format, isoGranularity)),
    });
  }
  if (id?.enabled) {
    fields.push({
      role: "id",
      type: id.type === "numeric" ? "numeric_id" : "text",
      path: parsePath(id.field),
      format: isoFormat,
      bound: id.bound,
      granule: parseGranule(id.granularity ?? "1"),
    });
  }
  if (offset?.enabled) {
    fields.push({
      role: "offset",
      type: "offset",
      path: null,
      format: isoFormat,
      bound: "inclusive",
      granule: parseGranule("1"),
    });
  }
  return fields;
}

/** The granule of timestamps whose format says how fine they are; patterns are taken for whole seconds. */
function granularityOf(format: CursorFormat, isoGranularity: string): string {
  return {
    iso8601: isoGranularity,
    epoch_s: "1s",
    epoch_ms: "1ms",
    epoch_us: "1us",
    epoch_ns: "1ns",
    pattern: "1s",
  }[format.kind];
}

function optionalLength(text: string | undefined): Granule | null {
  if (text === undefined) return null;
  const granule = parseGranule(text);
  return isZero(granule) ? null : granule;
}
