import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { describe, expect, test } from "vitest";
import { ExactNumber } from "./exact-number.ts";
import {
  type CursorFormat,
  compareTimestamps,
  formatLowerBound,
  formatTimestamp,
  isoFormat,
  millisecondsToTimestamp,
  nanosecondsToTimestamp,
  parseCursorFormat,
  parseTimestamp,
  timestampSortKey,
  timestampToNanoseconds,
} from "./timestamp.ts";

const invalid = (message: RegExp) =>
  expect.objectContaining({ code: "CURSOR_INVALID", message: expect.stringMatching(message) });

const nanosecondsOfYear = 31_556_952n * 10n ** 9n;
/** Points in time of all years, with whole seconds and near neighbours among them. */
const anyTime = fc.oneof(
  fc.bigInt(-(2n ** 62n), 2n ** 62n),
  fc.bigInt(-300n, 300n),
  fc.bigInt(-(10n ** 10n), 10n ** 10n).map((seconds) => seconds * 10n ** 9n),
  fc.bigInt(-900_000n * nanosecondsOfYear, 900_000n * nanosecondsOfYear),
);
const iso = (timezone: string): CursorFormat => ({ kind: "iso8601", timezone });
const epoch = (kind: "epoch_s" | "epoch_ms" | "epoch_us" | "epoch_ns"): CursorFormat => ({
  kind,
  timezone: "UTC",
});

describe("P7: nanoseconds and canonical text", () => {
  test("each is read back from the other", () => {
    fc.assert(
      fc.property(anyTime, (nanoseconds) => {
        const canonical = nanosecondsToTimestamp(nanoseconds);
        expect(timestampToNanoseconds(canonical)).toBe(nanoseconds);
        expect(parseTimestamp(canonical, isoFormat)).toBe(canonical);
      }),
    );
  });

  test("the text is the one that Temporal writes", () => {
    const known = fc.bigInt(-(8n * 10n ** 21n), 8n * 10n ** 21n);
    fc.assert(
      fc.property(fc.oneof(known, fc.bigInt(-(2n ** 62n), 2n ** 62n)), (nanoseconds) => {
        expect(nanosecondsToTimestamp(nanoseconds)).toBe(
          Temporal.Instant.fromEpochNanoseconds(nanoseconds).toString(),
        );
      }),
      { numRuns: 500 },
    );
  });

  test("a clock's milliseconds", () => {
    expect(millisecondsToTimestamp(1_514_764_800_120)).toBe("2018-01-01T00:00:00.12Z");
    expect(millisecondsToTimestamp(-1)).toBe("1969-12-31T23:59:59.999Z");
  });

  test("years beyond 999,999 are refused", () => {
    expect(() => nanosecondsToTimestamp(10n ** 24n)).toThrow(invalid(/year is out of range/));
    expect(() => parseTimestamp("999999-12-31T23:59:59-01:00", isoFormat)).toThrow(invalid(/out of range/));
  });
});

describe("ISO 8601", () => {
  test.each([
    ["2026-01-31T23:59:59Z", "2026-01-31T23:59:59Z"],
    ["2026-01-31T23:59:59.123456789Z", "2026-01-31T23:59:59.123456789Z"],
    ["2026-01-31T23:59:59.1200Z", "2026-01-31T23:59:59.12Z"],
    ["2026-01-31T23:59:59.000Z", "2026-01-31T23:59:59Z"],
    ["2026-01-31T23:59:59.12345678900000Z", "2026-01-31T23:59:59.123456789Z"],
    ["2026-01-31t23:59:59,5z", "2026-01-31T23:59:59.5Z"],
    ["2026-01-31 23:59:59.123456+00", "2026-01-31T23:59:59.123456Z"],
    ["2026-01-31 23:59:59 +0200", "2026-01-31T21:59:59Z"],
    ["2026-01-31 23:59:59 UTC", "2026-01-31T23:59:59Z"],
    ["2026-01-31T23:59:59+02:00", "2026-01-31T21:59:59Z"],
    ["2026-01-31T23:59:59+0200", "2026-01-31T21:59:59Z"],
    ["2026-01-31T23:59:59-02", "2026-02-01T01:59:59Z"],
    ["2026-01-31T23:59:59.5-00:00", "2026-01-31T23:59:59.5Z"],
    ["1890-01-01 00:00:00+00:53:28", "1889-12-31T23:06:32Z"],
    ["2026-01-31T23:59", "2026-01-31T23:59:00Z"],
    ["2026-01-31T23:59+01", "2026-01-31T22:59:00Z"],
    ["2026-01-31", "2026-01-31T00:00:00Z"],
    ["2026-01-31T24:00:00Z", "2026-02-01T00:00:00Z"],
    ["2026-12-31T24:00:00.000+01:00", "2026-12-31T23:00:00Z"],
    ["2024-02-29", "2024-02-29T00:00:00Z"],
    ["2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"],
    ["0000-02-29T00:00:00Z", "0000-02-29T00:00:00Z"],
    ["+2026-01-31", "2026-01-31T00:00:00Z"],
    ["12026-01-31 00:00:00+00", "+012026-01-31T00:00:00Z"],
    ["+012026-01-31T00:00:00Z", "+012026-01-31T00:00:00Z"],
    ["-000001-12-31T23:59:59.9Z", "-000001-12-31T23:59:59.9Z"],
    ["-000001-12-31T23:59:59-01:00", "0000-01-01T00:59:59Z"],
    ["0044-03-15 00:00:00+00 BC", "-000043-03-15T00:00:00Z"],
    ["0001-01-01 BC", "0000-01-01T00:00:00Z"],
    ["2026-01-01T01:00:00.5+01:00[Europe/Paris]", "2026-01-01T00:00:00.5Z"],
    ["2026-01-01T00:00:00Z[UTC]", "2026-01-01T00:00:00Z"],
    ["2026-10-25T02:30:00+01:00[Europe/Paris][u-ca=gregory]", "2026-10-25T01:30:00Z"],
  ])("%s is %s", (text, canonical) => {
    expect(parseTimestamp(text, isoFormat)).toBe(canonical);
    expect(parseTimestamp(canonical, isoFormat)).toBe(canonical);
  });

  test.each([
    ["2026-02-29T00:00:00Z", /2026-02 has no day 29/],
    ["1900-02-29T00:00:00Z", /1900-02 has no day 29/],
    ["2026-04-31", /2026-04 has no day 31/],
    ["2026-00-01", /no month 0/],
    ["2026-13-01T00:00:00Z", /no month 13/],
    ["2026-01-00T00:00:00Z", /has no day 0/],
    ["2026-01-01T24:00:01Z", /no such time of day/],
    ["2026-01-01T25:00:00Z", /no such time of day/],
    ["2026-01-01T00:60:00Z", /no such time of day/],
    ["2026-01-01T00:00:61Z", /no such time of day/],
    ["2016-12-31T23:59:60Z", /leap second/],
    ["2026-01-01T00:00:00+24:00", /no such offset/],
    ["2026-01-01T00:00:00+02:60", /no such offset/],
    ["2026-01-01T00:00:00.1234567891Z", /finer than a nanosecond/],
    ["infinity", /no point in time/],
    ["-infinity", /no point in time/],
    ["0000-01-01 BC", /no such year BC/],
    ["", /expected|cannot be read as an ISO 8601 timestamp/],
    ["yesterday", /"yesterday" cannot be read as an ISO 8601 timestamp/],
    ["2026-1-1", /cannot be read/],
    ["26-01-01", /cannot be read/],
    ["2026-01-01T", /cannot be read/],
    ["2026-01-01T00", /cannot be read/],
    ["2026-01-01T00:00:00.Z", /cannot be read/],
    ["2026-01-01T00:00:00ZZ", /cannot be read/],
    ["2026-01-01X00:00:00Z", /cannot be read/],
    [" 2026-01-01T00:00:00Z", /cannot be read/],
    ["2026-01-01T00:00:00Z ", /cannot be read/],
    ["2026-01-01T00:00:00Z\n", /cannot be read/],
    ["1514764800", /cannot be read/],
    ["2026-01-01T01:00:00[Europe/Paris]", /a zone in brackets needs an offset in front of it/],
    ["2026-01-31[Europe/Paris]", /needs an offset/],
    ["[]", /needs an offset/],
    ["/Date(1767225600000)/", /declare the format epoch_ms/],
    [1514764800, /1514764800 cannot be read as an ISO 8601 timestamp: declare the format epoch_s/],
    [null, /null cannot be read/],
    [undefined, /nothing cannot be read/],
    [true, /true cannot be read/],
    [new Date(0), /an object \(Date\) cannot be read/],
    [["2026-01-01"], /a list cannot be read/],
  ])("%s is refused", (raw, message) => {
    expect(() => parseTimestamp(raw, isoFormat)).toThrow(invalid(message));
  });

  test("P7: every spelling of a moment is read as Temporal reads it", () => {
    const wall = fc.record({
      nanoseconds: fc.bigInt(-(4n * 10n ** 20n), 4n * 10n ** 20n),
      digits: fc.constantFrom("auto" as const, 0, 1, 3, 6, 9),
      offset: fc.integer({ min: -14 * 60, max: 14 * 60 }),
      separator: fc.constantFrom("T", " ", "t"),
    });
    fc.assert(
      fc.property(wall, ({ nanoseconds, digits, offset, separator }) => {
        const zone = `${offset < 0 ? "-" : "+"}${[Math.trunc(Math.abs(offset) / 60), Math.abs(offset) % 60].map((n) => String(n).padStart(2, "0")).join(":")}`;
        const zoned = Temporal.Instant.fromEpochNanoseconds(nanoseconds).toZonedDateTimeISO(zone);
        const text = zoned.toString({ timeZoneName: "never", fractionalSecondDigits: digits as "auto" });
        expect(parseTimestamp(text.replace("T", separator), isoFormat)).toBe(
          Temporal.Instant.from(text).toString(),
        );
      }),
      { numRuns: 1000 },
    );
  });

  test("a canonical text comes back as it is", () => {
    const text = "2026-01-31T23:59:59.5Z";
    expect(parseTimestamp(text, iso("Europe/Berlin"))).toBe(text);
  });

  test("a long value is cut in the message", () => {
    expect(() => parseTimestamp("x".repeat(10_000), isoFormat)).toThrow(invalid(/^.{0,250}$/));
  });
});

describe("wall times without an offset are read in the format's zone", () => {
  test.each([
    ["2026-01-31T12:00:00", "Europe/Berlin", "2026-01-31T11:00:00Z"],
    ["2026-07-31 12:00:00.123456", "Europe/Berlin", "2026-07-31T10:00:00.123456Z"],
    ["2026-07-31", "Europe/Berlin", "2026-07-30T22:00:00Z"],
    ["2026-01-31T12:00:00", "+05:30", "2026-01-31T06:30:00Z"],
    ["2026-01-31T12:00:00Z", "Europe/Berlin", "2026-01-31T12:00:00Z"],
    ["2026-01-31T12:00:00-05", "Europe/Berlin", "2026-01-31T17:00:00Z"],
    ["1890-01-01T00:00:00", "Europe/Berlin", "1889-12-31T23:06:32Z"],
    ["2011-12-30T12:00:00", "Pacific/Apia", "2011-12-30T22:00:00Z"],
  ])("%s in %s is %s", (text, timezone, canonical) => {
    expect(parseTimestamp(text, iso(timezone))).toBe(canonical);
  });

  test("a time that daylight saving leaves out is read by the offset before it", () => {
    expect(parseTimestamp("2026-03-29T02:30:00", iso("Europe/Berlin"))).toBe("2026-03-29T01:30:00Z");
    expect(parseTimestamp("2026-03-29T01:59:59", iso("Europe/Berlin"))).toBe("2026-03-29T00:59:59Z");
    expect(parseTimestamp("2026-03-29T03:00:00", iso("Europe/Berlin"))).toBe("2026-03-29T01:00:00Z");
  });

  test("a time that daylight saving repeats is the earlier one", () => {
    expect(parseTimestamp("2026-10-25T02:30:00", iso("Europe/Berlin"))).toBe("2026-10-25T00:30:00Z");
    expect(parseTimestamp("2026-10-25T03:00:00", iso("Europe/Berlin"))).toBe("2026-10-25T02:00:00Z");
  });

  test("years for which no zone is known are refused", () => {
    expect(() => parseTimestamp("+300000-01-01T00:00:00", iso("Europe/Berlin"))).toThrow(
      invalid(/zones are known/),
    );
  });
});

describe("epochs", () => {
  test.each([
    ["epoch_s", 1_514_764_800, "2018-01-01T00:00:00Z"],
    ["epoch_s", 1_514_764_800.123456, "2018-01-01T00:00:00.123456Z"],
    ["epoch_s", "1514764800.123456789", "2018-01-01T00:00:00.123456789Z"],
    ["epoch_s", new ExactNumber("1514764800.123456789"), "2018-01-01T00:00:00.123456789Z"],
    ["epoch_s", "1.5147648e9", "2018-01-01T00:00:00Z"],
    ["epoch_s", -1.5, "1969-12-31T23:59:58.5Z"],
    ["epoch_s", -0.000000001, "1969-12-31T23:59:59.999999999Z"],
    ["epoch_s", -86_400, "1969-12-31T00:00:00Z"],
    ["epoch_s", -0, "1970-01-01T00:00:00Z"],
    ["epoch_ms", 1_514_764_800_123, "2018-01-01T00:00:00.123Z"],
    ["epoch_ms", "1514764800123.456789", "2018-01-01T00:00:00.123456789Z"],
    ["epoch_ms", -1, "1969-12-31T23:59:59.999Z"],
    ["epoch_ms", -1000, "1969-12-31T23:59:59Z"],
    ["epoch_ms", 8_999_999_999_999_999, "+287168-08-24T15:59:59.999Z"],
    ["epoch_ms", "/Date(1514764800123)/", "2018-01-01T00:00:00.123Z"],
    ["epoch_ms", "/Date(1514764800123+0200)/", "2018-01-01T00:00:00.123Z"],
    ["epoch_ms", "/Date(-1)/", "1969-12-31T23:59:59.999Z"],
    ["epoch_us", 1_514_764_800_123_456, "2018-01-01T00:00:00.123456Z"],
    ["epoch_us", -1n, "1969-12-31T23:59:59.999999Z"],
    ["epoch_ns", new ExactNumber("1514764800123456789"), "2018-01-01T00:00:00.123456789Z"],
    ["epoch_ns", 1_514_764_800_123_456_789n, "2018-01-01T00:00:00.123456789Z"],
    ["epoch_ns", "-1", "1969-12-31T23:59:59.999999999Z"],
  ] as const)("%s %s is %s", (kind, raw, canonical) => {
    expect(parseTimestamp(raw, epoch(kind))).toBe(canonical);
  });

  test.each([
    ["epoch_s", "1514764800.1234567891", /finer than a nanosecond/],
    ["epoch_ms", "0.0000001", /finer than a nanosecond/],
    ["epoch_ns", "0.5", /finer than a nanosecond/],
    ["epoch_ns", 1_514_764_800_123_456_800, /too large to have kept its digits/],
    ["epoch_s", 10 ** 15, /year is out of range/],
    ["epoch_s", "9".repeat(400), /year is out of range/],
    ["epoch_s", Number.NaN, /NaN cannot be read as seconds since 1970/],
    ["epoch_s", Number.POSITIVE_INFINITY, /too large/],
    ["epoch_ms", "2018-01-01T00:00:00Z", /cannot be read as milliseconds since 1970/],
    ["epoch_ms", "", /cannot be read/],
    ["epoch_s", "/Date(1514764800123)/", /cannot be read as seconds/],
    ["epoch_ms", "/Date(1514764800123)", /cannot be read/],
    ["epoch_ms", null, /null cannot be read/],
    ["epoch_ms", new Date(0), /an object/],
  ] as const)("%s %s is refused", (kind, raw, message) => {
    expect(() => parseTimestamp(raw, epoch(kind))).toThrow(invalid(message));
  });

  test("P7: parsing what was formatted gives the same moment, to the unit and never later", () => {
    const kinds = fc.constantFrom(
      { kind: "epoch_s" as const, unit: 10n ** 9n },
      { kind: "epoch_ms" as const, unit: 10n ** 6n },
      { kind: "epoch_us" as const, unit: 1000n },
      { kind: "epoch_ns" as const, unit: 1n },
    );
    fc.assert(
      fc.property(anyTime, kinds, (nanoseconds, { kind, unit }) => {
        const text = formatTimestamp(nanosecondsToTimestamp(nanoseconds), epoch(kind));
        const lost = nanoseconds - timestampToNanoseconds(parseTimestamp(text, epoch(kind)));
        expect(lost >= 0n && lost < unit).toBe(true);
        if (Math.abs(Number(text)) < Number.MAX_SAFE_INTEGER) {
          expect(parseTimestamp(Number(text), epoch(kind))).toBe(parseTimestamp(text, epoch(kind)));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("what is sent to a source", () => {
  test("ISO 8601 is always in UTC", () => {
    expect(formatTimestamp("2026-01-31T23:59:59.5Z", iso("Europe/Berlin"))).toBe("2026-01-31T23:59:59.5Z");
  });

  test.each([
    ["epoch_s", "2018-01-01T00:00:00.999999999Z", "1514764800"],
    ["epoch_s", "1969-12-31T23:59:59.5Z", "-1"],
    ["epoch_ms", "1969-12-31T23:59:59.999999999Z", "-1"],
    ["epoch_ms", "2018-01-01T00:00:00.1239Z", "1514764800123"],
    ["epoch_us", "2018-01-01T00:00:00Z", "1514764800000000"],
  ] as const)("%s of %s is %s, never rounded up", (kind, canonical, text) => {
    expect(formatTimestamp(canonical, epoch(kind))).toBe(text);
  });

  test("a lower bound is moved out of the hour that daylight saving repeats", () => {
    const berlin: CursorFormat = {
      kind: "pattern",
      pattern: "yyyy-MM-dd HH:mm:ss",
      timezone: "Europe/Berlin",
    };
    const bounds = [
      "2026-10-24T23:59:59Z",
      "2026-10-25T00:00:00Z",
      "2026-10-25T00:59:59Z",
      "2026-10-25T01:59:59Z",
    ];
    expect(bounds.map((bound) => formatLowerBound(bound, berlin))).toEqual([
      "2026-10-25 01:59:59",
      "2026-10-25 01:59:59",
      "2026-10-25 01:59:59",
      "2026-10-25 01:59:59",
    ]);
    expect(formatLowerBound("2026-10-25T02:00:00Z", berlin)).toBe("2026-10-25 03:00:00");
    const withOffset: CursorFormat = { ...berlin, pattern: "yyyy-MM-dd HH:mm:ssXXX" };
    expect(formatLowerBound("2026-10-25T01:30:00Z", withOffset)).toBe("2026-10-25 02:30:00+01:00");
  });

  test("P1: no record from a lower bound on reads as earlier than the text sent", () => {
    const zones = fc.constantFrom("Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia");
    const second = fc.integer({ min: Date.UTC(2005, 0) / 1000, max: Date.UTC(2030, 0) / 1000 });
    const nearChange = fc
      .tuple(fc.integer({ min: 2005, max: 2029 }), fc.constantFrom(2, 3, 9, 10), fc.nat(31 * 86_400))
      .map(([year, month, offset]) => Date.UTC(year, month) / 1000 + offset);
    fc.assert(
      fc.property(zones, fc.oneof(second, nearChange), fc.nat(3 * 3600), (timezone, from, later) => {
        const format: CursorFormat = { kind: "pattern", pattern: "yyyy-MM-dd HH:mm:ss", timezone };
        const [bound, record] = [from, from + later].map((s) => millisecondsToTimestamp(s * 1000));
        const sent = formatLowerBound(bound ?? "", format);
        expect(sent <= formatTimestamp(record ?? "", format)).toBe(true);
        const wall = Temporal.PlainDateTime.from(sent.replace(" ", "T"));
        for (const disambiguation of ["earlier", "later"] as const) {
          const meant = wall.toZonedDateTime(timezone, { disambiguation }).epochMilliseconds / 1000;
          expect(meant).toBeLessThanOrEqual(from);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("formats by name", () => {
  test("each is what the pipeline file calls it", () => {
    expect(parseCursorFormat("iso8601", "Europe/Berlin")).toEqual(iso("Europe/Berlin"));
    expect(parseCursorFormat("epoch_us", "UTC")).toEqual(epoch("epoch_us"));
    expect(parseCursorFormat("dd.MM.yyyy", "UTC")).toEqual({
      kind: "pattern",
      pattern: "dd.MM.yyyy",
      timezone: "UTC",
    });
  });

  test.each([
    ["iso8061", "UTC"],
    ["epoch", "UTC"],
    ["iso8601", "Europe/Nowhere"],
  ])("%s in %s is refused", (text, timezone) => {
    expect(() => parseCursorFormat(text, timezone)).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    );
  });
});

test("order and the sort key's byte order are the order of time", () => {
  const near = fc.tuple(anyTime, fc.oneof(anyTime, fc.bigInt(-2n, 2n), fc.bigInt(-(10n ** 9n), 10n ** 9n)));
  fc.assert(
    fc.property(near, fc.boolean(), ([first, second], apart) => {
      const values = [first, apart ? second : first + (second % 10n ** 10n)];
      const [a = "", b = ""] = values.map(nanosecondsToTimestamp);
      const [x = 0n, y = 0n] = values;
      const expected = x < y ? -1 : x > y ? 1 : 0;
      expect(Math.sign(compareTimestamps(a, b))).toBe(expected);
      expect(Buffer.compare(Buffer.from(timestampSortKey(a)), Buffer.from(timestampSortKey(b)))).toBe(
        expected,
      );
    }),
    { numRuns: 1000 },
  );
});
