import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import { redact } from "../../secrets.ts";
import type { FilterAccount, FilterCount } from "../filter-account.ts";
import type { Filter, FilterContext, Refusals, Warn } from "../ports.ts";
import type { RunRefusals } from "../refusals/refusals.ts";
import { describeRecord } from "../tracking/record-cursors.ts";
import { Origins } from "./origins.ts";
import type { Traced } from "./traced.ts";

/** The filters of one run, in order, and what each of them did. */
export class FilterChain {
  readonly #links: readonly Link[];
  readonly #origins = new Origins();
  /** Whether the source record of each result is tracked: a filter may refuse a result, or the caller needs it. */
  readonly #follows: boolean;
  readonly #traces: boolean;
  readonly #warn: Warn;

  /** `traces`: whether the caller needs the source record of each result. */
  constructor(
    filters: readonly Filter[],
    context: FilterContext,
    refusals: Pick<RunRefusals, "ofFilter">,
    traces: boolean,
  ) {
    const lastToRefuse = filters.findLastIndex(({ onError }) => (onError?.policy ?? "fail") !== "fail");
    this.#traces = traces;
    this.#follows = traces || lastToRefuse >= 0;
    this.#warn = context.warn;
    this.#links = filters.map((filter, index) => {
      const account = refusals.ofFilter(filter.onError, `filters[${index}] ${filter.kind}`);
      const follows = traces || index < lastToRefuse;
      return new Link({ filter, index, context, refusals: account, origins: this.#origins, follows });
    });
  }

  get any(): boolean {
    return this.#links.length > 0;
  }

  /** Filters a batch. Throws what a filter throws. */
  async apply(records: readonly SourceRecord[]): Promise<readonly SourceRecord[]> {
    if (this.#follows) this.#origins.begin(records);
    let left = records;
    for (const link of this.#links) {
      if (left.length === 0) break;
      left = await link.apply(left);
    }
    return left;
  }

  /** The same, with the index in `records` of the record that each result was made of, if the chain traces them. */
  async applyTraced(records: readonly SourceRecord[]): Promise<Traced> {
    const left = await this.apply(records);
    if (!this.#traces) return { records: left, origins: null };
    if (!this.any) return { records: left, origins: left.map((_, at) => at) };
    const places = new Map<SourceRecord, number>();
    for (const [at, record] of records.entries()) if (!places.has(record)) places.set(record, at);
    const origins: number[] = [];
    for (const record of left) {
      const place = places.get(this.#origins.of(record) ?? record);
      if (place === undefined) return { records: left, origins: null };
      origins.push(place);
    }
    return { records: left, origins };
  }

  counts(): readonly FilterCount[] {
    return this.#links.map((link) => link.count());
  }

  /** Call at the end of a read. Warns of a filter that dropped everything and names fields that no record had. */
  warnAbsent(): void {
    for (const { index, type, name, given, dropped, absentFields } of this.counts()) {
      if (given < enough || dropped < given || absentFields.length === 0) continue;
      this.#warn(
        "FIELD_ABSENT",
        `filters[${index}] (${type} ${name}) dropped all ${given} records, and none of them has ${absentFields.join(", ")}: check the spelling`,
      );
    }
  }
}

/** Fewer records than these may well lack an optional field. */
const enough = 10;

interface LinkParts {
  readonly filter: Filter;
  readonly index: number;
  readonly context: FilterContext;
  readonly refusals: Refusals;
  readonly origins: Origins;
  readonly follows: boolean;
}

class Link implements FilterAccount {
  readonly #parts: LinkParts;
  readonly #context: FilterContext;
  readonly seen = new Set<string>();
  /** The refused records of the current batch, as they were read: a record that became several is refused once. */
  readonly #refusedNow = new Set<SourceRecord>();
  #given = 0;
  #dropped = 0;
  #missingField = 0;
  #refused = 0;
  #defaulted = 0;
  /** Whether the filter itself reports the records that it drops. */
  #countsDropped = false;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#context = { ...parts.context, account: this };
  }

  get follows(): boolean {
    return this.#parts.follows;
  }

  dropped(count: number): void {
    this.#countsDropped = true;
    this.#dropped += count;
  }

  missedField(): void {
    this.#missingField += 1;
  }

  defaulted(): void {
    this.#defaulted += 1;
  }

  made(from: SourceRecord, to: readonly SourceRecord[]): void {
    this.#parts.origins.made(from, to);
  }

  refuse(record: SourceRecord, reason: TidemarkError): void {
    const { refusals, origins, index } = this.#parts;
    if (!refusals.goesOn) throw reason;
    const origin = origins.of(record);
    if (origin === null) throw withoutOrigin(reason, index);
    this.#refused += 1;
    if (this.#refusedNow.has(origin)) return;
    this.#refusedNow.add(origin);
    refusals.refuse({ record: origin, name: describeRecord(origin), reason, stage: "filter" });
  }

  async apply(records: readonly SourceRecord[]): Promise<readonly SourceRecord[]> {
    const { filter, origins, follows } = this.#parts;
    const refusedBefore = this.#refused;
    this.#refusedNow.clear();
    const result = filter.apply(records, this.#context);
    const left = result instanceof Promise ? await result : result;
    if (follows) origins.returned(records, left);
    this.#given += records.length;
    const missing = records.length - (this.#refused - refusedBefore) - left.length;
    if (!this.#countsDropped && missing > 0) this.#dropped += missing;
    return left;
  }

  count(): FilterCount {
    const { index, filter } = this.#parts;
    const { kind, name = kind, fields = [] } = filter;
    const absentFields = this.#given === 0 ? [] : fields.filter((field) => !this.seen.has(field));
    // The history and `--json` hold these: an expression may have been filled in with a secret.
    return {
      index,
      type: kind,
      name: redact(name),
      given: this.#given,
      dropped: this.#dropped,
      missingField: this.#missingField,
      refused: this.#refused,
      defaulted: this.#defaulted,
      absentFields: absentFields.map(redact),
    };
  }
}

function withoutOrigin(reason: TidemarkError, index: number): TidemarkError {
  const { code, message, details, where } = reason;
  return new TidemarkError(code, message, {
    cause: reason,
    hint: `The record is refused by filters[${index}], and cannot be kept as it was read: a filter in code before it did not say which record it made it of (\`FilterAccount.made\`).`,
    ...(details === undefined ? {} : { details }),
    ...(where === undefined ? {} : { where }),
  });
}
