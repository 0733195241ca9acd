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

/** Where a stream that was never read begins. */
const startSchema = z
  .union([z.string().min(1), z.number()])
  .describe(
    "Where a stream begins that was never read: a value of the leading cursor as records have it, a date, or a length of time before the run's start, such as `P30D`. Default: the source's beginning.",
  );

/** How a window is cut: `{ step: P1D, concurrency: 4, clamp: day }`. */
const slicesSchema = z.strictObject({
  step: z
    .union([z.string(), z.number()])
    .superRefine(readableBy(parseSliceStep))
    .describe("The length of a slice: `P1D`, `PT6H`, `P1M`, or a number of ids such as `1000`."),
  concurrency: z
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe("How many slices are read at once. Each keeps pages in memory."),
  clamp: z
    .enum(periods)
    .optional()
    .describe(
      "Slices begin and end with a day, week or month, in UTC. The period that is not over is left to a later run.",
    ),
});

const enabled = z.boolean().default(true).describe("Whether this cursor is used.");

const bound = z
  .enum(["inclusive", "exclusive"])
  .default("exclusive")
  .describe(
    "How the source compares the lower bound. `exclusive` sends a value one step lower, which is safe for an inclusive source too. `inclusive` sends the watermark itself.",
  );

/** A length for `lookback` or `settle`. */
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

/** The keys under `statePersistence`. Inputs with named parameters must name one for each cursor; others need none. */
export function statePersistenceKeys<Parameter extends z.ZodType<string | undefined>>(queryParam: Parameter) {
  const timestamp = z.strictObject({
    enabled,
    field: pathSchema.describe("Dotted path of the record's timestamp."),
    format: timestampFormat.default("iso8601").describe(`How records write the timestamp: ${formatNames}.`),
    timezone: timezoneSchema
      .default("UTC")
      .describe("IANA time zone of timestamps without an offset, such as `Europe/Berlin`."),
    queryParam,
    queryFormat: timestampFormat
      .optional()
      .describe(`How the source expects the bound: ${formatNames}. Default: \`format\`.`),
    bound,
    granularity: granularity(precisionNanoseconds).describe(
      "The smallest step between two timestamps as the source stores them: `1us`, `1ms`, `1s`. Too coarse reads more again, too fine can lose ties. Default: `1ms` for ISO 8601 from an API, `1us` from a database, the unit of an epoch, `1s` for a pattern.",
    ),
  });
  const id = z.strictObject({
    enabled,
    field: pathSchema.describe("Dotted path of the record's id."),
    type: z
      .enum(["numeric", "text"])
      .default("numeric")
      .describe("How ids are compared: as numbers with any number of digits, or as text by code point."),
    queryParam,
    bound,
    granularity: granularity(precisionAmount).describe(
      "The smallest step between two numeric ids. Default: `1`.",
    ),
  });
  const offset = z.strictObject({ enabled, queryParam });

  return z.strictObject({
    timestamp: timestamp
      .optional()
      .describe(
        "Keeps the highest timestamp delivered. For sources that can be filtered by the time of the last change.",
      ),
    id: id
      .optional()
      .describe("Keeps the highest id delivered. For sources with rising ids and records that never change."),
    offset: offset
      .optional()
      .describe(
        "Keeps the number of records delivered. Together with another cursor it counts inside a run.",
      ),
    order: z
      .enum(orders)
      .default("unordered")
      .describe(
        "How the source sorts one read by the cursor. `ascending`: each checkpoint moves the watermark. `descending` (newest first) and `unordered`: the watermark moves at the end of the window, and checkpoints keep the next page's token. Never declare `ascending` on a guess.",
      ),
    pagesPerCheckpoint: z
      .int()
      .min(1)
      .default(1)
      .describe(
        "Pages between two checkpoints. More pages make fewer commits, and a killed run repeats more.",
      ),
    resume: z
      .enum(["token", "page"])
      .default("token")
      .describe(
        "Where an unfinished window goes on if the order is not ascending: `token` at the next page's token or link, `page` at page numbers and offsets too. Those shift while records change, so use `page` only where records are only added.",
      ),
    lookback: lengthText
      .optional()
      .describe(
        "How far below the watermark every run reads again, for records that come late: `PT1H`, or `10` for ids. Into an output that appends it needs `dedupe: window`. Default: nothing.",
      ),
    dedupe: z
      .enum(["window"])
      .optional()
      .describe(
        "With `lookback` into an output that appends: `window` stores the keys and cursors that were delivered within the lookback with the rows, so records that are read again are not added again. Needs `key`.",
      ),
    settle: lengthText
      .optional()
      .describe(
        "How far behind the present a window ends, such as `PT5M`, for sources that show records after a delay. Needs a `timestamp`. Default: nothing.",
      ),
    onNullCursor: z
      .enum(["fail", "deliver", "skip"])
      .default("fail")
      .describe(
        "What happens to a record whose cursor is missing or null. `fail` refuses it with `CURSOR_NULL`, which fails the run unless the output's `onError` says otherwise; `deliver` delivers it once, `skip` leaves it out. An empty text, a date of zeros (`0000-00-00`) and `infinity` count as null.",
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
            "How the source compares the upper bound. `exclusive` sends a value one step higher, which is safe for an inclusive source too. `inclusive` sends the end itself.",
          ),
      })
      .optional()
      .describe("Sends the end of the window too. Slices need it."),
    start: startSchema.optional(),
    slices: slicesSchema
      .optional()
      .describe(
        "Cuts a window into slices that are read on their own, each with both bounds. For long first loads. Needs `until`, and `start` for the first run. The next run reads failed slices first.",
      ),
    storagePath: storagePathSchema.optional(),
    maxTieSetSize: z
      .int()
      .min(1)
      .default(10_000)
      .describe(
        "How many records with the watermark's own value are remembered. If there are more, the next run delivers them again.",
      ),
  });
}

/** A parsed `statePersistence`, whether its input asks by named parameters or binds by place. */
export type StatePersistence = z.infer<ReturnType<typeof statePersistenceKeys<z.ZodOptional<z.ZodString>>>>;

/** Of the enabled cursors, the one whose value is the watermark. */
export function leadingRole(persistence: StatePersistence): CursorRole | null {
  return cursorRoles.find((role) => persistence[role]?.enabled) ?? null;
}
