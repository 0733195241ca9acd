import { describe, expect, test } from "vitest";
import { ExactNumber } from "../../model/exact-number.ts";
import { parsePrecision } from "../../model/precision.ts";
import { type CursorFormat, parseTimestamp } from "../../model/timestamp.ts";
import { epochUnitWarning } from "./epoch-unit.ts";

function doubt(raw: unknown, kind: "epoch_s" | "epoch_ms" | "epoch_us" | "epoch_ns" | "iso8601") {
  const format: CursorFormat = { kind, timezone: "UTC" };
  return epochUnitWarning(raw, parseTimestamp(raw, format), {
    role: "timestamp",
    type: "timestamp_utc",
    path: ["meta", "at"],
    format,
    bound: "inclusive",
    precision: parsePrecision("1s"),
  });
}

describe("a time that another unit makes plausible is reported, with both readings and the right format", () => {
  test.each([
    [1_772_496_000_000, "epoch_s", "+058138-", "in milliseconds 2026-03-03T00:00:00Z", "epoch_ms"],
    ["1772496000000", "epoch_s", "+058138-", "in milliseconds 2026-03-03", "epoch_ms"],
    [1_772_496_000_000_000, "epoch_ms", "+058138-", "in microseconds 2026-03-03", "epoch_us"],
    [1_772_496_000, "epoch_ms", "1970-01-21", "in seconds 2026-03-03", "epoch_s"],
    [1_772_496_000_000, "epoch_us", "1970-01-21", "in milliseconds 2026-03-03", "epoch_ms"],
    [1_772_496_000_000, "epoch_ns", "1970-01-01", "in milliseconds 2026-03-03", "epoch_ms"],
    [new ExactNumber("1772496000.5"), "epoch_ms", "1970-01-21", "in seconds 2026-03-03", "epoch_s"],
  ] as const)("%s as %s", (raw, kind, read, other, right) => {
    const told = doubt(raw, kind);
    expect(told).toContain("`meta.at` is ");
    expect(told).toContain(`that is ${read}`);
    expect(told).toContain(other);
    expect(told).toContain(`declare \`format: ${right}\``);
  });

  test.each([
    [1_772_496_000, "epoch_s"],
    [1_772_496_000_000, "epoch_ms"],
    [0, "epoch_ms"],
    [86_400, "epoch_s"],
    [253_402_300_799, "epoch_s"],
    ["2026-03-03T00:00:00Z", "iso8601"],
    ["1970-03-03T00:00:00Z", "iso8601"],
  ] as const)("nothing is said of %s as %s", (raw, kind) => {
    expect(doubt(raw, kind)).toBeNull();
  });
});
