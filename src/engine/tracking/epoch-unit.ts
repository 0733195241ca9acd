import { isTidemarkError } from "../../errors.ts";
import { formatPath } from "../../model/record.ts";
import { type CursorFormat, parseTimestamp } from "../../model/timestamp.ts";
import { showValue } from "../../model/unreadable-value.ts";
import type { CursorField } from "../ports.ts";

/** In the order of their size. */
const units = [
  ["epoch_s", "seconds"],
  ["epoch_ms", "milliseconds"],
  ["epoch_us", "microseconds"],
  ["epoch_ns", "nanoseconds"],
] as const satisfies readonly (readonly [CursorFormat["kind"], string])[];

/** The range of years in which timestamps are plausible. */
const plausible = /^(?:199\d|20\d\d)-/;

/**
 * Why an epoch timestamp may be in another unit, for messages: it lies past the year 9999 or in the first years after
 * 1970, and another unit gives a plausible time. Null where it is plausible.
 */
export function epochUnitWarning(raw: unknown, cursor: string, field: CursorField): string | null {
  const declared = units.find(([kind]) => kind === field.format.kind);
  if (declared === undefined || plausible.test(cursor)) return null;
  if (!cursor.startsWith("+") && !cursor.startsWith("197")) return null;
  for (const [kind, name] of units) {
    const read = readAs(raw, kind);
    if (kind === declared[0] || read === null || !plausible.test(read)) continue;
    const shown = `\`${formatPath(field.path ?? [])}\` is ${showValue(raw)}`;
    return `${shown}: in ${declared[1]} since 1970, as \`format: ${declared[0]}\` says, that is ${cursor}, and in ${name} ${read}; declare \`format: ${kind}\` if that is meant. With the wrong unit the stream may stay at its beginning, and lengths such as \`settle\` and \`lookback\` mean something else`;
  }
  return null;
}

function readAs(raw: unknown, kind: (typeof units)[number][0]): string | null {
  try {
    return parseTimestamp(raw, { kind, timezone: "UTC" });
  } catch (error) {
    if (isTidemarkError(error, "CURSOR_INVALID")) return null;
    throw error;
  }
}
