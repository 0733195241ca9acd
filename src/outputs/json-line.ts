import { stringifyJson } from "../model/json.ts";
import type { SourceRecord } from "../model/record.ts";

/** A record as one line of JSON with every digit; bytes in its fields become base64 text. */
export function jsonLine(record: SourceRecord): string {
  return `${stringifyJson(withoutBytes(record))}\n`;
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
