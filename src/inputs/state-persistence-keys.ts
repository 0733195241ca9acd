import { z } from "zod";
import { type CursorRole, cursorRoles } from "../engine/ports.ts";
import { orders } from "../model/position.ts";
import {
  isZero,
  type Precision,
  parsePrecision,
  precisionAmount,
  precisionNanoseconds,
} from "../model/precision.ts";
import { parseSliceStep, periods } from "../model/slices.ts";
import { isoFormat, parseCursorFormat } from "../model/timestamp.ts";
import { pathSchema } from "./path-schema.ts";
import { readableBy } from "./readable-by.ts";
import { storagePathSchema } from "./storage-path.ts";
import { timezoneSchema } from "./time-zone-schema.ts";

/** Where a stream begins that has never been read. */
const startSchema = z
  .union([z.string().min(1), z.number()])
  .describe(
    "Where a stream begins that has never been read: a value of its first cursor as records give it, a date, or a length of time before the run's own start, as `P30D`. Default: where the source begins.",
  );

/** How a window is cut: `{ step: P1D, concurrency: 4, clamp: day }`. */
const slicesSchema = z.strictObject({
  step: z
    .union([z.string(), z.number()])
    .superRefine(readableBy(parseSliceStep))
    .describe("How far a slice reaches: `P1D`, `PT6H`, `P1M`, or a number of ids such as `1000`."),
  concurrency: z.int().min(1).max(100).default(1).describe("How many slices are read at once."),
  clamp: z
    .enum(periods)
    .optional()
    .describe(
      "Slices then begin and end where a day, week or month does, in UTC, and the period that is not over yet is left to a later run.",
    ),
});

const enabled = z.boolean().default(true).describe("Whether this cursor is kept.");

const bound = z
  .enum(["inclusive", "exclusive"])
  .default("exclusive")
  .describe(
    "How the source compares this bound. With `exclusive` the value sent is one step lower, which loses nothing with an inclusive source either; with `inclusive` the watermark itself is sent.",
  );

/** A length to read again, or to stay behind by. */
const lengthText = z.string().superRefine(readableBy(parsePrecision));

function granularity(measure: (precision: Precision) => unknown) {
  return z
    .string()
    .superRefine(
      readableBy((text) => {
        const precision = parsePrecision(text);
        measure(precision);
        if (isZero(precision)) throw new Error("a precision is more than nothing: write 1ms, 1us, 1s, 1");
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
export function statePersistenceKeys<Parameter extends z.ZodType<string | undefined>>(queryParam: Parameter) {
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
    granularity: granularity(precisionNanoseconds).describe(
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
    granularity: granularity(precisionAmount).describe(
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
            "How the source compares the upper bound. With `exclusive` the value sent is one step higher, which loses nothing with an inclusive source either; with `inclusive` the bound itself is sent.",
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
    maxTieSetSize: z
      .int()
      .min(1)
      .default(10_000)
      .describe("How many records that share the watermark are remembered before they would be repeated."),
  });
}

/** A parsed `statePersistence`, whether its input asks by named parameters or binds by place. */
export type StatePersistence = z.infer<ReturnType<typeof statePersistenceKeys<z.ZodOptional<z.ZodString>>>>;

/** Of the enabled cursors, the one whose value is the watermark. */
export function leadingRole(persistence: StatePersistence): CursorRole | null {
  return cursorRoles.find((role) => persistence[role]?.enabled) ?? null;
}
