import type { SourceRecord } from "../model/record.ts";
import type { FilterAccount, FilterCount } from "./filter-account.ts";
import type { Filter, FilterContext } from "./ports.ts";

/** The filters of one run, in order, and what each of them did. */
export class FilterChain {
  readonly #links: readonly Link[];

  constructor(filters: readonly Filter[], context: FilterContext) {
    this.#links = filters.map((filter, at) => new Link(filter, at, context));
  }

  get any(): boolean {
    return this.#links.length > 0;
  }

  /** What the filters leave of a batch. Throws what a filter throws. */
  async apply(records: readonly SourceRecord[]): Promise<readonly SourceRecord[]> {
    let left = records;
    for (const link of this.#links) {
      if (left.length === 0) break;
      left = await link.apply(left);
    }
    return left;
  }

  counts(): readonly FilterCount[] {
    return this.#links.map((link) => link.count());
  }
}

class Link implements FilterAccount {
  readonly #filter: Filter;
  readonly #index: number;
  readonly #context: FilterContext;
  readonly seen = new Set<string>();
  #given = 0;
  #dropped = 0;
  #tells = false;

  constructor(filter: Filter, index: number, context: FilterContext) {
    this.#filter = filter;
    this.#index = index;
    this.#context = { ...context, account: this };
  }

  dropped(count: number): void {
    this.#tells = true;
    this.#dropped += count;
  }

  async apply(records: readonly SourceRecord[]): Promise<readonly SourceRecord[]> {
    const result = this.#filter.apply(records, this.#context);
    const left = result instanceof Promise ? await result : result;
    this.#given += records.length;
    if (!this.#tells && left.length < records.length) this.#dropped += records.length - left.length;
    return left;
  }

  count(): FilterCount {
    const { kind, name = kind, fields = [] } = this.#filter;
    const absentFields = this.#given === 0 ? [] : fields.filter((field) => !this.seen.has(field));
    return { index: this.#index, type: kind, name, given: this.#given, dropped: this.#dropped, absentFields };
  }
}
