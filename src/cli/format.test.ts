import { describe, expect, it } from "vitest";
import { counted, formatAgo, formatCount, formatDuration } from "./format.ts";

describe("what people read", () => {
  it.each([
    [0, "0"],
    [999, "999"],
    [1000, "1,000"],
    [1234567, "1,234,567"],
  ])("writes the count %i as %s", (count, text) => {
    expect(formatCount(count)).toBe(text);
  });

  it("counts one and many", () => {
    expect(counted(1, "page")).toBe("1 page");
    expect(counted(0, "page")).toBe("0 pages");
    expect(counted(1200, "entry", "entries")).toBe("1,200 entries");
  });

  it.each([
    [0.4, "0 ms"],
    [999, "999 ms"],
    [12_340, "12.3 s"],
    [59_970, "1 min 0 s"],
    [184_000, "3 min 4 s"],
    [7_500_000, "2 h 5 min"],
    [400_000_000, "4 days"],
  ])("says %i ms as %s", (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  it.each([
    ["2026-01-01T00:00:00.400Z", "now"],
    ["2025-12-31T23:59:00Z", "60 s ago"],
    ["2025-12-31T23:00:00Z", "60 min ago"],
    ["2025-12-31T00:00:00Z", "24 h ago"],
    ["2025-12-01T00:00:00Z", "31 days ago"],
    ["2026-01-02T00:00:00Z", "now"],
  ])("says of %s: %s", (time, text) => {
    expect(formatAgo(time, Date.parse("2026-01-01T00:00:00Z"))).toBe(text);
  });
});
