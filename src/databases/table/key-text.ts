import type { SourceRecord } from "../../model/record.ts";
import type { FieldColumn } from "./column.ts";
import { textOfValue } from "./values.ts";

/** The field of a column of the key. */
export type KeyField = Pick<FieldColumn, "field" | "kind">;

/** A text that is equal for two records exactly if their key columns are equal. */
export function keyText(record: SourceRecord, fields: readonly KeyField[]): string {
  const [single, ...further] = fields;
  if (single === undefined) return "";
  let name = partText(record, single);
  if (further.length === 0) return name;
  // Lengths go before parts, so that ("a", "bc") and ("ab", "c") are two keys.
  name = `${name.length}:${name}`;
  for (const field of further) {
    const part = partText(record, field);
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
  fields: readonly KeyField[],
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

/** In a column of JSON the text `1` has quotes, and the number 1 has none. */
function partText(record: SourceRecord, { field, kind }: KeyField): string {
  const value = record[field];
  if (kind === "json") return textOfValue(value ?? null, kind);
  return typeof value === "string" ? value : textOfValue(value ?? null, "text");
}
