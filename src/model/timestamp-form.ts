import type { CursorFormat } from "./timestamp.ts";

/**
 * How a source writes ISO 8601 timestamps: which separator, how many digits, which offset. Its name is
 * the text with every digit of date, time and fraction as 0: `0000-00-00T00:00:00.000Z`,
 * `0000-00-00 00:00:00+02:00`.
 */
export interface TimestampForm {
  /** The separator between date and time; empty for a date alone. */
  readonly separator: string;
  /** The smallest step that the form can express, in nanoseconds. */
  readonly step: bigint;
  /** What follows the digits: an offset or nothing. */
  readonly suffix: string;
  /** The offset as a time zone; null where the form has none. */
  readonly zone: string | null;
  /** Writes a timestamp in this form. */
  readonly format: CursorFormat;
}

const syntax =
  /^\d{4}-\d\d-\d\d(?:([Tt ])\d\d:\d\d(?:(:\d\d)(?:([.,])(\d{1,30}))?)?( ?(?:[Zz]|UTC|([+-]\d\d)(?::?(\d\d))?)(?:\[[^[\]]{1,80}\])*)?)?$/;

/** The name of the form that a text has; null for a text of no such form. */
export function timestampFormName(text: string): string | null {
  const match = syntax.exec(text);
  if (match === null) return null;
  const suffix = match[5] ?? "";
  return text.slice(0, text.length - suffix.length).replace(/\d/g, "0") + suffix;
}

const second = 1_000_000_000n;
const forms = new Map<string, TimestampForm>();

/** The form of that name. `timezone` is the zone of texts that say no offset. Null for any other name. */
export function timestampForm(name: string, timezone: string): TimestampForm | null {
  const known = forms.get(`${timezone} ${name}`);
  if (known !== undefined) return known;
  const match = syntax.exec(name);
  if (match === null) return null;
  const [, separator = "", seconds, point = "", fraction = "", suffix = "", hours, minutes = "00"] = match;
  const zone = suffix === "" ? null : zoneOf(hours, minutes);
  // More than nine digits are zeros at the end: no timestamp is finer than a nanosecond.
  const digits = Math.min(fraction.length, 9);
  const time = separator === "" ? "" : `${quoted(separator)}HH:mm${seconds === undefined ? "" : ":ss"}`;
  const finest = digits === 0 ? "" : `${quoted(point)}${"S".repeat(digits)}`;
  const pattern = `yyyy-MM-dd${time}${finest}${quoted("0".repeat(fraction.length - digits) + suffix)}`;
  const form: TimestampForm = {
    separator,
    step: stepOf({ separator, seconds, digits }),
    suffix,
    zone,
    format: { kind: "pattern", pattern, timezone: zone ?? timezone },
  };
  forms.set(`${timezone} ${name}`, form);
  return form;
}

function zoneOf(hours: string | undefined, minutes: string): string {
  return hours === undefined || (/^[+-]00$/.test(hours) && minutes === "00") ? "UTC" : `${hours}:${minutes}`;
}

function stepOf(parts: { separator: string; seconds: string | undefined; digits: number }): bigint {
  if (parts.separator === "") return 86_400n * second;
  return parts.seconds === undefined ? 60n * second : 10n ** BigInt(9 - parts.digits);
}

function quoted(text: string): string {
  return text === "" ? "" : `'${text.replaceAll("'", "''")}'`;
}
