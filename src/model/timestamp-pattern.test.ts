import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { describe, expect, test } from "vitest";
import { nanosecondsToTimestamp, timestampToNanoseconds } from "./timestamp.ts";
import { compilePattern, formatByPattern, parseByPattern } from "./timestamp-pattern.ts";

const parse = (text: string, pattern: string, timezone = "UTC") =>
  parseByPattern(text, compilePattern(pattern), timezone);
const format = (canonical: string, pattern: string, timezone = "UTC") =>
  formatByPattern(canonical, compilePattern(pattern), timezone);

test.each([
  ["dd.MM.yyyy HH:mm:ss", "31.12.2025 23:59:59", "UTC", "2025-12-31T23:59:59Z"],
  ["dd.MM.yyyy HH:mm:ss", "31.12.2025 23:59:59", "Europe/Berlin", "2025-12-31T22:59:59Z"],
  ["yyyyMMddHHmmssSSS", "20260131235959123", "UTC", "2026-01-31T23:59:59.123Z"],
  ["yyyyMMdd", "20260131", "America/New_York", "2026-01-31T05:00:00Z"],
  ["yyyy", "2026", "UTC", "2026-01-01T00:00:00Z"],
  ["M/d/yyyy h:mm a", "1/5/2026 12:05 AM", "UTC", "2026-01-05T00:05:00Z"],
  ["M/d/yyyy h:mm a", "11/25/2026 12:05 PM", "UTC", "2026-11-25T12:05:00Z"],
  ["d MMM yy", "5 Feb 69", "UTC", "1969-02-05T00:00:00Z"],
  ["d MMM yy", "5 Feb 26", "UTC", "2026-02-05T00:00:00Z"],
  ["MMMM d, yyyy", "September 5, 2026", "UTC", "2026-09-05T00:00:00Z"],
  ["EEE, dd MMM yyyy HH:mm:ss 'GMT'", "Sat, 31 Jan 2026 23:59:59 GMT", "UTC", "2026-01-31T23:59:59Z"],
  ["EEEE yyyy-MM-dd", "Saturday 2026-01-31", "UTC", "2026-01-31T00:00:00Z"],
  [
    "yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSXXX",
    "2026-01-31T23:59:59.123456789+05:30",
    "UTC",
    "2026-01-31T18:29:59.123456789Z",
  ],
  ["yyyy-MM-dd'T'HH:mm:ssXXX", "2026-01-31T23:59:59Z", "Europe/Berlin", "2026-01-31T23:59:59Z"],
  ["yyyy-MM-dd HH:mm:ss xx", "2026-01-31 23:59:59 +0000", "UTC", "2026-01-31T23:59:59Z"],
  ["yyyy-MM-dd HH:mmX", "2026-01-31 23:59-08", "UTC", "2026-02-01T07:59:00Z"],
  ["yyyy 'o''clock' MM", "2026 o'clock 05", "UTC", "2026-05-01T00:00:00Z"],
  ["yyyy-MM-dd''HH", "2026-01-31'05", "UTC", "2026-01-31T05:00:00Z"],
])("%s reads and writes %s (%s)", (pattern, text, timezone, canonical) => {
  expect(parse(text, pattern, timezone)).toBe(canonical);
  if (!pattern.includes("X") && !pattern.includes("x"))
    expect(format(canonical, pattern, timezone)).toBe(text);
});

test("names are read in any case, and numbers of one letter with one digit or two", () => {
  expect(parse("5 FEB 2026", "d MMM yyyy")).toBe("2026-02-05T00:00:00Z");
  expect(parse("05 feb 2026 1:02 pm", "d MMM yyyy h:mm a")).toBe("2026-02-05T13:02:00Z");
});

test.each([
  ["X", "2026-07-01T00:00:00Z", "Asia/Kolkata", "+0530"],
  ["X", "2026-07-01T00:00:00Z", "Europe/Berlin", "+02"],
  ["XX", "2026-07-01T00:00:00Z", "America/New_York", "-0400"],
  ["XXX", "2026-07-01T00:00:00Z", "America/St_Johns", "-02:30"],
  ["XXX", "2026-07-01T00:00:00Z", "UTC", "Z"],
  ["xxx", "2026-07-01T00:00:00Z", "UTC", "+00:00"],
  ["Z", "2026-07-01T00:00:00Z", "Europe/Berlin", "+0200"],
])("the offset %s of %s in %s is %s", (letters, canonical, timezone, text) => {
  expect(format(canonical, `yyyy ${letters}`, timezone)).toBe(`2026 ${text}`);
});

test("what is finer than the pattern is cut off and never rounded up", () => {
  expect(format("2026-01-31T23:59:59.999999999Z", "yyyy-MM-dd HH:mm:ss.SSS")).toBe("2026-01-31 23:59:59.999");
  expect(format("1969-12-31T23:59:59.999999999Z", "yyyy-MM-dd")).toBe("1969-12-31");
});

describe("P7: parsing what was formatted gives the same moment", () => {
  const time = fc.bigInt(-(6n * 10n ** 19n), 2n * 10n ** 20n);
  const zones = fc.constantFrom("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "+05:30");

  test.each([
    "yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSXXX",
    "d/M/yyyy h:m:s a SSSSSSSSS x",
    "EEEE MMMM ddyyyyHHmmssSSSSSSSSSXX",
  ])("with an offset in the text: %s", (pattern) => {
    fc.assert(
      fc.property(time, zones, (nanoseconds, timezone) => {
        // Offsets of the time before zones had seconds, which no pattern writes.
        fc.pre(timezone === "UTC" || nanoseconds > 0n);
        const canonical = nanosecondsToTimestamp(nanoseconds);
        expect(parse(format(canonical, pattern, timezone), pattern, "Asia/Tokyo")).toBe(canonical);
      }),
    );
  });

  test("without one, except in an hour that the clocks show twice", () => {
    const pattern = "yyyy-MM-dd HH:mm:ss.SSSSSSSSS";
    fc.assert(
      fc.property(time, zones, (nanoseconds, timezone) => {
        const canonical = nanosecondsToTimestamp(nanoseconds);
        const back = parse(format(canonical, pattern, timezone), pattern, timezone);
        if (back === canonical) return;
        expect(timestampToNanoseconds(back)).toBeLessThan(nanoseconds);
        const zoned = Temporal.Instant.fromEpochNanoseconds(nanoseconds).toZonedDateTimeISO(timezone);
        const earlier = zoned.toPlainDateTime().toZonedDateTime(timezone, { disambiguation: "earlier" });
        expect(back).toBe(earlier.toInstant().toString());
      }),
    );
  });

  test("the fields are those of Temporal's calendar", () => {
    fc.assert(
      fc.property(time, zones, (nanoseconds, timezone) => {
        const zoned = Temporal.Instant.fromEpochNanoseconds(nanoseconds).toZonedDateTimeISO(timezone);
        const { year, month, day, hour, minute, second, dayOfWeek } = zoned;
        const name = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][dayOfWeek - 1];
        expect(format(nanosecondsToTimestamp(nanoseconds), "EEE yyyy M d H m s", timezone)).toBe(
          `${name} ${String(year).padStart(4, "0")} ${month} ${day} ${hour} ${minute} ${second}`,
        );
      }),
    );
  });
});

describe("patterns that cannot be used say why", () => {
  test.each([
    ["YYYY-MM-dd", /YYYY is the year of weeks; write yyyy/],
    ["yyyy-DD", /DD is the day of the year/],
    ["yyyy-MM-dd z", /names of zones are ambiguous/],
    ["yyyy-MM-ddTHH:mm", /T is not a supported field; text goes in 'quotes'/],
    ["yyyyy", /yyyyy is not a supported field/],
    ["yyyy SSSSSSSSSS", /SSSSSSSSSS is not a supported field/],
    ["yyyy-MM-dd 'at", /a quote is not closed/],
    ["HH:mm", /it has no year/],
    ["", /it has no year/],
    ["yyyy dd", /it has a day and no month/],
    ["yyyy-MM-dd mm", /it has a minute and no hour/],
    ["yyyy-MM-dd HH:ss", /it has a second and no minute/],
    ["yyyy-MM-dd HH:mm.SSS", /it has a fraction and no second/],
    ["yyyy-MM-dd hh:mm", /h \(1 to 12\) and a \(AM, PM\) go together/],
    ["yyyy-MM-dd HH:mm a", /go together/],
    ["yyyy-MM-dd HH hh a", /it says the hour twice/],
    ["yyyy-MM-dd MMM", /it says the month twice/],
  ])("%s", (pattern, message) => {
    expect(() => compilePattern(pattern)).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID", message: expect.stringMatching(message) }),
    );
  });
});

describe("texts that do not follow the pattern say where", () => {
  test.each([
    ["dd.MM.yyyy", "31-12-2025", /"\." is missing at character 3/],
    ["dd.MM.yyyy", "1.12.2025", /dd does not fit at character 1/],
    ["dd.MM.yyyy", "31.12.25", /yyyy does not fit at character 7/],
    ["dd.MM.yyyy", "31.12.2025 10:00", /goes on after character 10/],
    ["dd.MM.yyyy", "31.02.2025", /2025-02 has no day 31/],
    ["dd.MM.yyyy", "", /dd does not fit/],
    ["yyyy-MM-dd HH:mm:ss", "2016-12-31 23:59:60", /leap second/],
    ["yyyy-MM-dd HH:mm:ss.SSS", "2016-12-31 23:59:59.12", /SSS does not fit/],
    ["yyyy-MM-dd HH:mm:ss.SSS", "2016-12-31 23:59:59.1234", /goes on after/],
    ["yyyy-MM-dd hh a", "2016-12-31 13 PM", /hh does not fit/],
    ["yyyy-MM-dd hh a", "2016-12-31 12 XM", /a does not fit/],
    ["yyyy MMM", "2016 Foo", /MMM does not fit/],
    ["yyyy XXX", "2016 +25:00", /XXX does not fit/],
    ["yyyy XXX", "2016 here", /XXX does not fit/],
  ])("%s: %j", (pattern, text, message) => {
    expect(() => parse(text, pattern)).toThrow(
      expect.objectContaining({ code: "CURSOR_INVALID", message: expect.stringMatching(message) }),
    );
  });

  test("a year that the pattern cannot say is never written as another", () => {
    expect(() => format("2070-01-01T00:00:00Z", "yy")).toThrow(/has the years 1969 to 2068/);
    expect(() => format("+012026-01-01T00:00:00Z", "yyyy")).toThrow(/has the years 0+ to 9999/);
  });
});
