import type { CursorField, Warn } from "../../engine/ports.ts";
import { formatPath, type SourceRecord, valueAt } from "../../model/record.ts";
import { type CursorFormat, formatLowerBound, parseCursorFormat } from "../../model/timestamp.ts";
import { sortsByTime } from "../format-precision.ts";
import { offsetName } from "../forms/offset-bounds.ts";

/**
 * Warns of texts with an offset lower than that of the bound. The bound is written with the declared pattern in one
 * zone, and the database compares texts: `10:10-05:00` sorts before a bound of `15:00Z`, but is later.
 */
export class OffsetOrder {
  readonly #field: CursorField;
  readonly #format: CursorFormat;
  readonly #warn: Warn;
  #last = "";

  private constructor(field: CursorField, format: CursorFormat, warn: Warn) {
    this.#field = field;
    this.#format = format;
    this.#warn = warn;
  }

  /** Null where bounds are not written by a pattern whose texts sort by time. */
  static of(
    field: CursorField | undefined,
    queryFormat: CursorFormat | null,
    warn: Warn,
  ): OffsetOrder | null {
    if (field === undefined || field.type !== "timestamp_utc") return null;
    const format = queryFormat ?? field.format;
    const isPattern = format.kind === "pattern" && sortsByTime(format.pattern);
    return isPattern ? new OffsetOrder(field, format, warn) : null;
  }

  see(records: readonly SourceRecord[]): void {
    for (const record of records) {
      const raw = valueAt(record, this.#field.path ?? []);
      if (typeof raw !== "string" || (this.#last !== "" && raw.endsWith(this.#last))) continue;
      const offset = isDate.test(raw) ? null : offsetName(raw);
      if (offset === null) continue;
      this.#last = offset;
      this.#judge(offset);
    }
  }

  #judge(offset: string): void {
    const { timezone } = this.#format;
    const [sent = "Z"] = seasons
      .map((time) => offsetName(formatLowerBound(time, parseCursorFormat(withOffset, timezone))) ?? "Z")
      .toSorted((a, b) => minutesOf(a) - minutesOf(b));
    if (minutesOf(offset) >= minutesOf(sent)) return;
    const field = formatPath(this.#field.path ?? []);
    this.#warn(
      "CURSOR_ORDER_DIFFERS",
      `${field} is text with the offset ${offset}, and the bound is written with ${sent}: the database compares letters, so rows may be left out. Leave \`queryFormat\` out if the texts are ISO 8601, declare their zone as \`timezone\`, or a \`lookback\` of a day`,
    );
  }
}

/** A day or a month, whose end looks like an offset. */
const isDate = /^\d{4}-?\d\d(?:-?\d\d)?$/;
const withOffset = "yyyy-MM-dd'T'HH:mm:ssXXX";
/** A zone has at most two offsets in a year, and each applies at one of these times. */
const seasons = ["2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"];

function minutesOf(offset: string): number {
  const [, sign = "+", hours = "0", minutes = "0"] = /^([+-])(\d\d):?(\d\d)?$/.exec(offset) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}
