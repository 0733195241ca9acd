import type { SourceRecord } from "../../model/record.ts";
import { textOfValue } from "./values.ts";

/** A text that two records share exactly when their fields hold the same texts. */
export function keyText(record: SourceRecord, fields: readonly string[]): string {
  const [single, ...further] = fields;
  if (single === undefined) return "";
  let name = partText(record[single]);
  if (further.length === 0) return name;
  // Lengths go before parts, so that ("a", "bc") and ("ab", "c") are two keys.
  name = `${name.length}:${name}`;
  for (const field of further) {
    const part = partText(record[field]);
    name += `${part.length}:${part}`;
  }
  return name;
}

/**
 * The records without those that a later one of the same key replaces: one statement may not touch a
 * row twice.
 */
export function lastOfEachKey(
  records: readonly SourceRecord[],
  fields: readonly string[],
): readonly SourceRecord[] {
  if (fields.length === 0) return records;
  const last = new Map<string, SourceRecord>();
  for (const record of records) {
    const name = keyText(record, fields);
    // Deleted first, so that the order is that of the records that stay.
    if (last.has(name)) last.delete(name);
    last.set(name, record);
  }
  return last.size === records.length ? records : [...last.values()];
}

function partText(value: unknown): string {
  return typeof value === "string" ? value : textOfValue(value ?? null, "text");
}
