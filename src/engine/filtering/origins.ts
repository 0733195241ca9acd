import type { SourceRecord } from "../../model/record.ts";

/** For one batch: the record, as it was read, that each record in the filter chain was made of. */
export class Origins {
  readonly #of = new Map<SourceRecord, SourceRecord>();

  /** The record as it was read; null where a filter did not report it. */
  of(record: SourceRecord): SourceRecord | null {
    return this.#of.get(record) ?? null;
  }

  begin(records: readonly SourceRecord[]): void {
    this.#of.clear();
    for (const record of records) this.#of.set(record, record);
  }

  made(from: SourceRecord, to: readonly SourceRecord[]): void {
    const origin = this.#of.get(from);
    if (origin !== undefined) for (const record of to) this.#of.set(record, origin);
  }

  /** Takes the results of a filter that reports nothing: the records themselves, or as many in the same order. */
  returned(given: readonly SourceRecord[], left: readonly SourceRecord[]): void {
    if (left.length !== given.length) return;
    for (const [at, record] of left.entries()) {
      const from = given[at];
      if (from !== undefined && !this.#of.has(record)) this.made(from, [record]);
    }
  }
}
