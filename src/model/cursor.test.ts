import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type CursorType,
  compareCursors,
  compareCursorValues,
  cursorTypes,
  floorCursor,
  isOrdered,
  parseCursor,
  readCursorValue,
  sortKey,
  stepCursor,
} from "./cursor.ts";
import { canonicalDecimal } from "./decimal.ts";
import { ExactNumber } from "./exact-number.ts";
import { parsePrecision } from "./precision.ts";
import { isoFormat, nanosecondsToTimestamp } from "./timestamp.ts";

const invalid = expect.objectContaining({ code: "CURSOR_INVALID" });
const argument = expect.objectContaining({ code: "ARGUMENT_INVALID" });

/** Canonical values of each ordered type, near one another often enough for ties and neighbours. */
const canonical: Record<Exclude<CursorType, "opaque_token">, fc.Arbitrary<string>> = {
  timestamp_utc: fc
    .oneof(
      fc.bigInt(-(2n ** 63n), 2n ** 63n),
      fc.bigInt(-(10n ** 22n), 10n ** 22n),
      fc.bigInt(-3n, 3n),
      fc.bigInt(0n, 20n).map((tenths) => tenths * 100_000_000n),
    )
    .map(nanosecondsToTimestamp),
  numeric_id: fc
    .oneof(
      fc.bigInt(-20n, 20n).map(String),
      fc.bigInt(-(10n ** 400n), 10n ** 400n).map(String),
      fc.tuple(fc.bigInt(-2000n, 2000n), fc.nat(3)).map(([units, scale]) => `${units}e-${scale}`),
      fc.bigInt(2n ** 53n - 3n, 2n ** 53n + 3n).map(String),
    )
    .map((text) => canonicalDecimal(text) ?? "0"),
  text: fc.oneof(
    fc.string({
      unit: fc.constantFrom("a", "b", "\u0001", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"),
    }),
    fc.string({ unit: "binary" }).filter((text) => !text.includes("\0")),
  ),
  offset: fc.oneof(fc.nat(20).map(String), fc.bigInt(0n, 10n ** 30n).map(String)),
};
const orderedTypes = ["timestamp_utc", "numeric_id", "text", "offset"] as const;

describe.each(orderedTypes)("%s", (type) => {
  const value = canonical[type];
  const compare = (a: string, b: string) => Math.sign(compareCursorValues(type, a, b));

  test("order is total", () => {
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        expect(compare(a, a)).toBe(0);
        expect(compare(a, b) + compare(b, a)).toBe(0);
        expect(compare(a, b) === 0).toBe(a === b);
        if (compare(a, b) <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 500 },
    );
  });

  test("the sort key orders by bytes as the values do", () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const bytes = Buffer.compare(Buffer.from(sortKey(type, a)), Buffer.from(sortKey(type, b)));
        expect(bytes).toBe(compare(a, b));
      }),
      { numRuns: 1000 },
    );
  });

  test("P7: a canonical value is read back as it is", () => {
    fc.assert(
      fc.property(value, (text) => {
        expect(readCursorValue(type, text, isoFormat)).toBe(text);
        expect(parseCursor(type, text)).toEqual({ type, value: text });
      }),
    );
  });
});

describe("P7: reading keeps every digit", () => {
  test.each([
    ["numeric_id", 42, "42"],
    ["numeric_id", -0, "0"],
    ["numeric_id", 1.5, "1.5"],
    ["numeric_id", 1e-7, "0.0000001"],
    ["numeric_id", "0042", "42"],
    ["numeric_id", 9007199254740993n, "9007199254740993"],
    ["numeric_id", new ExactNumber("9007199254740993"), "9007199254740993"],
    ["numeric_id", "9".repeat(300), "9".repeat(300)],
    ["numeric_id", "12345678901234567890.1234567890", "12345678901234567890.123456789"],
    ["offset", 0, "0"],
    ["offset", "1e3", "1000"],
    ["text", "", ""],
    ["text", "Ünïcode 😀", "Ünïcode 😀"],
    ["opaque_token", "eyJ==", "eyJ=="],
    ["opaque_token", new ExactNumber("12345678901234567890"), "12345678901234567890"],
  ] as const)("%s %s is %s", (type, raw, expected) => {
    expect(readCursorValue(type, raw, isoFormat)).toBe(expected);
  });

  test.each([
    ["numeric_id", 2 ** 53],
    ["numeric_id", 2 ** 53 + 2],
    ["numeric_id", 1e300],
    ["numeric_id", Number.NaN],
    ["numeric_id", Number.NEGATIVE_INFINITY],
    ["numeric_id", "abc"],
    ["numeric_id", " 5"],
    ["numeric_id", ""],
    ["numeric_id", null],
    ["numeric_id", undefined],
    ["numeric_id", true],
    ["numeric_id", {}],
    ["offset", -1],
    ["offset", 1.5],
    ["offset", "-1"],
    ["text", 5],
    ["text", null],
    ["text", "half \ud800"],
    ["text", "nul \0"],
    ["opaque_token", 2 ** 60],
    ["opaque_token", null],
    ["opaque_token", {}],
    ["timestamp_utc", 5],
    ["timestamp_utc", null],
  ] as const)("%s %s is refused", (type, raw) => {
    expect(() => readCursorValue(type, raw, isoFormat)).toThrow(invalid);
  });

  test("a number that has lost digits already is refused, saying what to do", () => {
    expect(() => parseCursor("numeric_id", 2 ** 53)).toThrow(/give it as text/);
  });
});

describe("stepping once", () => {
  test.each([
    [
      "timestamp_utc",
      "2026-01-01T00:00:00Z",
      "1ns",
      "2026-01-01T00:00:00.000000001Z",
      "2025-12-31T23:59:59.999999999Z",
    ],
    ["timestamp_utc", "1970-01-01T00:00:00Z", "1ms", "1970-01-01T00:00:00.001Z", "1969-12-31T23:59:59.999Z"],
    ["timestamp_utc", "0000-01-01T00:00:00Z", "P1D", "0000-01-02T00:00:00Z", "-000001-12-31T00:00:00Z"],
    ["numeric_id", "9007199254740993", "1", "9007199254740994", "9007199254740992"],
    ["numeric_id", "0", "0.01", "0.01", "-0.01"],
    ["offset", "5", "1", "6", "4"],
    ["offset", "0", "1", "1", "0"],
    ["text", "abc", "1", "abc\u0001", "abb"],
    ["text", "a\u0001", "1", "a\u0001\u0001", "a"],
    ["text", "a\ue000", "1", "a\ue000\u0001", "a\ud7ff"],
    ["text", "a\u{10000}", "1", "a\u{10000}\u0001", "a\uffff"],
    ["text", "", "1", "\u0001", ""],
  ] as const)("%s %j by %s", (type, value, precision, up, down) => {
    expect(stepCursor(type, value, parsePrecision(precision), 1)).toBe(up);
    expect(stepCursor(type, value, parsePrecision(precision), -1)).toBe(down);
  });

  test("goes up and down, and a precision that is not zero always moves", () => {
    const precision = { timestamp_utc: "1ns", numeric_id: "0.5", text: "1", offset: "1" };
    for (const type of orderedTypes) {
      fc.assert(
        fc.property(canonical[type], (value) => {
          const step = parsePrecision(precision[type]);
          const up = stepCursor(type, value, step, 1);
          const down = stepCursor(type, value, step, -1);
          expect(compareCursorValues(type, up, value)).toBeGreaterThan(0);
          if (value !== "" && !(type === "offset" && value === "0")) {
            expect(compareCursorValues(type, down, value)).toBeLessThan(0);
          }
          expect(readCursorValue(type, down, isoFormat)).toBe(down);
          if (type === "timestamp_utc" || type === "numeric_id")
            expect(stepCursor(type, up, step, -1)).toBe(value);
        }),
      );
    }
  });

  test("nothing lies between a text and the next", () => {
    fc.assert(
      fc.property(canonical.text, canonical.text, (value, other) => {
        const next = stepCursor("text", value, parsePrecision("1"), 1);
        fc.pre(compareCursorValues("text", other, value) > 0);
        expect(compareCursorValues("text", next, other)).toBeLessThanOrEqual(0);
      }),
    );
  });

  test("a precision of another kind is refused", () => {
    expect(() => stepCursor("timestamp_utc", "2026-01-01T00:00:00Z", parsePrecision("1"), 1)).toThrow(
      argument,
    );
    expect(() => stepCursor("numeric_id", "1", parsePrecision("1s"), 1)).toThrow(argument);
    expect(() => floorCursor("offset", "1", parsePrecision("1s"))).toThrow(argument);
  });
});

test.each([
  ["timestamp_utc", "2026-01-01T00:00:00.999999999Z", "1s", "2026-01-01T00:00:00Z"],
  ["timestamp_utc", "1969-12-31T23:59:59.5Z", "1s", "1969-12-31T23:59:59Z"],
  ["timestamp_utc", "2026-01-01T13:00:00Z", "P1D", "2026-01-01T00:00:00Z"],
  ["timestamp_utc", "2026-01-01T00:00:00.5Z", "PT0S", "2026-01-01T00:00:00.5Z"],
  ["numeric_id", "-0.5", "1", "-1"],
  ["numeric_id", "12345678901234567890", "1000", "12345678901234567000"],
  ["numeric_id", "0.5", "0", "0.5"],
  ["offset", "57", "10", "50"],
  ["text", "abc", "1", "abc"],
] as const)("%s %s floored to %s is %s", (type, value, precision, expected) => {
  expect(floorCursor(type, value, parsePrecision(precision))).toBe(expected);
});

describe("opaque tokens", () => {
  test("have no order", () => {
    expect(cursorTypes.filter((type) => !isOrdered(type))).toEqual(["opaque_token"]);
    expect(() => compareCursorValues("opaque_token", "a", "b")).toThrow(argument);
    expect(() => stepCursor("opaque_token", "a", parsePrecision("1"), 1)).toThrow(argument);
    expect(() => floorCursor("opaque_token", "a", parsePrecision("1"))).toThrow(argument);
  });

  test("are their own sort key", () => {
    expect(sortKey("opaque_token", "abc=")).toBe("abc=");
  });
});

test("cursors of two types are not compared", () => {
  expect(compareCursors(parseCursor("numeric_id", 9), parseCursor("numeric_id", 10))).toBeLessThan(0);
  expect(() => compareCursors(parseCursor("numeric_id", 9), parseCursor("offset", 10))).toThrow(
    expect.objectContaining({ code: "CURSOR_TYPE_MISMATCH" }),
  );
});
