import type { Refusals } from "../engine/ports.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import { JsonError, stringifyJson } from "../model/json.ts";
import type { SourceRecord } from "../model/record.ts";
import { recordName } from "./dead-letters/record-name.ts";

/** A record as one line of JSON with every digit; bytes in its fields become base64 text. */
export function jsonLine(record: SourceRecord): string {
  return `${stringifyJson(withoutBytes(record))}\n`;
}

/**
 * The records as lines, without those that have no line: they are refused. A record has none where it
 * is nested too deeply, or where `lineOf` throws `RECORD_INVALID`.
 */
export function linesOf(
  records: readonly SourceRecord[],
  lineOf: (record: SourceRecord) => string,
  refusals: Refusals,
): { readonly lines: string; readonly written: number } {
  let lines = "";
  let written = 0;
  for (const record of records) {
    try {
      lines += lineOf(record);
      written += 1;
    } catch (error) {
      onUnwritableRecord(record, error, refusals);
    }
  }
  return { lines, written };
}

function onUnwritableRecord(record: SourceRecord, error: unknown, refusals: Refusals): void {
  const reason =
    error instanceof JsonError ? new TidemarkError("RECORD_INVALID", error.message, { cause: error }) : error;
  if (!isTidemarkError(reason, "RECORD_INVALID")) throw error;
  const name = recordName(record, []);
  const failure = new TidemarkError("RECORD_INVALID", `${name} cannot be written: ${reason.message}`, {
    cause: reason,
    hint: reason.hint,
    ...(reason.details === undefined ? {} : { details: reason.details }),
  });
  refusals.refuse({ record, name, reason, failure });
}

/** Rows of a database are flat, so bytes are looked for in a record's own fields only. */
export function withoutBytes(record: SourceRecord): SourceRecord {
  let copy: Record<string, unknown> | null = null;
  for (const field in record) {
    const value = record[field];
    if (!(value instanceof Uint8Array)) continue;
    copy ??= { ...record };
    copy[field] = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  }
  return copy ?? record;
}
