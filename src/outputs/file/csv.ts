import { TidemarkError } from "../../errors.ts";
import { stringifyJson } from "../../model/json.ts";
import type { SourceRecord } from "../../model/record.ts";
import { withoutBytes } from "../json-line.ts";
import { escapeFormula, unescapeFormula } from "./csv-formulas.ts";

/** What becomes of texts that a spreadsheet would take for formulas: `keep` writes them as they are. */
export type Formulas = "keep" | "escape";

/**
 * Records as comma-separated values (RFC 4180): a header, then a line a record, with every digit. A
 * field that is missing or null is left empty, a text without a character is `""`, and what is itself
 * a list or an object is its JSON.
 */
export function csvHeader(columns: readonly string[], formulas: Formulas = "keep"): string {
  const names = formulas === "keep" ? columns : columns.map(escapeFormula);
  return `${names.map((name) => (foreign.test(name) ? quoted(name) : quotedWhereNeeded(name))).join(",")}\n`;
}

/** What other programs put between values. A name that has one is quoted, so that the two can be told apart. */
const foreign = /[;\t|]/;

/**
 * Throws `RECORD_INVALID` for a record with a field that is no column, since a file's header cannot
 * change, and for a text that UTF-8 cannot hold. `known` are the columns as a set.
 */
export function csvLine(
  record: SourceRecord,
  columns: readonly string[],
  known: ReadonlySet<string> = new Set(columns),
  formulas: Formulas = "keep",
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
  const line = `${columns.map((name) => csvValue(plain[name], formulas)).join(",")}\n`;
  if (!line.isWellFormed()) throw loneSurrogate(plain, columns);
  return line;
}

/** It would be written as U+FFFD. */
function loneSurrogate(record: SourceRecord, columns: readonly string[]): TidemarkError {
  const field = columns.find((name) => !csvValue(record[name], "keep").isWellFormed()) ?? "";
  return new TidemarkError(
    "RECORD_INVALID",
    `the field \`${field}\` holds half of a surrogate pair, which UTF-8 cannot hold`,
    { hint: "Replace it in a `script` filter (`text.toWellFormed()`), or write jsonl.", details: { field } },
  );
}

function csvValue(value: unknown, formulas: Formulas): string {
  if (value === null || value === undefined) return "";
  if (value === "") return '""';
  if (typeof value !== "string") return quotedWhereNeeded(stringifyJson(value));
  return quotedWhereNeeded(formulas === "keep" ? value : escapeFormula(value));
}

const special = /[",\r\n]|^\s|\s$/;

function quotedWhereNeeded(text: string): string {
  return special.test(text) ? quoted(text) : text;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** The columns that a batch of records would make: their fields, in the order in which they come up. */
export function columnsOf(records: readonly SourceRecord[]): string[] {
  const names = new Set<string>();
  for (const record of records) for (const field in record) names.add(field);
  return [...names];
}

/**
 * Reads the header at the beginning of a file; null where there is none. `whole` says that the text is all of the file,
 * so that the header may end with it. Without the byte order mark that some programs put in front.
 */
export function readCsvHeader(text: string, whole = false, formulas: Formulas = "keep"): string[] | null {
  const columns: string[] = [];
  const part = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  part.lastIndex = text.startsWith("\u{FEFF}") ? 1 : 0;
  for (;;) {
    const match = part.exec(text);
    if (match === null || (match[3] === "" && !whole)) return null;
    const name = match[1]?.replaceAll('""', '"') ?? match[2] ?? "";
    columns.push(formulas === "keep" ? name : unescapeFormula(name));
    if (match[3] !== ",") return columns;
  }
}

/** What stands between the names of a header that another program wrote, where it is no comma; null where it is. */
export function foreignDelimiter(text: string): string | null {
  const [line = ""] = text.split(/\r?\n/, 1);
  const bare = line.replaceAll(/"(?:[^"]|"")*"/g, "");
  return bare.includes(",") ? null : (foreign.exec(bare)?.[0] ?? null);
}
