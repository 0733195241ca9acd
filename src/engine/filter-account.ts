import type { TidemarkError } from "../errors.ts";
import type { SourceRecord } from "../model/record.ts";

/** What a filter says of its work in one run, beside the records that it returns. */
export interface FilterAccount {
  /**
   * Takes note of a record that the filter was given and cannot take; it goes no further. Throws the error under
   * `onError: fail`.
   */
  refuse(record: SourceRecord, error: TidemarkError): void;
  /** Whether `made` is asked for: a later filter may refuse what this one makes. */
  readonly follows: boolean;
  /**
   * To be called for what the filter made of each record, where it returns neither the records themselves nor one for
   * each in their order: what is refused later is kept as it was read.
   */
  made(from: SourceRecord, to: readonly SourceRecord[]): void;
  /** To be called for a record that is dropped only because a field that the filter compares is missing. */
  missedField(): void;
  /** To be called where a mapping's `default` stands in for a value that cannot be transformed. */
  defaulted(): void;
  /**
   * To be called for records that the filter was given and leaves out on purpose. A filter that never calls it counts
   * as having dropped what its list is shorter by.
   */
  dropped(count: number): void;
  /** Names of `Filter.fields` that a record of this run had. The filter adds those that it finds. */
  readonly seen: Set<string>;
}

/** What one filter of a pipeline did in a run. */
export interface FilterCount {
  /** The filter's place among the pipeline's `filters`, from 0. */
  readonly index: number;
  readonly type: string;
  /** What messages call it: a script's path, a condition's expression. */
  readonly name: string;
  /** How many records it was given, and how many of them it left out on purpose. */
  readonly given: number;
  readonly dropped: number;
  /** How many of those were dropped only because a field that a condition compares is missing. */
  readonly missingField: number;
  /** How many it refused (`onError`), and how often a `default` stood in for a value that could not be transformed. */
  readonly refused: number;
  readonly defaulted: number;
  /** Fields that the filter names and that no record of the run had. */
  readonly absentFields: readonly string[];
}

/** Counts of filters, by the names that `--json` and the history have. */
export function filtersJson(filters: readonly FilterCount[]): Record<string, unknown>[] {
  return filters.map((count) => ({
    index: count.index,
    type: count.type,
    name: count.name,
    records_given: count.given,
    records_dropped: count.dropped,
    records_missing_field: count.missingField,
    records_refused: count.refused,
    values_defaulted: count.defaulted,
    absent_fields: count.absentFields,
  }));
}

/** What the history keeps of the filters: how many records they dropped, and those that dropped or refused any. */
export function filteredMetadata(filters: readonly FilterCount[]): Record<string, unknown> {
  if (filters.length === 0) return {};
  const counting = filters.filter(({ dropped, refused, defaulted }) => dropped + refused + defaulted > 0);
  return {
    records_filtered: droppedBy(filters),
    ...(counting.length === 0 ? {} : { filters: filtersJson(counting) }),
  };
}

export function droppedBy(filters: readonly FilterCount[]): number {
  return filters.reduce((sum, { dropped }) => sum + dropped, 0);
}
