import { z } from "zod";
import { parseJson, stringifyJson } from "../../model/json.ts";
import { streamNameProblem } from "../../model/stream-key.ts";
import { isoTime } from "../iso-time.ts";

/** A value as SQL takes it. */
export type SqlValue = string | number | null;

/**
 * What the values of a column are, wherever they are kept or sent: `T` in memory, `W` in the messages of the service.
 * Databases give times as ISO 8601 text, whole numbers as numbers and JSON as text.
 */
export interface Kind<T, W = T> {
  /** The type of the column, as each database calls it. */
  readonly sqlite: "TEXT" | "INTEGER";
  readonly postgres: string;
  /**
   * Parses a stored value. It fails on a value of another form: unreadable state is an error, never "no state" (promise
   * P10).
   */
  readonly stored: z.ZodType<T>;
  encode(value: T): string | number;
  /** In the messages of the service, and as the library hands it out. */
  readonly wire: z.ZodType<W>;
  show(value: T): W;
  /** JSON stays JSON in a file, so that people can read it. */
  readonly isJson?: boolean;
  /** SQL that PostgreSQL evaluates to read the column, where it is not the column itself. */
  readonly postgresText?: (column: string) => string;
}

const asItIs = <T>(value: T): T => value;

/** Compared and sorted by code point, whatever the database's language is. */
const byCodePoint = 'text COLLATE "C"';

/** A part of a stream's name. */
export const streamName: Kind<string> = {
  sqlite: "TEXT",
  postgres: byCodePoint,
  stored: z.string(),
  encode: asItIs,
  show: asItIs,
  wire: z
    .string()
    .superRefine((name, context) => {
      const problem = streamNameProblem(name);
      if (problem !== null) context.addIssue({ code: "custom", message: `cannot be a name: ${problem}` });
    })
    .meta({ minLength: 1, maxLength: 200, pattern: "^[^\\u0000-\\u001f\\u007f]+$" }),
};

/** The id of a run. */
export const runIdText: Kind<string> = {
  ...streamName,
  wire: z.string().regex(/^[\w.:-]{1,100}$/, "takes 1 to 100 letters, digits and . _ : -"),
};

/** Text of any kind. */
export const text: Kind<string> = { ...streamName, postgres: "text", wire: z.string() };

/** Text that rows are found and sorted by. */
export const sortedText: Kind<string> = { ...text, postgres: byCodePoint };

/** The JSON of a position, kept as the text that it was written in. */
export const positionJson: Kind<string> = { ...text, isJson: true };

/** One of a fixed set of words. */
export function choice<const T extends string>(choices: readonly T[]): Kind<T> {
  return {
    sqlite: "TEXT",
    postgres: "text",
    stored: z.enum(choices),
    encode: asItIs,
    show: asItIs,
    wire: z.enum(choices),
  };
}

/** A whole number from 0: epochs, sequences and counts. */
export const wholeNumber: Kind<number> = {
  sqlite: "INTEGER",
  postgres: "bigint",
  stored: z.int().nonnegative(),
  encode: asItIs,
  show: asItIs,
  wire: z.int().nonnegative(),
};

/** A whole number of at most nine digits. */
export const smallNumber: Kind<number> = { ...wholeNumber, postgres: "integer" };

/** A point in time: milliseconds since 1970 in memory, ISO 8601 in UTC everywhere else. */
export const time: Kind<number, string> = {
  sqlite: "TEXT",
  postgres: "timestamptz",
  stored: z.iso.datetime({ offset: true }).transform((written) => Date.parse(written)),
  encode: isoTime,
  show: isoTime,
  wire: z.iso.datetime(),
  postgresText: isoText,
};

/** A point in time, kept as the exact text that a hash covers. */
export const timeText: Kind<string> = { ...text, wire: z.iso.datetime() };

/** Any JSON of a form, with every digit of its numbers. */
export function json<T extends W, W>(form: z.ZodType<T>, wire: z.ZodType<W>): Kind<T, W> {
  return {
    sqlite: "TEXT",
    postgres: "json",
    stored: jsonValue.pipe(form),
    encode: stringifyJson,
    show: asItIs,
    wire,
    isJson: true,
    // As text, since a caller's driver would parse JSON and round its numbers.
    postgresText: (column) => `${column}::text`,
  };
}

const jsonValue = z.string().transform((written, context): unknown => {
  try {
    return parseJson(written);
  } catch {
    context.addIssue({ code: "custom", message: "it is not JSON" });
    return z.NEVER;
  }
});

/** PostgreSQL's text of a time as a table holds it, whatever the connection's zone and style of dates. */
export function isoText(expression: string): string {
  return `to_char(${expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}
