import type { SourceRecord } from "../../model/record.ts";
import { quotedElement } from "../../sql/postgres/arrays.ts";
import type { FieldColumn } from "./table-store.ts";
import { textOfValue } from "./values.ts";

/**
 * The values of one column as the text of a PostgreSQL array, to be read by `unnest`. Where the
 * column itself holds lists, its elements are the texts of those lists.
 */
export function columnLiteral(records: readonly SourceRecord[], column: FieldColumn): string {
  const { field } = column;
  let literal = "{";
  for (let at = 0; at < records.length; at++) {
    if (at > 0) literal += ",";
    const value = records[at]?.[field];
    if (value === null || value === undefined) literal += "NULL";
    else if (typeof value === "number") literal += String(value);
    else if (typeof value === "boolean") literal += truthText(value, column);
    else literal += quotedElement(elementText(value, column));
  }
  return `${literal}}`;
}

/** The records as lines of `COPY`'s text form. */
export function copyLines(records: readonly SourceRecord[], columns: readonly FieldColumn[]): string {
  let lines = "";
  for (const record of records) {
    for (let at = 0; at < columns.length; at++) {
      const column = columns[at];
      if (column === undefined) continue;
      if (at > 0) lines += "\t";
      const value = record[column.field];
      if (value === null || value === undefined) lines += "\\N";
      else if (typeof value === "number") lines += String(value);
      else if (typeof value === "boolean") lines += truthText(value, column);
      else lines += escapedField(elementText(value, column));
    }
    lines += "\n";
  }
  return lines;
}

/** A column of numbers takes a truth value as 1 or 0. */
function truthText(value: boolean, { kind }: FieldColumn): string {
  const isNumber = kind === "integer" || kind === "decimal" || kind === "float";
  return isNumber ? (value ? "1" : "0") : String(value);
}

function elementText(value: unknown, { kind, array }: FieldColumn): string {
  if (typeof value === "string" && kind !== "json") return value;
  if (!array) return textOfValue(value, kind);
  return Array.isArray(value) ? listLiteral(value) : textOfValue(value, "text");
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function escapedField(text: string): string {
  return /[\\\t\n\r]/.test(text) ? text.replace(/[\\\t\n\r]/g, (found) => escapes[found] ?? found) : text;
}

/** A JSON list as the text of a PostgreSQL array. */
function listLiteral(list: readonly unknown[]): string {
  const elements = list.map((element) => {
    if (element === null || element === undefined) return "NULL";
    return Array.isArray(element) ? listLiteral(element) : quotedElement(textOfValue(element, "text"));
  });
  return `{${elements.join(",")}}`;
}

/**
 * The records without those that a later one of the same key replaces: one statement may not touch a
 * row twice.
 */
export function lastOfEachKey(
  records: readonly SourceRecord[],
  fields: readonly string[],
): readonly SourceRecord[] {
  const [single, ...further] = fields;
  if (single === undefined) return records;
  const last = new Map<string, SourceRecord>();
  for (const record of records) {
    let name = keyText(record[single]);
    // Lengths go before parts, so that ("a", "bc") and ("ab", "c") are two keys.
    if (further.length > 0) name = `${name.length}:${name}`;
    for (const field of further) {
      const part = keyText(record[field]);
      name += `${part.length}:${part}`;
    }
    // Deleted first, so that the order is that of the records that stay.
    if (last.has(name)) last.delete(name);
    last.set(name, record);
  }
  return last.size === records.length ? records : [...last.values()];
}

function keyText(value: unknown): string {
  return typeof value === "string" ? value : textOfValue(value ?? null, "text");
}
