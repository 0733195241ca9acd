import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CursorField } from "../engine/ports.ts";
import { compareCursorValues } from "../model/cursor.ts";
import { parsePrecision } from "../model/precision.ts";
import {
  type CursorFormat,
  formatLowerBound,
  isoFormat,
  millisecondsToTimestamp,
  nanosecondsToTimestamp,
  parseCursorFormat,
  parseTimestamp,
} from "../model/timestamp.ts";
import { formatUpperBound } from "../model/upper-bound.ts";
import { lowerBoundToSend, upperBoundToSend } from "./bounds.ts";

function field(type: CursorField["type"], precision: string, bound: CursorField["bound"]): CursorField {
  return { role: "id", type, path: ["x"], format: isoFormat, bound, precision: parsePrecision(precision) };
}

const alone = { secondaryCursor: false };

describe("lowerBoundToSend", () => {
  test.each<[string, CursorField, string, string]>([
    [
      "inclusive: as it is, every digit",
      field("timestamp_utc", "1ms", "inclusive"),
      "2026-01-01T00:00:00.123456789Z",
      "2026-01-01T00:00:00.123456789Z",
    ],
    [
      "exclusive: one step lower",
      field("timestamp_utc", "1us", "exclusive"),
      "2026-01-01T00:00:00Z",
      "2025-12-31T23:59:59.999999Z",
    ],
    [
      "exclusive, finer than the precision: rounded down first",
      field("timestamp_utc", "1ms", "exclusive"),
      "2026-01-01T00:00:00.0015Z",
      "2026-01-01T00:00:00Z",
    ],
    ["integers past 2^53", field("numeric_id", "1", "exclusive"), "9007199254740993", "9007199254740992"],
    ["integers of many digits", field("numeric_id", "1", "exclusive"), `1${"0".repeat(60)}`, "9".repeat(60)],
    ["ids below zero", field("numeric_id", "1", "exclusive"), "0", "-1"],
    ["decimals", field("numeric_id", "0.01", "exclusive"), "1.5", "1.49"],
    ["inclusive ids", field("numeric_id", "1", "inclusive"), "7", "7"],
    ["texts", field("text", "1", "inclusive"), "abc", "abc"],
    ["exclusive texts: one that comes before", field("text", "1", "exclusive"), "abc", "abb"],
    ["offsets count, and are sent as they are", field("offset", "1", "exclusive"), "500", "500"],
    ["tokens have no order", field("opaque_token", "1", "exclusive"), "t", "t"],
  ])("%s", (_name, cursor, value, expected) => {
    expect(lowerBoundToSend(cursor, value, alone)).toBe(expected);
  });

  test("next to a secondary cursor an inclusive bound is lowered too", () => {
    const cursor = field("timestamp_utc", "1ms", "inclusive");
    expect(lowerBoundToSend(cursor, "2026-01-01T00:00:00Z", { secondaryCursor: true })).toBe(
      "2025-12-31T23:59:59.999Z",
    );
  });

  test("P6: whatever is written, a source that compares strictly gives every record at or above the value", () => {
    const formats = [
      "iso8601",
      "epoch_s",
      "epoch_ms",
      "epoch_us",
      "epoch_ns",
      "yyyy-MM-dd",
      "yyyy-MM-dd HH:mm:ss",
      "dd.MM.yyyy HH:mm:ss.SSS",
    ];
    fc.assert(
      fc.property(
        fc.bigInt({ min: -2_000_000_000n * 1_000_000_000n, max: 4_000_000_000n * 1_000_000_000n }),
        fc.constantFrom(...formats),
        fc.constantFrom("UTC", "Europe/Berlin", "America/St_Johns"),
        fc.constantFrom("1ns", "1us", "1ms", "1s", "1d"),
        fc.boolean(),
        (nanoseconds, formatName, timezone, precision, secondaryCursor) => {
          const value = nanosecondsToTimestamp(nanoseconds);
          const format: CursorFormat = parseCursorFormat(formatName, timezone);
          const cursor = field("timestamp_utc", precision, secondaryCursor ? "inclusive" : "exclusive");
          const sent = lowerBoundToSend(cursor, value, { secondaryCursor, format });
          const understood = parseTimestamp(formatLowerBound(sent, format), format);
          expect(compareCursorValues("timestamp_utc", understood, value)).toBeLessThan(0);
          // A source may keep no more of its own values than the format can say.
          const asStored = parseTimestamp(formatLowerBound(value, format), format);
          expect(compareCursorValues("timestamp_utc", understood, asStored)).toBeLessThan(0);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("P7: a numeric bound keeps every digit, whatever its length", () => {
    fc.assert(
      fc.property(fc.bigInt(), (id) => {
        expect(lowerBoundToSend(field("numeric_id", "1", "inclusive"), String(id), alone)).toBe(String(id));
        expect(lowerBoundToSend(field("numeric_id", "1", "exclusive"), String(id), alone)).toBe(
          String(id - 1n),
        );
      }),
    );
  });
});

describe("formatUpperBound", () => {
  test.each([
    ["iso8601", "2026-01-01T10:00:00.123456789Z"],
    ["epoch_s", "1767261601"],
    ["epoch_ms", "1767261600124"],
    ["epoch_ns", "1767261600123456789"],
    ["yyyy-MM-dd", "2026-01-02"],
    ["yyyy-MM-dd HH:mm", "2026-01-01 10:01"],
  ])("%s: never earlier than the value", (name, expected) => {
    expect(formatUpperBound("2026-01-01T10:00:00.123456789Z", parseCursorFormat(name, "UTC"))).toBe(expected);
  });

  test("a value that the format can write is sent as it is", () => {
    const value = millisecondsToTimestamp(1_767_261_600_000);
    expect(formatUpperBound(value, parseCursorFormat("epoch_s", "UTC"))).toBe("1767261600");
    expect(formatUpperBound("2026-01-01T00:00:00Z", parseCursorFormat("yyyy-MM-dd", "UTC"))).toBe(
      "2026-01-01",
    );
  });
});

describe("upperBoundToSend", () => {
  test.each<[string, CursorField, string, string]>([
    ["inclusive: as it is", field("numeric_id", "1", "inclusive"), "7", "7"],
    [
      "exclusive: one step higher",
      field("numeric_id", "1", "exclusive"),
      "9007199254740993",
      "9007199254740994",
    ],
    ["exclusive decimals", field("numeric_id", "0.01", "exclusive"), "1.5", "1.51"],
    [
      "exclusive texts: one that comes after in any collation",
      field("text", "1", "exclusive"),
      "abc",
      "abc0",
    ],
    ["offsets are sent as they are", field("offset", "1", "exclusive"), "500", "500"],
    ["tokens have no order", field("opaque_token", "1", "exclusive"), "t", "t"],
  ])("%s", (_name, cursor, value, expected) => {
    expect(upperBoundToSend(cursor, value, cursor.bound)).toBe(expected);
  });

  test("P6: what a source understands that compares strictly lies above the value, in every format and zone", () => {
    const formats = ["iso8601", "epoch_s", "epoch_ms", "epoch_us", "yyyy-MM-dd", "dd.MM.yyyy HH:mm:ss.SSS"];
    const zones = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"];
    fc.assert(
      fc.property(
        fc.bigInt({ min: 946_684_800_000_000_000n, max: 4_102_444_800_000_000_000n }),
        fc.constantFrom("1ns", "1us", "1ms", "1s", "1m"),
        fc.constantFrom(...formats),
        fc.constantFrom(...zones),
        (nanoseconds, precision, name, zone) => {
          const value = nanosecondsToTimestamp(nanoseconds);
          const format = parseCursorFormat(name, zone);
          const raised = upperBoundToSend(field("timestamp_utc", precision, "exclusive"), value, "exclusive");
          const understood = parseTimestamp(formatUpperBound(raised, format), format);
          expect(compareCursorValues("timestamp_utc", understood, value)).toBeGreaterThan(0);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("where clocks show a time twice, the bound lies behind both of its meanings", () => {
    const format = parseCursorFormat("yyyy-MM-dd HH:mm", "Europe/Berlin");
    // 02:30 for the second time, an hour after the first.
    expect(formatUpperBound("2026-10-25T01:30:00Z", format)).toBe("2026-10-25 03:30");
  });
});
