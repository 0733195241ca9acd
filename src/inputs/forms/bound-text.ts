import type { CursorField } from "../../engine/ports.ts";
import { compareCursorValues, floorCursor } from "../../model/cursor.ts";
import {
  type CursorFormat,
  formatLowerBound,
  parseTimestamp,
  timestampToNanoseconds,
} from "../../model/timestamp.ts";
import { formatUpperBound } from "../../model/upper-bound.ts";
import { lowerBoundToSend, upperBoundToSend } from "../bounds.ts";
import { isoLowerText, isoUpperText, type LowerText } from "./iso-bounds.ts";
import { decimalsOf, numberLowerText, numberUpperText } from "./number-bounds.ts";
import { endsWithOffset, offsetLowerText, offsetUpperText } from "./offset-bounds.ts";

/** How a bound is written. */
export interface BoundForm {
  /** The format that the source expects. */
  readonly format: CursorFormat;
  /** The names of the forms that records have: see `SourceForms`. */
  readonly forms: readonly string[];
  /**
   * Whether it is a lower bound that the read has moved to one of its records. It then uses only the forms that were
   * seen, not those that the same times may have after the end of summer time: as text, those sort below what was read
   * before, and the bound would not advance.
   */
  readonly hasMoved?: boolean;
}

/** A bound as text, and whether it is a number in JSON. */
export interface UpperBoundText {
  readonly text: string;
  readonly isNumber: boolean;
}

export interface LowerBoundText extends LowerText, UpperBoundText {}

/**
 * The lower bound for `value` as it is sent: in the form that records have, so that a source that compares texts
 * returns every record from `value` on, like one that compares times.
 */
export function lowerBoundText(
  field: CursorField,
  value: string,
  secondaryCursor: boolean,
  bound: BoundForm,
): LowerBoundText {
  const { format, forms } = bound;
  if (field.type !== "timestamp_utc") {
    const lowered = lowerBoundToSend(field, value, { secondaryCursor });
    return { ...numberOrText(field, lowered, numberLowerText, forms), says: lowered, reach: lowered };
  }
  if (format.kind === "iso8601") {
    const lowered = lowerBoundToSend(field, value, { secondaryCursor });
    return { ...isoLower(field, { value, lowered }, bound), isNumber: false };
  }
  const lowered = lowerBoundToSend(field, value, { secondaryCursor, format });
  if (format.kind === "pattern") {
    const isRecords = endsWithOffset(format) && isSameFormat(format, field.format);
    const written = isRecords ? offsetLowerText(lowered, format, bound) : plainLower(lowered, format);
    return { ...written, isNumber: false };
  }
  const decimals = format.kind === field.format.kind ? decimalsOf(forms) : 0;
  if (decimals === 0) return { ...plainLower(lowered, format), isNumber: true };
  return { text: epochText(lowered, format, decimals), says: lowered, reach: lowered, isNumber: false };
}

/** As `lowerBoundText`, for the upper bound: the source returns every record up to `value`. */
export function upperBoundText(
  field: CursorField,
  value: string,
  compares: CursorField["bound"],
  { format, forms }: BoundForm,
): UpperBoundText {
  const raised = upperBoundToSend(field, value, compares);
  if (field.type !== "timestamp_utc") return numberOrText(field, raised, numberUpperText, forms);
  if (format.kind === "iso8601") {
    const { timezone } = format;
    if (field.format.kind === "iso8601")
      return { text: isoUpperText({ value, raised, forms, timezone }), isNumber: false };
    return { text: isoUpperText({ value, raised, forms: otherForms, timezone: "UTC" }), isNumber: false };
  }
  if (format.kind === "pattern") {
    const isRecords = endsWithOffset(format) && isSameFormat(format, field.format);
    const text = isRecords ? offsetUpperText(raised, format, forms) : formatUpperBound(raised, format);
    return { text, isNumber: false };
  }
  const decimals = format.kind === field.format.kind ? decimalsOf(forms) : 0;
  if (decimals === 0) return { text: formatUpperBound(raised, format), isNumber: true };
  return { text: numberUpperText(formatUpperBound(raised, format), forms), isNumber: false };
}

function numberOrText(
  { type }: CursorField,
  value: string,
  write: (value: string, forms: readonly string[]) => string,
  forms: readonly string[],
): UpperBoundText {
  if (type === "offset") return { text: value, isNumber: true };
  if (type !== "numeric_id") return { text: value, isNumber: false };
  return { text: write(value, forms), isNumber: forms.length === 0 };
}

/** The assumed storage form of times whose records show them in another format: unknown digits, in UTC. */
const otherForms = ["0000-00-00T00:00:00.000Z", "0000-00-00T00:00:00Z"];

function isoLower(
  field: CursorField,
  { value, lowered }: { readonly value: string; readonly lowered: string },
  { format: { timezone }, forms, hasMoved }: BoundForm,
): LowerText {
  if (field.format.kind === "iso8601") return isoLowerText({ value, lowered, forms, timezone, hasMoved });
  return isoLowerText({ value, lowered, forms: otherForms, timezone: "UTC" });
}

/** A truncated text means an earlier time. */
function plainLower(lowered: string, format: CursorFormat): LowerText {
  const text = formatLowerBound(lowered, format);
  const read = parseTimestamp(text, format);
  const says = compareCursorValues("timestamp_utc", read, lowered) > 0 ? lowered : read;
  return { text, says, reach: says };
}

function isSameFormat(a: CursorFormat, b: CursorFormat): boolean {
  return a.kind === b.kind && (a.kind !== "pattern" || b.kind !== "pattern" || a.pattern === b.pattern);
}

const unitDigits: Readonly<Record<string, number>> = { epoch_s: 9, epoch_ms: 6, epoch_us: 3, epoch_ns: 0 };

/** A count since 1970 with as many decimals as records have. */
function epochText(value: string, { kind }: CursorFormat, decimals: number): string {
  const behindPoint = unitDigits[kind] ?? 0;
  const kept = Math.min(decimals, behindPoint);
  const floored = floorCursor("timestamp_utc", value, {
    unit: "time",
    nanoseconds: 10n ** BigInt(behindPoint - kept),
  });
  const count = timestampToNanoseconds(floored).toString();
  const isNegative = count.startsWith("-");
  const digits = (isNegative ? count.slice(1) : count).padStart(behindPoint + 1, "0");
  const point = digits.length - behindPoint;
  const fraction = digits.slice(point, point + kept).padEnd(decimals, "0");
  return `${isNegative ? "-" : ""}${digits.slice(0, point)}.${fraction}`;
}
