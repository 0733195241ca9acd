import { stepCursor } from "../../model/cursor.ts";
import { compareTexts } from "../../model/text-order.ts";
import { type CursorFormat, formatLowerBound } from "../../model/timestamp.ts";
import { compilePattern } from "../../model/timestamp-pattern.ts";
import { formatUpperBound } from "../../model/upper-bound.ts";
import { sortsByTime } from "../format-precision.ts";
import type { LowerText } from "./iso-bounds.ts";
import { withEarlierOffsets, withLaterOffsets } from "./seasonal-offsets.ts";

type Pattern = CursorFormat & { readonly kind: "pattern" };

/** Whether texts of the format end with an offset, which may differ between records. */
export function endsWithOffset(format: CursorFormat): format is Pattern {
  if (format.kind !== "pattern") return false;
  const last = compilePattern(format.pattern).parts.at(-1);
  return typeof last === "object" && last.sets === "offset";
}

const offsetAtEnd = /(?:[Zz]|[+-]\d\d(?::?\d\d)?)$/;

/** The offset at the end of a text, as written. */
export function offsetName(text: string): string | null {
  return offsetAtEnd.exec(text)?.[0] ?? null;
}

/** The format with one fixed offset in the form of the records. */
function withOffset({ pattern }: Pattern, offset: string): Pattern {
  const letters = compilePattern(pattern).parts.at(-1);
  const length = typeof letters === "object" ? letters.letters.length : 0;
  const [, sign = "+", hours = "00", minutes = "00"] = /^([+-])(\d\d):?(\d\d)?$/.exec(offset) ?? [];
  const isUtc = hours === "00" && minutes === "00";
  return {
    kind: "pattern",
    pattern: `${pattern.slice(0, pattern.length - length)}'${offset}'`,
    timezone: isUtc ? "UTC" : `${sign}${hours}:${minutes}`,
  };
}

/**
 * A lower bound for a pattern that ends with an offset. It is written with each offset that records have, or may have
 * after summer time ends, and the text that sorts first is used. Where no offset is known, the bound is a day lower,
 * for texts that sort by time.
 */
export function offsetLowerText(
  lowered: string,
  format: Pattern,
  { forms, hasMoved }: { readonly forms: readonly string[]; readonly hasMoved?: boolean | undefined },
): LowerText {
  const offsets = hasMoved ? forms : withEarlierOffsets(forms);
  if (offsets.length === 0) {
    const says = sortsByTime(format.pattern) ? step(lowered, "38h", -1) : lowered;
    return { text: formatLowerBound(says, format), says, reach: step(says, "38h", -1) };
  }
  const texts = offsets.map((offset) => formatLowerBound(lowered, withOffset(format, offset)));
  const [text = ""] = texts.toSorted(compareTexts);
  // Two offsets lie 26 hours apart at most.
  const reach = offsets.length === 1 ? lowered : step(lowered, "26h", -1);
  return { text, says: lowered, reach };
}

/** As `offsetLowerText`, for an upper bound. */
export function offsetUpperText(raised: string, format: Pattern, forms: readonly string[]): string {
  const offsets = withLaterOffsets(forms);
  if (offsets.length === 0) {
    return formatUpperBound(sortsByTime(format.pattern) ? step(raised, "38h", 1) : raised, format);
  }
  const texts = offsets.map((offset) => formatUpperBound(raised, withOffset(format, offset)));
  return texts.toSorted(compareTexts).at(-1) ?? "";
}

const lengths = { "26h": 26n, "38h": 38n } as const;

function step(value: string, length: keyof typeof lengths, direction: 1 | -1): string {
  const nanoseconds = lengths[length] * 3_600_000_000_000n;
  return stepCursor("timestamp_utc", value, { unit: "time", nanoseconds }, direction);
}
