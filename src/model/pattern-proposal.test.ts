import { expect, test } from "vitest";
import { patternsThatRead } from "./pattern-proposal.ts";

test.each([
  ["Sun, 01 Mar 2026 10:00:00 GMT", ["EEE, dd MMM yyyy HH:mm:ss 'GMT'"]],
  ["Sun, 1 Mar 2026 10:00:00 +0000", ["EEE, d MMM yyyy HH:mm:ss xx"]],
  ["01 Mar 2026 10:00", ["dd MMM yyyy HH:mm"]],
  ["01-MAR-26", ["dd-MMM-yy"]],
  ["Sunday, March 1, 2026 9:05 PM", ["EEEE, MMMM d, yyyy h:mm a"]],
  ["Sun Mar 01 10:00:00 +0000 2026", ["EEE MMM dd HH:mm:ss xx yyyy"]],
  ["03/01/2026 10:00", ["MM/dd/yyyy HH:mm", "dd/MM/yyyy HH:mm"]],
  ["03/25/2026 10:00", ["MM/dd/yyyy HH:mm"]],
  ["25.03.2026 10:00:07,123", ["dd.MM.yyyy HH:mm:ss,SSS"]],
  ["3/25/2026, 9:05:07 AM", ["M/d/yyyy, h:mm:ss a"]],
  ["2026/03/01 10:00:00", ["yyyy/MM/dd HH:mm:ss"]],
  ["2026/03/01T10:00:00Z", ["yyyy/MM/dd'T'HH:mm:ssX"]],
  ["20260301T100000Z", ["yyyyMMdd'T'HHmmssX"]],
  ["20260301100000", ["yyyyMMddHHmmss"]],
  ["20260301", ["yyyyMMdd"]],
])("%s may be read by its pattern", (text, patterns) => {
  expect(patternsThatRead(text)).toEqual(patterns);
});

test.each([
  "yesterday",
  "",
  "31/31/2026",
  "2026-02-30",
  "Foo, 01 Bar 2026",
  "Sun, 01 Mar 2026 10:00 EST",
  "1".repeat(99),
])("none is proposed for %s", (text) => {
  expect(patternsThatRead(text)).toEqual([]);
});
