import { closeSync, openSync, readSync } from "node:fs";
import type { Refusals } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import { jsonLine, linesOf } from "../json-line.ts";
import { columnsOf, csvHeader, csvLine, type Formulas, foreignDelimiter, readCsvHeader } from "./csv.ts";
import type { FileOutputConfig } from "./schema.ts";

/** How a file's records are written. `settle` is called once, before anything else. */
export interface LineFormat {
  /** Told of the file as it is committed. Throws `CONFIG_INCOHERENT` where it is of another form. */
  settle(path: string, length: number): void;
  /** The records as lines, and how many there are; those that have no line are refused. */
  lines(
    records: readonly SourceRecord[],
    refusals: Refusals,
  ): { readonly lines: string; readonly written: number };
  /** What has to stand before the lines, in a file that is committed up to this length. */
  head(path: string, length: number): string;
}

export function lineFormat({ format, columns, formulas }: FileOutputConfig): LineFormat {
  return format === "csv" ? new CsvLines(columns ?? null, formulas ?? "keep") : jsonLines;
}

const jsonLines: LineFormat = {
  settle: () => {},
  lines: (records, refusals) => linesOf(records, jsonLine, refusals),
  head: () => "",
};

/** Columns are those of the file; in a new one those declared, or the fields of the first batch. */
class CsvLines implements LineFormat {
  readonly #declared: readonly string[] | null;
  readonly #formulas: Formulas;
  #columns: readonly string[] | null = null;

  constructor(declared: readonly string[] | null, formulas: Formulas) {
    this.#declared = declared;
    this.#formulas = formulas;
  }

  settle(path: string, length: number): void {
    this.#columns = length === 0 ? this.#declared : headerOf(path, length, this.#formulas);
    const missing = this.#declared?.filter((name) => !this.#columns?.includes(name)) ?? [];
    if (missing.length > 0) {
      throw new TidemarkError(
        "CONFIG_INCOHERENT",
        `${path} has no column for ${missing.join(", ")}, and its header cannot change; its columns are ${this.#columns?.join(", ")}`,
        { hint: "Write to a new file, or leave these out of `columns`." },
      );
    }
  }

  lines(records: readonly SourceRecord[], refusals: Refusals): { lines: string; written: number } {
    const columns = this.#columns ?? columnsOf(records);
    this.#columns = columns;
    const known = new Set(columns);
    return linesOf(records, (record) => csvLine(record, columns, known, this.#formulas), refusals);
  }

  /** Where another lane was first to begin the file, its header counts. */
  head(path: string, length: number): string {
    const columns = this.#columns ?? [];
    if (length === 0) return csvHeader(columns, this.#formulas);
    const found = headerOf(path, length, this.#formulas);
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

function headerOf(path: string, length: number, formulas: Formulas): string[] {
  const text = beginningOf(path, Math.min(length, longestHeader));
  const delimiter = foreignDelimiter(text);
  if (delimiter !== null) {
    const told = delimiter === "\t" ? "tabs" : `\`${delimiter}\``;
    throw foreignFile(`${path} has a header with ${told} between its names, and Tidemark writes commas`);
  }
  const columns = readCsvHeader(text, length <= longestHeader, formulas);
  if (columns !== null) return columns;
  throw foreignFile(`${path} does not begin with a header of columns`);
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
    hint: "Give another `path`, which is then made; or convert this file first to UTF-8 with commas.",
  });
}
