import { TidemarkError } from "../../errors.ts";
import { stringifyJson } from "../../model/json.ts";
import type { SourceRecord } from "../../model/record.ts";
import { type ColumnKind, columnKinds } from "../port.ts";
import type { FieldColumn } from "../table/column.ts";
import { asInt64, textOfValue } from "../table/values.ts";
import { parseArray, quotedElement } from "./arrays.ts";
import { localMoment } from "./moments.ts";

/**
 * The values of one column as the text of a PostgreSQL array, to be read by `unnest`. Where the
 * column itself holds lists, its elements are the texts of those lists.
 */
export function columnLiteral(records: readonly SourceRecord[], column: FieldColumn): string {
  const { field } = column;
  const { text, number, truth, other } = writerOf(column);
  let literal = "{";
  for (let at = 0; at < records.length; at++) {
    if (at > 0) literal += ",";
    const value = records[at]?.[field];
    if (value === null || value === undefined) literal += "NULL";
    else if (typeof value === "string") literal += quotedElement(text === null ? value : text(value));
    else if (typeof value === "number") literal += number === null ? String(value) : number(value);
    else if (typeof value === "boolean") literal += truth === null ? String(value) : truth(value);
    else literal += quotedElement(other(value));
  }
  return `${literal}}`;
}

/**
 * Throws a fault where the text of a column's values, or of rows, cannot be sent as it is: the server takes no
 * U+0000, and half of a surrogate pair would arrive as U+FFFD. One look at the whole is cheaper than one at
 * each value.
 */
export function requireText(text: string): void {
  if (!text.includes("\0") && text.isWellFormed()) return;
  throw new TidemarkError("RECORD_INVALID", "a text holds U+0000 or half of a surrogate pair");
}

/** The records as lines of `COPY`'s text form. */
export function copyLines(records: readonly SourceRecord[], columns: readonly FieldColumn[]): string {
  const written = columns.map((column) => ({ field: column.field, ...writerOf(column) }));
  let lines = "";
  for (const record of records) {
    for (let at = 0; at < written.length; at++) {
      const column = written[at];
      if (column === undefined) continue;
      if (at > 0) lines += "\t";
      const value = record[column.field];
      if (value === null || value === undefined) lines += "\\N";
      else if (typeof value === "string")
        lines += escapedField(column.text === null ? value : column.text(value));
      else if (typeof value === "number")
        lines += column.number === null ? String(value) : column.number(value);
      else if (typeof value === "boolean")
        lines += column.truth === null ? String(value) : column.truth(value);
      else lines += escapedField(column.other(value));
    }
    lines += "\n";
  }
  return lines;
}

/** How values of a column are written as the text of their type; null where that is their own text, which saves the call. */
interface Writer {
  readonly text: ((value: string) => string) | null;
  readonly number: ((value: number) => string) | null;
  readonly truth: ((value: boolean) => string) | null;
  /** Everything else that a record can hold; not for null. */
  readonly other: (value: unknown) => string;
}

function writerOf(column: FieldColumn): Writer {
  const { kind, array, declared = column.type } = column;
  if (/^timestamp(?:\(\d\))? without time zone\[\]$/.test(declared)) return localTimeListWriter;
  if (array) return declared === "json[]" || declared === "jsonb[]" ? jsonListWriter : listWriter;
  const fixedBits = /^bit\((\d+)\)$/.exec(declared);
  if (fixedBits !== null) return bitWriter(Number(fixedBits[1]));
  if (/^timestamp(?:\(\d\))? without time zone$/.test(declared)) return localTimeWriter;
  return plainWriters[kind];
}

function plainWriter(kind: ColumnKind): Writer {
  const isNumber = kind === "integer" || kind === "decimal" || kind === "float";
  return {
    text: kind === "json" ? stringifyJson : null,
    number: null,
    // A column of numbers takes a truth value as 1 or 0.
    truth: isNumber ? (value) => (value ? "1" : "0") : null,
    other: (value) => textOfValue(value, kind),
  };
}

const asIs = (value: string) => value;

const plainWriters = Object.fromEntries(columnKinds.map((kind) => [kind, plainWriter(kind)])) as Readonly<
  Record<ColumnKind, Writer>
>;

const listWriter: Writer = {
  ...plainWriters.text,
  other: (value) => (Array.isArray(value) ? listLiteral(value) : textOfValue(value, "text")),
};

const jsonListWriter: Writer = {
  ...plainWriters.text,
  other: (value) =>
    Array.isArray(value)
      ? `{${value.map((element) => (element === null ? "NULL" : quotedElement(stringifyJson(element)))).join(",")}}`
      : textOfValue(value, "text"),
};

/** MySQL's `BIT(n)` comes as a number. */
function bitWriter(length: number): Writer {
  const bits = (value: number | bigint) => value.toString(2).padStart(length, "0");
  return {
    text: null,
    number: bits,
    truth: (value) => bits(value ? 1 : 0),
    other: (value) => bits(asInt64(value) ?? BigInt(String(value))),
  };
}

/** PostgreSQL would drop the offset. A moment is kept in UTC, as in all columns without a zone. */
const localTimeWriter: Writer = { ...plainWriters.timestamp, text: localMoment };

const localTimeListWriter: Writer = {
  ...listWriter,
  text: (value) =>
    /[+-]\d/.test(value.slice(value.indexOf(":"))) && value.includes(":")
      ? localTimeArray(value.trimStart())
      : value,
  other: (value) => (Array.isArray(value) ? listLiteral(value, localMoment) : textOfValue(value, "text")),
};

/** The text of an array, behind whose bounds its elements are. */
function localTimeArray(text: string): string {
  const bounds = text.startsWith("[") ? text.slice(0, text.indexOf("=") + 1) : "";
  return bounds + listLiteral(parseArray(text, asIs), localMoment);
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function escapedField(text: string): string {
  return /[\\\t\n\r]/.test(text) ? text.replace(/[\\\t\n\r]/g, (found) => escapes[found] ?? found) : text;
}

/** A JSON list as the text of a PostgreSQL array. */
function listLiteral(list: readonly unknown[], write: (text: string) => string = asIs): string {
  const elements = list.map((element) => {
    if (element === null || element === undefined) return "NULL";
    return Array.isArray(element)
      ? listLiteral(element, write)
      : quotedElement(write(textOfValue(element, "text")));
  });
  return `{${elements.join(",")}}`;
}
