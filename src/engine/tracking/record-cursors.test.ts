import { describe, expect, test } from "vitest";
import type { CursorType } from "../../model/cursor.ts";
import { parsePrecision } from "../../model/precision.ts";
import { parseCursorFormat } from "../../model/timestamp.ts";
import type { CursorField } from "../ports.ts";
import { readCursors } from "./record-cursors.ts";

function fieldOf(type: CursorType, format = "iso8601"): CursorField {
  return {
    role: type === "timestamp_utc" ? "timestamp" : "id",
    type,
    path: ["at"],
    format: parseCursorFormat(format, "UTC"),
    bound: "inclusive",
    precision: parsePrecision(type === "timestamp_utc" ? "1ms" : "1"),
  };
}

describe("what stands for null in a source that cannot write it", () => {
  test.each<[CursorType, string, string]>([
    ["timestamp_utc", "iso8601", ""],
    ["timestamp_utc", "epoch_s", ""],
    ["timestamp_utc", "iso8601", "0000-00-00"],
    ["timestamp_utc", "yyyy-MM-dd HH:mm:ss", "0000-00-00 00:00:00"],
    ["timestamp_utc", "iso8601", "0000-00-00T00:00:00.000Z"],
    ["timestamp_utc", "iso8601", "0000-00-00 00:00:00+00:00"],
    ["timestamp_utc", "dd.MM.yyyy", "00.00.0000"],
    ["timestamp_utc", "yyyyMMddHHmmss", "00000000000000"],
    ["numeric_id", "iso8601", ""],
    ["timestamp_utc", "iso8601", "-infinity"],
    ["timestamp_utc", "iso8601", "Infinity"],
  ])("a %s cursor by %s takes %j for null", (type, format, raw) => {
    const field = fieldOf(type, format);
    for (const policy of ["deliver", "skip"] as const) {
      expect(readCursors([{ at: raw }], field, policy).cursors).toEqual([null]);
    }
    expect(() => readCursors([{ at: raw }], field, "fail")).toThrow(
      expect.objectContaining({
        code: "CURSOR_NULL",
        message: expect.stringContaining(`${JSON.stringify(raw)}, which is no value`),
        hint: expect.stringContaining("onNullCursor"),
      }),
    );
  });

  test.each<[CursorType, string, string, string]>([
    ["text", "iso8601", "", ""],
    ["text", "iso8601", "0000-00-00", "0000-00-00"],
    ["timestamp_utc", "epoch_s", "0", "1970-01-01T00:00:00Z"],
    ["timestamp_utc", "epoch_s", "00000000", "1970-01-01T00:00:00Z"],
    ["timestamp_utc", "iso8601", "0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"],
    ["numeric_id", "iso8601", "0", "0"],
  ])("a %s cursor by %s keeps %j as a value", (type, format, raw, cursor) => {
    expect(readCursors([{ at: raw }], fieldOf(type, format), "skip").cursors).toEqual([cursor]);
  });

  test.each<[string, string | RegExp]>([
    [
      "Sun, 01 Mar 2026 10:00:00 GMT",
      "declare `format: \"EEE, dd MMM yyyy HH:mm:ss 'GMT'\"`, and `queryFormat`",
    ],
    [
      "03/01/2026 10:00",
      '`format: "MM/dd/yyyy HH:mm"` or `format: "dd/MM/yyyy HH:mm"`, whichever has the month',
    ],
    ["1772359200", "declare `format: epoch_s`"],
    ["1772359200000", "declare `format: epoch_ms`"],
    ["yesterday", /cannot be read as an ISO 8601 timestamp \([^)]*\)$/],
    ["2026-02-30", /is no day|no such|day/],
  ])("a text of a known form that cannot be read names the format to declare: %s", (at, words) => {
    expect(() => readCursors([{ at }], fieldOf("timestamp_utc"), "fail")).toThrow(
      expect.objectContaining({
        code: "CURSOR_INVALID",
        message: typeof words === "string" ? expect.stringContaining(words) : expect.stringMatching(words),
      }),
    );
  });

  test("other texts that cannot be read stay CURSOR_INVALID", () => {
    const field = fieldOf("timestamp_utc");
    expect(() => readCursors([{ at: "0000-00-01" }], field, "skip")).toThrow(
      expect.objectContaining({ code: "CURSOR_INVALID" }),
    );
  });
});

describe("a field that no record of the page has", () => {
  const at = fieldOf("timestamp_utc");

  test("is reported with the fields there are, and the nearest", () => {
    const records = [
      { id: 1, At: "2024-01-01" },
      { id: 2, name: "x" },
    ];
    expect(() => readCursors(records, at, "fail")).toThrow(
      expect.objectContaining({
        code: "FIELD_UNKNOWN",
        message: expect.stringContaining("id, At, name"),
        hint: expect.stringContaining("`At`"),
      }),
    );
  });

  test("is looked for as far as its path leads", () => {
    const nested = { ...at, path: ["event", "time"] };
    expect(() => readCursors([{ id: 1, event: { times: "x", kind: "y" } }], nested, "fail")).toThrow(
      expect.objectContaining({
        code: "FIELD_UNKNOWN",
        message: expect.stringContaining("event.times, event.kind"),
      }),
    );
  });

  test("is null, and not unknown, where another record of the page has it", () => {
    const records = [{ id: 1 }, { id: 2, at: "2024-01-01" }];
    expect(() => readCursors(records, at, "fail")).toThrow(expect.objectContaining({ code: "CURSOR_NULL" }));
    expect(() => readCursors([{ id: 1, at: null }], at, "fail")).toThrow(
      expect.objectContaining({ code: "CURSOR_NULL" }),
    );
  });
});
