import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CursorField } from "../../engine/ports.ts";
import { compareCursorValues, readCursorValue } from "../../model/cursor.ts";
import { parsePrecision } from "../../model/precision.ts";
import { compareTexts } from "../../model/text-order.ts";
import { nanosecondsToTimestamp, parseCursorFormat, timestampToNanoseconds } from "../../model/timestamp.ts";
import { timestampForm } from "../../model/timestamp-form.ts";
import { lowerBoundText, upperBoundText } from "./bound-text.ts";
import { SourceForms } from "./source-forms.ts";

function field(
  format = "iso8601",
  bound: CursorField["bound"] = "inclusive",
  more: Partial<CursorField> = {},
): CursorField {
  return {
    role: "timestamp",
    type: "timestamp_utc",
    path: ["at"],
    format: parseCursorFormat(format, "UTC"),
    bound,
    precision: parsePrecision(format === "epoch_s" ? "1s" : "1ms"),
    ...more,
  };
}

/** The names of the forms that values have. */
function formsOf(cursor: CursorField, ...values: unknown[]): readonly string[] {
  const known = new Set<string>();
  const forms = new SourceForms([cursor], { known, learn: (fact) => known.add(fact) });
  forms.see(values.map((at) => ({ at })));
  return forms.of(cursor);
}

function lower(cursor: CursorField, value: string, seen: unknown[], queryFormat?: string): string {
  const format = queryFormat === undefined ? cursor.format : parseCursorFormat(queryFormat, "UTC");
  return lowerBoundText(cursor, value, false, { format, forms: formsOf(cursor, ...seen) }).text;
}

describe("P7: a lower bound is sent in the form that records have", () => {
  test.each([
    ["three digits", "2026-01-01T00:00:05.570Z", "inclusive", "2026-01-01T00:00:05.570Z"],
    ["three digits, one step lower", "2026-01-01T00:00:05.571Z", "exclusive", "2026-01-01T00:00:05.570Z"],
    ["whole seconds", "2026-01-01T00:00:05Z", "exclusive", "2026-01-01T00:00:04Z"],
    ["six digits, a space", "2026-01-01 00:00:05.571000", "exclusive", "2026-01-01 00:00:05.570000"],
    ["nine digits", "2026-01-01T00:00:05.123456789Z", "inclusive", "2026-01-01T00:00:05.123456789Z"],
    ["an offset of zero", "2026-01-01T00:00:05.000+00:00", "inclusive", "2026-01-01T00:00:05.000+00:00"],
    [
      "a local offset, as after summer time",
      "2026-01-01T05:30:05+0530",
      "inclusive",
      "2026-01-01T04:30:05+0430",
    ],
    ["hours alone", "2026-01-01 02:00:05.5+02", "inclusive", "2026-01-01 01:00:05.5+01"],
    ["small letters", "2026-01-01t00:00:05z", "inclusive", "2026-01-01t00:00:05z"],
    ["a comma", "2026-01-01T00:00:05,250Z", "inclusive", "2026-01-01T00:00:05,250Z"],
    ["UTC by name", "2026-01-01 00:00:05 UTC", "inclusive", "2026-01-01 00:00:05 UTC"],
    ["a zone's name", "2026-01-01T01:00:05+01:00[Europe/Paris]", "inclusive", "2026-01-01T00:00:05+00:00"],
    ["no seconds", "2026-01-01T00:05Z", "inclusive", "2026-01-01T00:05Z"],
    ["a date alone", "2026-01-01", "inclusive", "2026-01-01"],
    ["a date alone, one step lower", "2026-01-01", "exclusive", "2025-12-31"],
  ] as const)("%s", (_name, text, bound, expected) => {
    const cursor = field("iso8601", bound);
    expect(lower(cursor, readCursorValue("timestamp_utc", text, cursor.format), [text])).toBe(expected);
  });

  test.each([
    ["epoch_s", "1767225602.999900", "inclusive", "1767225602.999900"],
    ["epoch_s", "1767225602.999900", "exclusive", "1767225601.000000"],
    ["epoch_s", "1767225602", "inclusive", "1767225602"],
    ["epoch_ms", "1767225602999.50", "inclusive", "1767225602999.50"],
    ["yyyyMMdd'T'HHmmssXXX", "20260101T020002+02:00", "inclusive", "20260101T010002+01:00"],
    ["yyyyMMdd'T'HHmmssXXX", "20260101T000002+00:00", "inclusive", "20260101T000002+00:00"],
    ["yyyyMMdd'T'HHmmssXXX", "20260101T000002Z", "exclusive", "20260101T000001Z"],
  ] as const)("%s: %s, %s", (format, text, bound, expected) => {
    const cursor = field(format, bound);
    expect(lower(cursor, readCursorValue("timestamp_utc", text, cursor.format), [text])).toBe(expected);
  });

  test.each([
    ["000123", "inclusive", "000123"],
    ["000123", "exclusive", "000122"],
    ["1.50", "inclusive", "1.50"],
    ["007.10", "inclusive", "007.10"],
    ["123", "inclusive", "123"],
    [9_007_199_254_740_991, "exclusive", "9007199254740990"],
  ] as const)("an id %s, %s", (id, bound, expected) => {
    const cursor = field("iso8601", bound, {
      role: "id",
      type: "numeric_id",
      precision: parsePrecision("1"),
    });
    expect(lower(cursor, readCursorValue("numeric_id", id, cursor.format), [id])).toBe(expected);
  });
});

test("a bound that no record had is cut down to the digits that records have", () => {
  expect(lower(field(), "2026-01-01T00:00:05.5719Z", ["2026-01-01T00:00:00.000Z"])).toBe(
    "2026-01-01T00:00:05.571Z",
  );
});

test("before any record was seen, a bound sorts before the whole day in any separator and zone", () => {
  expect(lower(field(), "2026-03-01T00:00:00Z", [])).toBe("2026-02-27T23:59:59Z");
});

test("a pattern that cuts the bound and writes a letter behind the cut is sent one step lower", () => {
  const seconds = "yyyy-MM-dd'T'HH:mm:ss'Z'";
  const value = "2026-01-01T00:00:05.571Z";
  expect(lower(field(), value, [], seconds)).toBe("2026-01-01T00:00:04Z");
  expect(lower(field(), "2026-01-01T00:00:05Z", [], seconds)).toBe("2026-01-01T00:00:05Z");
  expect(lower(field(), value, [], "yyyy-MM-dd")).toBe("2026-01-01");
});

test("more forms than can be kept count as none, and the bound is a day lower", () => {
  const many = Array.from({ length: 60 }, (_, at) => {
    const minutes = String(at % 60).padStart(2, "0");
    return `2026-01-01T00:00:00+01:${minutes}`;
  });
  expect(formsOf(field(), ...many)).toEqual([]);
  expect(lower(field(), "2026-03-01T00:00:00Z", many)).toBe("2026-02-27T23:59:59Z");
});

const suffixes = [
  "Z",
  "z",
  "",
  "+00:00",
  "+0000",
  "+02:00",
  "-05:00",
  "+0530",
  " UTC",
  "+01:00[Europe/Paris]",
];
const shapes = fc
  .record({
    separator: fc.constantFrom("T", " ", "t"),
    digits: fc.integer({ min: 0, max: 9 }),
    suffix: fc.constantFrom(...suffixes),
  })
  .map(({ separator, digits, suffix }) => {
    const fraction = digits === 0 ? "" : `.${"0".repeat(digits)}`;
    return `0000-00-00${separator}00:00:00${fraction}${suffix}`;
  });

/** A moment as a source writes it in that form; null where the form has too few digits for it. */
function writtenIn(name: string, moment: string): string | null {
  const form = timestampForm(name, "UTC");
  if (form === null || timestampToNanoseconds(moment) % form.step !== 0n) return null;
  const { zone } = form;
  const [, sign = "+", hours = "0", minutes = "0"] = /^([+-])(\d\d):(\d\d)$/.exec(zone ?? "") ?? [];
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000_000_000 * (sign === "-" ? -1 : 1);
  const local = nanosecondsToTimestamp(timestampToNanoseconds(moment) + BigInt(offset)).slice(0, -1);
  const [seconds = "", fraction = ""] = local.split(".");
  const digits = /[.](0+)/.exec(name)?.[1]?.length ?? 0;
  const tail = digits === 0 ? "" : `.${fraction.padEnd(digits, "0")}`;
  return `${seconds.replace("T", form.separator)}${tail}${form.suffix}`;
}

const nanoseconds = fc.bigInt({ min: 0n, max: 4_000_000_000n }).chain((rest) =>
  fc.constantFrom(1n, 1000n, 1_000_000n, 100_000_000n, 1_000_000_000n).map((unit) => {
    return 1_767_225_600_000_000_000n + (rest / unit) * unit;
  }),
);

const cases = fc.record({
  forms: fc.uniqueArray(shapes, { minLength: 1, maxLength: 4 }),
  form: fc.nat(),
  bound: fc.constantFrom("inclusive" as const, "exclusive" as const),
  precision: fc.constantFrom("1ns", "1us", "1ms", "1s"),
  at: nanoseconds,
  of: nanoseconds,
});

test("P6: no source that compares texts or moments, strictly or not, keeps back a record within the bounds", () => {
  fc.assert(
    fc.property(cases, ({ forms, form, bound, precision, at, of }) => {
      // What the source's clock tells apart is what is declared.
      const step = parsePrecision(precision);
      const unit = step.unit === "time" ? step.nanoseconds : 1n;
      const value = nanosecondsToTimestamp((at / unit) * unit);
      const moment = nanosecondsToTimestamp((of / unit) * unit);
      const record = writtenIn(forms[form % forms.length] ?? "", moment);
      fc.pre(record !== null);
      const cursor = field("iso8601", bound, { precision: step });
      const within = { format: cursor.format, forms };
      const isInside = (limit: number): boolean => (bound === "inclusive" ? limit >= 0 : limit > 0);
      const order = compareCursorValues("timestamp_utc", moment, value);
      if (order >= 0) {
        const sent = lowerBoundText(cursor, value, false, within);
        expect(isInside(compareTexts(record ?? "", sent.text)), `${record} from ${sent.text}`).toBe(true);
        expect(isInside(compareCursorValues("timestamp_utc", moment, sent.says))).toBe(true);
      }
      if (order <= 0) {
        const { text } = upperBoundText(cursor, value, bound, within);
        const says = readCursorValue("timestamp_utc", text, cursor.format);
        expect(isInside(compareTexts(text, record ?? "")), `${record} up to ${text}`).toBe(true);
        expect(isInside(compareCursorValues("timestamp_utc", says, moment))).toBe(true);
      }
    }),
    { numRuns: 5000 },
  );
});

test("a record that comes back below the reach of a bound cannot be explained by it", () => {
  fc.assert(
    fc.property(cases, ({ forms, form, bound, at, of }) => {
      const value = nanosecondsToTimestamp(at);
      const moment = nanosecondsToTimestamp(of);
      const record = writtenIn(forms[form % forms.length] ?? "", moment);
      fc.pre(record !== null);
      const cursor = field("iso8601", bound);
      const { text, says, reach } = lowerBoundText(cursor, value, false, { format: cursor.format, forms });
      const comes =
        compareTexts(record ?? "", text) >= 0 || compareCursorValues("timestamp_utc", moment, says) >= 0;
      if (comes) {
        expect(
          compareCursorValues("timestamp_utc", moment, reach),
          `${record} from ${text}`,
        ).toBeGreaterThanOrEqual(0);
      }
    }),
    { numRuns: 5000 },
  );
});

test("P6: before any form is known, no form that there is keeps back a record within the bounds", () => {
  fc.assert(
    fc.property(shapes, nanoseconds, fc.bigInt({ min: 0n, max: 100_000_000_000_000n }), (shape, at, by) => {
      const record = writtenIn(shape, nanosecondsToTimestamp(at));
      fc.pre(record !== null);
      const cursor = field();
      const within = { format: cursor.format, forms: [] };
      const { text } = lowerBoundText(cursor, nanosecondsToTimestamp(at - by), false, within);
      expect(compareTexts(record ?? "", text)).toBeGreaterThan(0);
      const upper = upperBoundText(cursor, nanosecondsToTimestamp(at + by), "inclusive", within);
      expect(compareTexts(upper.text, record ?? "")).toBeGreaterThan(0);
    }),
    { numRuns: 2000 },
  );
});
