import { closeSync, openSync, readSync } from "node:fs";
import type { Refusals } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import { jsonLine, linesOf } from "../json-line.ts";
import {
  byteOrderMark,
  type CsvForm,
  columnsOf,
  csvHeader,
  csvLine,
  type Delimiter,
  type FoundHeader,
  foreignDelimiter,
  readCsvHeader,
} from "./csv.ts";
import type { FileOutputConfig } from "./schema.ts";

/** How a file's records are written. `settle` is called once, before anything else. */
export interface LineFormat {
  /** Called with the committed file. Throws `CONFIG_INCOHERENT` where it has another format. */
  settle(path: string, length: number): void;
  /** The records as lines, and their number; records that cannot be written as a line are refused. */
  lines(
    records: readonly SourceRecord[],
    refusals: Refusals,
  ): { readonly lines: string; readonly written: number };
  /** The text to write before the lines, in a file with this committed length. */
  head(path: string, length: number): string;
  /** The text before the first record of a committed file; null for none. */
  beginning(path: string, length: number): string | null;
  /** The line end, known after `settle`. */
  readonly lineEnd: string;
}

export function lineFormat(config: FileOutputConfig): LineFormat {
  return config.format === "csv" ? new CsvLines(config) : jsonLines;
}

const lineEnds = { lf: "\n", crlf: "\r\n" } as const;

const jsonLines: LineFormat = {
  settle: () => {},
  lines: (records, refusals) => linesOf(records, jsonLine, refusals),
  head: () => "",
  beginning: () => null,
  lineEnd: "\n",
};

/** Columns are those of the file; in a new one those declared, or the fields of the first batch. */
class CsvLines implements LineFormat {
  readonly #declared: readonly string[] | null;
  readonly #config: FileOutputConfig;
  #form: CsvForm;
  #columns: readonly string[] | null = null;

  constructor(config: FileOutputConfig) {
    const { columns, formulas = "keep", delimiter = ",", newline = "lf" } = config;
    this.#config = config;
    this.#declared = columns ?? null;
    this.#form = { formulas, delimiter, lineEnd: lineEnds[newline] };
  }

  get lineEnd(): string {
    return this.#form.lineEnd;
  }

  settle(path: string, length: number): void {
    this.#columns = length === 0 ? this.#declared : this.#fromFile(path, length);
    const missing = this.#declared?.filter((name) => !this.#columns?.includes(name)) ?? [];
    if (missing.length > 0) {
      throw new TidemarkError(
        "CONFIG_INCOHERENT",
        `${path} has no column for ${missing.join(", ")}, and its header cannot change; its columns are ${this.#columns?.join(", ")}`,
        {
          hint: "Give another `path`: the stream goes on there, with these columns. Or leave them out of `columns`.",
        },
      );
    }
  }

  /** The columns of an existing file; new lines keep them. */
  #fromFile(path: string, length: number): readonly string[] {
    const { newline, bom = false } = this.#config;
    const { columns, lineEnd, hasMark } = headerOf(path, length, this.#form);
    if (lineEnd !== null && newline !== undefined && lineEnd !== lineEnds[newline]) {
      throw begunOtherwise(
        path,
        `ends its header with ${lineEnd === "\n" ? "LF" : "CR LF"}`,
        `newline: ${newline}`,
      );
    }
    if (bom && !hasMark) throw begunOtherwise(path, "has no byte order mark", "bom: true");
    if (lineEnd !== null) this.#form = { ...this.#form, lineEnd };
    return columns;
  }

  lines(records: readonly SourceRecord[], refusals: Refusals): { lines: string; written: number } {
    const columns = this.#columns ?? columnsOf(records);
    this.#columns = columns;
    const known = new Set(columns);
    return linesOf(records, (record) => csvLine(record, columns, known, this.#form), refusals);
  }

  beginning(path: string, length: number): string {
    return headerOf(path, length, this.#form).text;
  }

  /** If another scope created the file first, its header is used. */
  head(path: string, length: number): string {
    const columns = this.#columns ?? [];
    if (length === 0)
      return `${this.#config.bom === true ? byteOrderMark : ""}${csvHeader(columns, this.#form)}`;
    const found = headerOf(path, length, this.#form).columns;
    if (found.length === columns.length && found.every((name, at) => name === columns[at])) return "";
    throw new TidemarkError(
      "OUTPUT_FAILED",
      `${path} was given the columns ${found.join(", ")} meanwhile, and these records have ${columns.join(", ")}`,
      { hint: "Declare `columns`, so that every run agrees on them. The next run writes to the file's own." },
    );
  }
}

/** How long a header may be, in bytes. */
const longestHeader = 1024 * 1024;

function headerOf(path: string, length: number, form: CsvForm): FoundHeader & { readonly hasMark: boolean } {
  const text = beginningOf(path, Math.min(length, longestHeader));
  const found = foreignDelimiter(text, form.delimiter);
  if (found !== null) {
    throw new TidemarkError(
      "CONFIG_INCOHERENT",
      `${path} has a header with ${shown(found)} between its names, and the pipeline writes ${shown(form.delimiter)}`,
      {
        hint: `Declare \`delimiter: ${JSON.stringify(found)}\`. Or give another \`path\`: the stream goes on there.`,
      },
    );
  }
  const header = readCsvHeader(text, length <= longestHeader, form);
  if (header !== null) return { ...header, hasMark: text.startsWith(byteOrderMark) };
  throw foreignFile(`${path} does not begin with a header of columns`);
}

function shown(delimiter: Delimiter): string {
  return delimiter === "\t" ? "tabs" : `\`${delimiter}\``;
}

function beginningOf(path: string, length: number): string {
  const file = openSync(path, "r");
  try {
    const start = Buffer.alloc(length);
    const read = readSync(file, start, 0, start.length, 0);
    if (/^(?:fffe|feff)/.test(start.toString("hex", 0, 2))) {
      throw foreignFile(`${path} is written in UTF-16, and Tidemark writes UTF-8`);
    }
    return start.toString("utf8", 0, read);
  } finally {
    closeSync(file);
  }
}

function foreignFile(message: string): TidemarkError {
  return new TidemarkError("CONFIG_INCOHERENT", message, {
    hint: "Give another `path`, which is then made; or convert this file first to CSV in UTF-8.",
  });
}

function begunOtherwise(path: string, found: string, declared: string): TidemarkError {
  return new TidemarkError(
    "CONFIG_INCOHERENT",
    `${path} ${found}, and the pipeline declares \`${declared}\``,
    {
      hint: "A file goes on as it was begun. Take the setting out, or give another `path`: the stream goes on there.",
    },
  );
}
