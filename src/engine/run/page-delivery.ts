import type { SourceRecord } from "../../model/record.ts";
import type { Traced } from "../filtering/traced.ts";
import type { Outcome, Page } from "../ports.ts";

export interface PageDeliveryOptions {
  /** As it was read. */
  readonly page: Page;
  /** Those of its records that an earlier run delivered. */
  readonly known: readonly SourceRecord[];
  /** Those that are delivered now. */
  readonly fresh: readonly SourceRecord[];
  /** The results of the filters for the latter. */
  readonly traced: Traced;
  readonly nameOf: (record: SourceRecord) => string;
}

/** Tracks the outcome of a page's records while they are written. */
export class PageDelivery {
  readonly #options: PageDeliveryOptions;
  /** For each fresh record, how many of its results are neither taken nor refused yet. */
  readonly #left: number[];
  readonly #settled: boolean[] = [];
  /** For each fresh record, how many of its results were taken. */
  readonly #takenOf: number[];
  /** The finished fresh records (all results taken or refused), by index in the order of finishing, and their names. */
  readonly #done: number[] = [];
  readonly #names: string[];
  #taken = 0;
  #dealtWith = 0;

  constructor(options: PageDeliveryOptions) {
    const { fresh, known, traced, nameOf } = options;
    this.#options = options;
    this.#left = fresh.map(() => 0);
    this.#takenOf = fresh.map(() => 0);
    for (const origin of traced.origins ?? []) this.#left[origin] = (this.#left[origin] ?? 0) + 1;
    this.#names = known.map(nameOf);
  }

  /** How many of the records handed to the output it has taken. */
  get taken(): number {
    return this.#taken;
  }

  /** How many were handed to it. */
  get given(): number {
    return this.#options.traced.records.length;
  }

  /**
   * How many of the taken results are repeated if the page fails now, because other results of the same record are
   * open.
   */
  get takenInPart(): number {
    return this.#takenOf.reduce((sum, taken, at) => sum + ((this.#left[at] ?? 0) > 0 ? taken : 0), 0);
  }

  /** Whether any record is finished. */
  get any(): boolean {
    return this.#dealtWith > 0;
  }

  /** Whether the source record of each result is known. */
  get isTraced(): boolean {
    return this.#options.traced.origins !== null;
  }

  settle(places: readonly number[], outcome: Outcome): void {
    const { fresh, traced } = this.#options;
    for (const place of places) {
      if (this.#settled[place] === true) continue;
      this.#settled[place] = true;
      this.#dealtWith += 1;
      if (outcome === "taken") this.#taken += 1;
      if (traced.origins !== null) this.#settleOne(traced.origins[place], outcome);
      else if (this.#dealtWith === this.given) this.#done.push(...fresh.keys());
    }
  }

  #settleOne(origin: number | undefined, outcome: Outcome): void {
    if (origin === undefined) return;
    if (outcome === "taken") this.#takenOf[origin] = (this.#takenOf[origin] ?? 0) + 1;
    const left = (this.#left[origin] ?? 0) - 1;
    this.#left[origin] = left;
    if (left === 0) this.#done.push(origin);
  }

  /** The names of the page's finished records, including those of earlier runs. */
  names(): readonly string[] {
    const { fresh, known, nameOf } = this.#options;
    for (let at = this.#names.length - known.length; at < this.#done.length; at++) {
      const record = fresh[this.#done[at] ?? -1];
      if (record !== undefined) this.#names.push(nameOf(record));
    }
    return this.#names;
  }

  /** How many records at the page's beginning, in the order read, are finished. */
  get prefix(): number {
    const { page, fresh } = this.#options;
    const open = new Set(fresh.filter((_, at) => (this.#left[at] ?? 0) > 0));
    const first = page.records.findIndex((record) => open.has(record));
    return first === -1 ? page.records.length : first;
  }

  /** As `names`, of those past so many records of the page. */
  namesPast(count: number): readonly string[] {
    const { page, fresh, known } = this.#options;
    const past = new Set(page.records.slice(count));
    const names = this.names();
    const done = this.#done.map((at) => fresh[at]);
    return [...known, ...done].flatMap((record, at) => {
      const name = names[at];
      return record !== undefined && name !== undefined && past.has(record) ? [name] : [];
    });
  }
}
