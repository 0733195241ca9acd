import { canonicalDecimal } from "../../model/decimal.ts";
import { ExactNumber, negativeZero } from "../../model/exact-number.ts";
import type { SourceRecord } from "../../model/record.ts";
import { isoFormat, parseTimestamp } from "../../model/timestamp.ts";
import type { FieldColumn } from "../table/column.ts";
import { nullFault } from "../table/record-fault.ts";
import { textOfValue } from "../table/values.ts";
import { literalOf, quotedBytes, quotedText } from "./literals.ts";

type Writer = (value: unknown) => string;

/** What writes a row as `(1,'a',NULL)`. */
export function rowWriter(columns: readonly FieldColumn[]): (record: SourceRecord) => string {
  const fields = columns.map(({ field }) => field);
  const writers = columns.map(writerOf);
  const filled = columns.map((column) => (column.nullBecomes === undefined ? null : column));
  return (record) => {
    let row = "(";
    for (let at = 0; at < fields.length; at++) {
      const value = record[fields[at] ?? ""];
      if (at > 0) row += ",";
      if (value === null || value === undefined) row += nullLiteral(filled[at]);
      else row += writers[at]?.(value) ?? "NULL";
    }
    return `${row})`;
  };
}

function nullLiteral(filled: FieldColumn | null | undefined): string {
  if (filled !== null && filled !== undefined) throw nullFault(filled);
  return "NULL";
}

function writerOf({ kind, type }: FieldColumn): Writer {
  if (type === "bit") return bitsLiteral;
  switch (kind) {
    case "float":
      return type === "float" ? singleLiteral : floatLiteral;
    case "date":
      // What is more than a day is midnight by now.
      return (value) => quotedText(textOfValue(value, "text").slice(0, 10));
    case "json":
      return (value) => quotedText(textOfValue(value, "json"));
    case "text":
      return (value) => quotedText(typeof value === "string" ? value : textOfValue(value, "text"));
    case "timestamp":
      return (value) => quotedText(momentText(textOfValue(value, "text")));
    case "bytes":
      return (value) => (typeof value === "string" ? bytesLiteral(value) : plainLiteral(value));
    default:
      return plainLiteral;
  }
}

/** PostgreSQL's bits come as a text of them. */
function bitsLiteral(value: unknown): string {
  return typeof value === "string" && /^[01]+$/.test(value) ? `b'${value}'` : plainLiteral(value);
}

/** As a double, the shortest form of the largest FLOAT is larger than it. */
function singleLiteral(value: unknown): string {
  const isLargest = typeof value === "number" && Math.abs(value) > 3.4e38;
  return isLargest && Number.isFinite(Math.fround(value)) ? String(Math.fround(value)) : floatLiteral(value);
}

/** Only as a double does zero have a sign. */
function floatLiteral(value: unknown): string {
  return value === negativeZero || Object.is(value, -0) ? "-0e0" : plainLiteral(value);
}

function plainLiteral(value: unknown): string {
  switch (typeof value) {
    case "string":
      return quotedText(value);
    case "number":
    case "bigint":
    case "boolean":
      return literalOf(value);
    default:
      // With an exponent it would be taken for a double.
      if (value instanceof ExactNumber) return canonicalDecimal(value.text) ?? quotedText(value.text);
      return quotedText(textOfValue(value, "text"));
  }
}

const plainMoment = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)Z$/;
/** Whether the text ends with a zone, after the day. */
function isZoned(text: string): boolean {
  const time = text.search(/[T ]/);
  return time !== -1 && text.search(/(?:Z|[+-]\d\d(?::?\d\d)?)$/) > time;
}

/** A moment in UTC, without the zone that not every server reads. A time without a zone stays as it is. */
function momentText(value: string): string {
  const plain = plainMoment.exec(value);
  if (plain !== null) return `${plain[1]} ${plain[2]}`;
  if (!isZoned(value)) return value;
  try {
    return parseTimestamp(value, isoFormat).replace("T", " ").replace("Z", "");
  } catch {
    // The server says what is wrong with it.
    return value;
  }
}

function bytesLiteral(text: string): string {
  return /^\\x(?:[0-9a-f]{2})*$/i.test(text)
    ? quotedBytes(Buffer.from(text.slice(2), "hex"))
    : quotedText(text);
}
