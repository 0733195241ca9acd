import { TidemarkError } from "../../errors.ts";
import { stringifyJson } from "../../model/json.ts";
import type { SourceRecord } from "../../model/record.ts";
import { withoutBytes } from "../json-line.ts";
import { escapeFormula, unescapeFormula } from "./csv-formulas.ts";

/** How to write texts that a spreadsheet would read as formulas: `keep` writes them unchanged. */
export type Formulas = "keep" | "escape";

/** The allowed delimiters. */
export const delimiters = [",", ";", "\t", "|"] as const;
export type Delimiter = (typeof delimiters)[number];

/** How lines are written. */
export interface CsvForm {
  readonly formulas: Formulas;
  readonly delimiter: Delimiter;
  readonly lineEnd: "\n" | "\r\n";
}

export const plainForm: CsvForm = { formulas: "keep", delimiter: ",", lineEnd: "\n" };

/** The byte order mark of UTF-8, for programs that would otherwise assume another encoding. */
export const byteOrderMark = "\u{FEFF}";

/**
 * Records as comma-separated values (RFC 4180): a header, then a line a record, with every digit. A field that is
 * missing or null is left empty, an empty text is `""`, and a list or an object is written as JSON.
 */
export function csvHeader(columns: readonly string[], form: CsvForm = plainForm): string {
  const names = form.formulas === "keep" ? columns : columns.map(escapeFormula);
  const written = names.map((name) => (foreign.test(name) ? quoted(name) : quotedWhereNeeded(name, form)));
  return wholeLine(written, form);
}

/** Common delimiters. A name that contains one is quoted, so that it cannot be mistaken for two columns. */
const foreign = /[,;\t|]/;

/** Readers skip an empty line, so a single empty value is quoted. */
function wholeLine(values: readonly string[], { delimiter, lineEnd }: CsvForm): string {
  const line = values.join(delimiter);
  return `${line === "" ? '""' : line}${lineEnd}`;
}

/**
 * Throws `RECORD_INVALID` for a record with a field that is not a column, since a file's header cannot change, and for
 * a text that UTF-8 cannot hold. `known` are the columns as a set.
 */
export function csvLine(
  record: SourceRecord,
  columns: readonly string[],
  known: ReadonlySet<string> = new Set(columns),
  form: CsvForm = plainForm,
): string {
  const plain = withoutBytes(record);
  for (const field in plain) {
    if (known.has(field) || plain[field] === undefined) continue;
    throw new TidemarkError(
      "RECORD_INVALID",
      `the record has the field ${field}, which the file has no column for: ${columns.join(", ")}`,
      {
        hint: "The header of a file cannot change. To take the field up, give another `path`: the stream goes on there, with the new column. Or leave the field out with a filter, or write jsonl.",
        details: { field },
      },
    );
  }
  const line = wholeLine(
    columns.map((name) => csvValue(plain[name], form)),
    form,
  );
  if (!line.isWellFormed()) throw loneSurrogate(plain, columns);
  return line;
}

/** It would be written as U+FFFD. */
function loneSurrogate(record: SourceRecord, columns: readonly string[]): TidemarkError {
  const field = columns.find((name) => !csvValue(record[name], plainForm).isWellFormed()) ?? "";
  return new TidemarkError(
    "RECORD_INVALID",
    `the field \`${field}\` holds half of a surrogate pair, which UTF-8 cannot hold`,
    { hint: "Replace it in a `script` filter (`text.toWellFormed()`), or write jsonl.", details: { field } },
  );
}

function csvValue(value: unknown, form: CsvForm): string {
  if (value === null || value === undefined) return "";
  if (value === "") return '""';
  if (typeof value !== "string") return quotedWhereNeeded(stringifyJson(value), form);
  return quotedWhereNeeded(form.formulas === "keep" ? value : escapeFormula(value), form);
}

const special: Readonly<Record<Delimiter, RegExp>> = {
  ",": /[",\r\n]|^\s|\s$/,
  ";": /[";\r\n]|^\s|\s$/,
  "\t": /["\t\r\n]|^\s|\s$/,
  "|": /["|\r\n]|^\s|\s$/,
};

function quotedWhereNeeded(text: string, { delimiter }: CsvForm): string {
  return special[delimiter].test(text) ? quoted(text) : text;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** The columns for a batch of records: their fields, in the order of appearance. */
export function columnsOf(records: readonly SourceRecord[]): string[] {
  const names = new Set<string>();
  for (const record of records) for (const field in record) names.add(field);
  return [...names];
}

/** A header as it is in a file. */
export interface FoundHeader {
  readonly columns: readonly string[];
  /** Its line end; null at the end of the file. */
  readonly lineEnd: "\n" | "\r\n" | null;
  /** The whole text that was read, with the byte order mark and the line end. */
  readonly text: string;
}

const headerParts: Readonly<Record<Delimiter, RegExp>> = {
  ",": /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y,
  ";": /(?:"((?:[^"]|"")*)"|([^";\r\n]*))(;|\r?\n|$)/y,
  "\t": /(?:"((?:[^"]|"")*)"|([^"\t\r\n]*))(\t|\r?\n|$)/y,
  "|": /(?:"((?:[^"]|"")*)"|([^"|\r\n]*))(\||\r?\n|$)/y,
};

/**
 * Reads the header at the beginning of a file; null where there is none. `whole` says that the text is all of the file,
 * so that the header may end with it. Without the byte order mark that some programs put in front.
 */
export function readCsvHeader(
  text: string,
  whole = false,
  { formulas, delimiter }: Pick<CsvForm, "formulas" | "delimiter"> = plainForm,
): FoundHeader | null {
  const columns: string[] = [];
  const part = headerParts[delimiter];
  part.lastIndex = text.startsWith(byteOrderMark) ? 1 : 0;
  for (;;) {
    const match = part.exec(text);
    if (match === null || (match[3] === "" && !whole)) return null;
    const name = match[1]?.replaceAll('""', '"') ?? match[2] ?? "";
    columns.push(formulas === "keep" ? name : unescapeFormula(name));
    const end = match[3];
    if (end === delimiter) continue;
    const lineEnd = end === "\n" || end === "\r\n" ? end : null;
    return { columns, lineEnd, text: text.slice(0, part.lastIndex) };
  }
}

/** The delimiter of a header, if it differs from the configured one; else null. */
export function foreignDelimiter(text: string, wanted: Delimiter = ","): Delimiter | null {
  const [line = ""] = text.split(/\r?\n/, 1);
  const bare = line.replaceAll(/"(?:[^"]|"")*"/g, "");
  if (bare.includes(wanted)) return null;
  return delimiters.find((delimiter) => bare.includes(delimiter)) ?? null;
}
