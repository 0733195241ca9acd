import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { expect, test } from "vitest";
import { ambiguitySince, checkTimeZone, offsetAt, secondsOfLocal, unclearSince } from "./time-zone.ts";

const zones = fc.constantFrom(
  "Europe/Berlin",
  "Europe/Dublin",
  "America/New_York",
  "America/St_Johns",
  "Africa/Casablanca",
  "Asia/Tokyo",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "+05:30",
  "UTC",
);
const moment = fc.oneof(
  fc.integer({ min: Date.UTC(1880, 0) / 1000, max: Date.UTC(2100, 0) / 1000 }),
  fc.integer({ min: Date.UTC(2010, 0) / 1000, max: Date.UTC(2027, 0) / 1000 }),
);

test("offsets are Temporal's, whatever was looked up before", () => {
  fc.assert(
    fc.property(zones, moment, (timezone, seconds) => {
      const zoned = Temporal.Instant.fromEpochMilliseconds(seconds * 1000).toZonedDateTimeISO(timezone);
      expect(offsetAt(seconds, timezone)).toBe(zoned.offsetNanoseconds / 1e9);
    }),
    { numRuns: 1000 },
  );
});

test("wall times are Temporal's, with gaps and repetitions read as `compatible`", () => {
  fc.assert(
    fc.property(zones, moment, (timezone, local) => {
      const wall = Temporal.Instant.fromEpochMilliseconds(local * 1000)
        .toZonedDateTimeISO("UTC")
        .toPlainDateTime();
      const expected =
        wall.toZonedDateTime(timezone, { disambiguation: "compatible" }).epochMilliseconds / 1000;
      expect(secondsOfLocal(local, timezone)).toBe(expected);
    }),
    { numRuns: 1000 },
  );
});

test("the hours around clocks being put back are ambiguous, and no others", () => {
  const start = Date.UTC(2026, 9, 25, 0) / 1000;
  const at = (seconds: number) => ambiguitySince(seconds, "Europe/Berlin");
  expect([start - 1, start, start + 3600, start + 7199, start + 7200].map(at)).toEqual([
    null,
    start,
    start,
    start,
    null,
  ]);
  expect(at(Date.UTC(2026, 2, 29, 1) / 1000)).toBeNull();
  expect(ambiguitySince(start, "UTC")).toBeNull();
  expect(ambiguitySince(start, "+02:00")).toBeNull();
});

test.each(["Europe/Nowhere", "", "Z"])("%j is no time zone", (timezone) => {
  expect(() => checkTimeZone(timezone)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }));
  expect(() => offsetAt(0, timezone)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }));
});

test("the hour that comes twice and the one that is left out are unclear, and no others", () => {
  const at = (seconds: number) => unclearSince(seconds, "Europe/Berlin");
  const back = Date.UTC(2026, 9, 25, 0) / 1000;
  expect([back - 1, back, back + 7199, back + 7200].map(at)).toEqual([null, back, back, null]);
  const forward = Date.UTC(2026, 2, 29, 1) / 1000;
  expect([forward - 1, forward, forward + 3599, forward + 3600].map(at)).toEqual([
    null,
    forward,
    forward,
    null,
  ]);
  expect(unclearSince(back, "UTC")).toBeNull();
});
