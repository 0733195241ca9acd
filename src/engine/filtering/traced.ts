import type { SourceRecord } from "../../model/record.ts";

/** What filters made of records, and of which of them each result was made. */
export interface Traced {
  readonly records: readonly SourceRecord[];
  /** For each of `records`, the place of the record that it was made of; null where a filter does not say. */
  readonly origins: readonly number[] | null;
}

/** What is left of filtered records, where some were left out and the others are in order. */
export function tracedOf({ records, origins }: Traced, left: readonly SourceRecord[]): Traced {
  if (origins === null || left.length === records.length) return { records: left, origins };
  const of: number[] = [];
  let at = 0;
  for (const record of left) {
    while (at < records.length && records[at] !== record) at++;
    of.push(origins[at] ?? 0);
    at++;
  }
  return { records: left, origins: of };
}
