import fc from "fast-check";
import { expect, test } from "vitest";
import { mysqlBounds } from "../../databases/mysql/bounds.ts";
import { postgresBounds } from "../../databases/postgres/bounds.ts";
import { sqliteBounds } from "../../databases/sqlite/bounds.ts";
import type { CursorField } from "../../engine/ports.ts";
import { parsePrecision } from "../../model/precision.ts";
import { isoFormat, nanosecondsToTimestamp, parseCursorFormat } from "../../model/timestamp.ts";
import { type Binding, bindLowerBound } from "./bind.ts";

const writers = { postgres: postgresBounds, sqlite: sqliteBounds, mysql: mysqlBounds };
const lowestBound = (cursor: CursorField, { writer, type }: Binding) => writer.lowest(cursor, type);

function field(type: CursorField["type"], format = isoFormat): CursorField {
  return {
    role: "timestamp",
    type,
    path: ["u"],
    format,
    bound: "inclusive",
    precision: parsePrecision("1us"),
  };
}

function binding(
  dialect: keyof typeof writers,
  type: string | null = null,
  queryFormat: string | null = null,
): Binding {
  return {
    writer: writers[dialect],
    type,
    queryFormat: queryFormat === null ? null : parseCursorFormat(queryFormat, "UTC"),
  };
}

const moment = "2024-03-31T00:30:05.123456789Z";

test.each([
  ["timestamp with time zone", "UTC", "2024-03-31T00:30:05.123456Z"],
  ["timestamp without time zone", "UTC", "2024-03-31 00:30:05.123456"],
  ["timestamp without time zone", "America/New_York", "2024-03-30 20:30:05.123456"],
  ["date", "UTC", "2024-03-31"],
  ["date", "America/New_York", "2024-03-30"],
  ["text", "UTC", "2024-03-30"],
])("PostgreSQL's %s in %s is bound as %s", (type, timezone, expected) => {
  const cursor = field("timestamp_utc", { kind: "iso8601", timezone });
  expect(bindLowerBound(cursor, moment, binding("postgres", type))).toBe(expected);
});

test.each([
  ["iso8601", null, "2024-03-30"],
  ["iso8601", "iso8601", "2024-03-31T00:30:05"],
  ["iso8601", "yyyy-MM-dd HH:mm:ss", "2024-03-31 00:30:05"],
  ["epoch_ms", null, 1_711_845_005_123n],
  ["epoch_s", null, 1_711_845_005n],
  ["yyyyMMddHHmmss", null, "20240331003005"],
])("SQLite's column of %s, asked by %s, is bound as %s", (format, queryFormat, expected) => {
  const cursor = field("timestamp_utc", parseCursorFormat(format, "UTC"));
  expect(bindLowerBound(cursor, moment, binding("sqlite", null, queryFormat))).toBe(expected);
});

test("P6: however a text column writes a moment, no text at or above the bound's moment sorts below the bound", () => {
  const between = fc.bigInt({ min: -62_000_000_000_000_000_000n, max: 250_000_000_000_000_000_000n });
  const writings = (canonical: string, offsetMinutes: number): string[] => {
    const [seconds = "", fraction = ""] = canonical.slice(0, -1).split(".");
    const local = new Date(Date.parse(`${seconds}Z`) + offsetMinutes * 60_000).toISOString().slice(0, 19);
    const padded = fraction.padEnd(9, "0");
    return [seconds, `${seconds}Z`, `${seconds}.${padded}Z`, canonical, `${seconds}+00:00`, local].flatMap(
      (text) => [text, text.replace("T", " ")],
    );
  };
  fc.assert(
    fc.property(
      between,
      fc.bigInt({ min: 0n, max: 100_000_000_000_000n }),
      fc.integer({ min: -14 * 60, max: 14 * 60 }),
      (at, later, offset) => {
        const bound = bindLowerBound(field("timestamp_utc"), nanosecondsToTimestamp(at), binding("sqlite"));
        for (const text of writings(nanosecondsToTimestamp(at + later), offset)) {
          expect(text >= String(bound), `${text} >= ${bound}`).toBe(true);
        }
      },
    ),
  );
});

test("numbers are rounded down to what the type holds, and never out of its range", () => {
  const id = field("numeric_id");
  expect(bindLowerBound(id, "12.5", binding("postgres", "numeric"))).toBe("12.5");
  expect(bindLowerBound(id, "12.5", binding("postgres", "bigint"))).toBe("12");
  expect(bindLowerBound(id, "-12.5", binding("postgres", "integer"))).toBe("-13");
  expect(bindLowerBound(id, "-40000", binding("postgres", "smallint"))).toBe("-32768");
  expect(bindLowerBound(id, "12.5", binding("sqlite"))).toBe(12n);
  expect(bindLowerBound(id, "9".repeat(40), binding("sqlite"))).toBe(2n ** 63n - 1n);
  expect(bindLowerBound(field("text"), "é", binding("postgres", "text"))).toBe("é");
});

test("the lowest value there is goes by the type", () => {
  const lowest = (type: string) => lowestBound(field("timestamp_utc"), binding("postgres", type));
  expect(lowest("timestamp with time zone")).toBe("-infinity");
  expect(lowest("integer")).toBe("-2147483648");
  expect(lowest("numeric")).toBe("-Infinity");
  expect(lowest("text")).toBe("");
  expect(lowestBound(field("text"), binding("sqlite"))).toBe("");
  expect(lowestBound(field("timestamp_utc"), binding("sqlite"))).toBe(Number.NEGATIVE_INFINITY);
  expect(() => lowest("inet")).toThrow(/no lowest inet/);
});
