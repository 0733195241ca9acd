import fc from "fast-check";
import { expect, test } from "vitest";
import type { CursorField } from "../../engine/ports.ts";
import { compareCursorValues } from "../../model/cursor.ts";
import { parsePrecision } from "../../model/precision.ts";
import { compareTexts } from "../../model/text-order.ts";
import { parseCursorFormat } from "../../model/timestamp.ts";
import { lowerBoundText, upperBoundText } from "./bound-text.ts";
import { withEarlierOffsets, withLaterOffsets } from "./seasonal-offsets.ts";
import { SourceForms } from "./source-forms.ts";

/** When the clocks of a place change, and the offsets before and after, in minutes. */
const changes = [
  { at: "2026-03-29T01:00:00Z", before: 60, after: 120 },
  { at: "2026-10-25T01:00:00Z", before: 120, after: 60 },
  { at: "2026-03-08T07:00:00Z", before: -300, after: -240 },
  { at: "2026-11-01T06:00:00Z", before: -240, after: -300 },
  { at: "2026-10-25T01:00:00Z", before: 60, after: 0 },
  { at: "2026-03-29T01:00:00Z", before: 0, after: 60 },
  { at: "2026-03-08T05:30:00Z", before: -210, after: -150 },
  { at: "2026-11-01T04:30:00Z", before: -150, after: -210 },
] as const;

const styles = ["+hh:mm", "+hhmm", "pattern"] as const;

function offsetText(minutes: number, colon: string): string {
  const [h, m] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${minutes < 0 ? "-" : "+"}${String(h).padStart(2, "0")}${colon}${String(m).padStart(2, "0")}`;
}

/** A moment as a clock on the wall there shows it. */
function writtenAt(moment: number, change: (typeof changes)[number], style: (typeof styles)[number]): string {
  const offset = moment < Date.parse(change.at) ? change.before : change.after;
  const wall = new Date(moment + offset * 60_000).toISOString().slice(0, -1);
  if (style === "pattern")
    return `${wall.replace(/[-:]/g, "").replace(/[.]\d+$/, "")}${offsetText(offset, ":")}`;
  return `${wall}${offsetText(offset, style === "+hhmm" ? "" : ":")}`;
}

function fieldOf(style: (typeof styles)[number], bound: CursorField["bound"]): CursorField {
  const format = parseCursorFormat(style === "pattern" ? "yyyyMMdd'T'HHmmssXXX" : "iso8601", "UTC");
  const precision = parsePrecision(style === "pattern" ? "1s" : "1ms");
  return { role: "timestamp", type: "timestamp_utc", path: ["at"], format, bound, precision };
}

function formsOf(field: CursorField, at: string): readonly string[] {
  const known = new Set<string>();
  const forms = new SourceForms([field], { known, learn: (fact) => known.add(fact) });
  forms.see([{ at }]);
  return forms.of(field);
}

const minutes = fc.integer({ min: -300, max: 300 });
const histories = fc.record({
  change: fc.constantFrom(...changes),
  style: fc.constantFrom(...styles),
  bound: fc.constantFrom("inclusive" as const, "exclusive" as const),
  seen: minutes,
  value: minutes,
  of: minutes,
});

test("P6: a source that compares texts keeps back no record within the bounds while its clocks change", () => {
  fc.assert(
    fc.property(histories, ({ change, style, bound, seen, value, of }) => {
      const at = (by: number): number => Date.parse(change.at) + by * 60_000;
      const field = fieldOf(style, bound);
      // One form is known, of the time before the change or after it.
      const within = { format: field.format, forms: formsOf(field, writtenAt(at(seen), change, style)) };
      const record = writtenAt(at(of), change, style);
      const cursor = new Date(at(value)).toISOString();
      const isInside = (limit: number): boolean => (bound === "inclusive" ? limit >= 0 : limit > 0);
      if (of >= value) {
        const { text, says } = lowerBoundText(field, cursor, false, within);
        expect(isInside(compareTexts(record, text)), `${record} from ${text}`).toBe(true);
        expect(compareCursorValues("timestamp_utc", cursor, says)).toBeGreaterThanOrEqual(0);
      }
      if (of <= value) {
        const { text } = upperBoundText(field, cursor, bound, within);
        expect(isInside(compareTexts(text, record)), `${record} up to ${text}`).toBe(true);
      }
    }),
    { numRuns: 5000 },
  );
});

test.each([
  ["+02:00", ["+02:00", "+01:00"], ["+02:00", "+03:00"]],
  ["-04:00", ["-04:00", "-05:00"], ["-04:00", "-03:00"]],
  ["-0030", ["-0030", "-0130"], ["-0030", "+0030"]],
  ["+01", ["+01", "+00"], ["+01", "+02"]],
  ["-01:00", ["-01:00", "-02:00"], ["-01:00", "+00:00", "Z"]],
  ["+00:00", ["+00:00"], ["+00:00", "+01:00"]],
  ["Z", ["Z"], ["Z"]],
  ["+14:00", ["+14:00", "+13:00"], ["+14:00"]],
  ["+02:00[Europe/Paris]", ["+02:00[Europe/Paris]", "+01:00"], ["+02:00[Europe/Paris]", "+03:00"]],
])("the offset %s may be %j once summer time ends, and %j once it begins", (offset, earlier, later) => {
  expect(withEarlierOffsets([offset])).toEqual(earlier);
  expect(withLaterOffsets([offset])).toEqual(later);
});
