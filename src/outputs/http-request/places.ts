import type { Outcome, Receipt } from "../../engine/ports.ts";
import type { SourceRecord } from "../../model/record.ts";

/** The indexes of a batch's records, for receipts: the same record may occur more than once. */
export class Places {
  readonly #receipt: Receipt;
  readonly #places = new Map<SourceRecord, number[]>();

  constructor(records: readonly SourceRecord[], receipt: Receipt) {
    this.#receipt = receipt;
    for (const [place, record] of records.entries()) {
      const known = this.#places.get(record);
      if (known === undefined) this.#places.set(record, [place]);
      else known.push(place);
    }
  }

  async report(records: readonly { readonly record: SourceRecord }[], outcome: Outcome): Promise<void> {
    const places = records.flatMap(({ record }) => this.#places.get(record)?.shift() ?? []);
    await this.#receipt(places, outcome);
  }
}
