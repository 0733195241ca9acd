import type { SourceRecord } from "../../model/record.ts";

/** The results of filters, and the record that each was made of. */
export interface Traced {
  readonly records: readonly SourceRecord[];
  /** For each of `records`, the index of the record that it was made of; null where it is not traced, or a filter does not report it. */
  readonly origins: readonly number[] | null;
}

/** The filtered records without some of them, in order. */
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
