import { z } from "zod";
import type { CursorField, Incremental } from "../engine/ports.ts";
import { messageOf } from "../errors.ts";
import { type Granule, parseGranule } from "../model/granule.ts";
import { orders } from "../model/position.ts";
import { parsePath } from "../model/record.ts";
import { type CursorFormat, parseCursorFormat } from "../model/timestamp.ts";

/** A check that passes what `parse` takes, and otherwise tells what it threw. */
function readableBy(parse: (text: string) => unknown) {
  return (text: string, context: z.RefinementCtx): void => {
    try {
      parse(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: messageOf(error) });
    }
  };
}

/** A dotted path into a record or an answer: `event.id`. */
export const pathSchema = z
  .string()
  .min(1)
  .refine((path) => path.split(".").every((step) => step !== ""), {
    error: "a path is names joined by single dots, as in `event.id`",
  });

/** An IANA time zone. */
export const timezoneSchema = z.string().superRefine(
  readableBy((timeZone) => {
    try {
      new Intl.DateTimeFormat("en", { timeZone });
    } catch {
      throw new Error(`\`${timeZone}\` is no IANA time zone, as \`UTC\` or \`Europe/Paris\` are`);
    }
  }),
);

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

const granuleText = z.string().superRefine(readableBy(parseGranule));

const granularity = granuleText
  .optional()
  .describe("The smallest step between two values as the source stores them: `1ms`, `1us`, `1s`, `1`.");

const timestampFormat = z
  .string()
  .min(1)
  .superRefine(readableBy((text) => parseCursorFormat(text, "UTC")));

const formatNames =
  "`iso8601`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`, or a date pattern such as `yyyy-MM-dd HH:mm:ss`";

/**
 * The keys under `statePersistence`. Sources that are asked by named parameters must name one for
 * each cursor; others need none.
 */
function statePersistenceSchema<Parameter extends z.ZodType<string | undefined>>(queryParam: Parameter) {
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
    granularity,
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
    granularity,
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
    lookback: granuleText
      .optional()
      .describe("How far below the watermark every run reads again, as `PT1H` or `10` for ids."),
    settle: granuleText.optional().describe("How far behind the present a run stops, as `PT5M`."),
    onNullCursor: z
      .enum(["fail", "deliver", "skip"])
      .default("fail")
      .describe("What to do with a record whose cursor field is missing or null."),
    until: z
      .strictObject({
        queryParam,
        format: timestampFormat
          .optional()
          .describe(
            `How the source expects the upper bound: ${formatNames}. Default: that of the lower bound.`,
          ),
      })
      .optional()
      .describe("Sends the run's upper bound as well."),
    storagePath: z.string().min(1).optional().describe("Folder that keeps this pipeline's state as files."),
    maxBoundaryKeys: z
      .int()
      .min(1)
      .default(10_000)
      .describe("How many records that share the watermark are remembered before they would be repeated."),
  });
}

/** `statePersistence` of an input that is asked by named parameters: each cursor names its own. */
export const parameterStatePersistenceSchema = statePersistenceSchema(parameterName);

/** `statePersistence` of an input that binds its cursors by place. */
export const placeStatePersistenceSchema = statePersistenceSchema(
  parameterName.optional().describe("Not used: this input binds its cursors by place."),
);

/** What both kinds have once they are parsed. */
export type StatePersistence = z.infer<typeof placeStatePersistenceSchema>;

/**
 * What the engine needs to know of a parsed `statePersistence` and `key`. `isoGranularity` is the
 * granule of ISO 8601 timestamps where none is declared: what this kind of source usually stores.
 */
export function incrementalOf(
  persistence: StatePersistence,
  key: z.infer<typeof keySchema> | undefined,
  isoGranularity: string,
): Incremental {
  return {
    cursors: cursorFields(persistence, isoGranularity),
    order: persistence.order,
    pagesPerCheckpoint: persistence.pagesPerCheckpoint,
    key: key === undefined ? null : [key].flat().map(parsePath),
    onNullCursor: persistence.onNullCursor,
    lookback: optionalGranule(persistence.lookback),
    settle: optionalGranule(persistence.settle),
    maxBoundaryKeys: persistence.maxBoundaryKeys,
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
      format: unformatted,
      bound: id.bound,
      granule: parseGranule(id.granularity ?? "1"),
    });
  }
  if (offset?.enabled) {
    fields.push({
      role: "offset",
      type: "offset",
      path: null,
      format: unformatted,
      bound: "inclusive",
      granule: parseGranule("1"),
    });
  }
  return fields;
}

/** Ids and offsets have one form only, so nothing is read from their format. */
const unformatted: CursorFormat = parseCursorFormat("iso8601", "UTC");

/** The granule of a format that declares none: its own resolution. */
function granularityOf(format: CursorFormat, isoGranularity: string): string {
  return format.kind === "iso8601" ? isoGranularity : formatResolutions[format.kind];
}

/** The finest step that a format other than ISO 8601 is sure to tell apart. */
export const formatResolutions = {
  epoch_s: "1s",
  epoch_ms: "1ms",
  epoch_us: "1us",
  epoch_ns: "1ns",
  pattern: "1s",
} as const;

function optionalGranule(text: string | undefined): Granule | null {
  return text === undefined ? null : parseGranule(text);
}
