import { TidemarkError } from "../../errors.ts";
import { stringifyJson } from "../../model/json.ts";
import type { SourceRecord } from "../../model/record.ts";
import { withoutBytes } from "../json-line.ts";

/**
 * Records as comma-separated values (RFC 4180): a header, then a line a record, with every digit. A
 * field that is missing or null is left empty, a text without a character is `""`, and what is itself
 * a list or an object is its JSON.
 */
export function csvHeader(columns: readonly string[]): string {
  return `${columns.map(quotedWhereNeeded).join(",")}\n`;
}

/**
 * Throws `RECORD_INVALID` for a record with a field that is no column, since a file's header cannot
 * change, and for a text that UTF-8 cannot hold. `known` are the columns as a set.
 */
export function csvLine(
  record: SourceRecord,
  columns: readonly string[],
  known: ReadonlySet<string> = new Set(columns),
): string {
  const plain = withoutBytes(record);
  for (const field in plain) {
    if (known.has(field) || plain[field] === undefined) continue;
    throw new TidemarkError(
      "RECORD_INVALID",
      `the record has the field ${field}, which the file has no column for: ${columns.join(", ")}`,
      {
        hint: "Declare `columns` with all that records may have, before the file is made; or leave the field out with a filter; or write jsonl.",
        details: { field },
      },
    );
  }
  const line = `${columns.map((name) => csvValue(plain[name])).join(",")}\n`;
  if (!line.isWellFormed()) throw loneSurrogate(plain, columns);
  return line;
}

/** It would be written as U+FFFD. */
function loneSurrogate(record: SourceRecord, columns: readonly string[]): TidemarkError {
  const field = columns.find((name) => !csvValue(record[name]).isWellFormed()) ?? "";
  return new TidemarkError(
    "RECORD_INVALID",
    `the field \`${field}\` holds half of a surrogate pair, which UTF-8 cannot hold`,
    { hint: "Replace it in a `script` filter (`text.toWellFormed()`), or write jsonl.", details: { field } },
  );
}

function csvValue(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (value === "") return '""';
  return quotedWhereNeeded(typeof value === "string" ? value : textOf(value));
}

function textOf(value: unknown): string {
  return stringifyJson(value);
}

const special = /[",\r\n]|^\s|\s$/;

function quotedWhereNeeded(text: string): string {
  return special.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The columns that a batch of records would make: their fields, in the order in which they come up. */
export function columnsOf(records: readonly SourceRecord[]): string[] {
  const names = new Set<string>();
  for (const record of records) for (const field in record) names.add(field);
  return [...names];
}

/** Reads a header back; null where the text is none that `csvHeader` wrote. */
export function readCsvHeader(text: string): string[] | null {
  const columns: string[] = [];
  const part = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n)/y;
  for (;;) {
    const match = part.exec(text);
    if (match === null) return null;
    columns.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] !== ",") return columns;
  }
}
