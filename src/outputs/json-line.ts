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
 * The records as lines. A record that is nested too deeply, or for which `lineOf` throws `RECORD_INVALID`, is refused.
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

/** Rows of a database are flat, so only a record's own fields are searched for bytes. */
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
