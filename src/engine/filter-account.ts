import type { TidemarkError } from "../errors.ts";
import type { SourceRecord } from "../model/record.ts";

/** What a filter reports about its work in one run, in addition to the records that it returns. */
export interface FilterAccount {
  /**
   * Refuses a record that the filter received and cannot process; the record goes no further. Throws the error under
   * `onError: fail`.
   */
  refuse(record: SourceRecord, error: TidemarkError): void;
  /** Whether the filter must call `made`, because a later filter may refuse its results. */
  readonly follows: boolean;
  /**
   * Call with the results of each record, unless the filter returns the records themselves or exactly one result for
   * each in order. A result that is refused later is then kept as the record that was read.
   */
  made(from: SourceRecord, to: readonly SourceRecord[]): void;
  /** Call for a record that is dropped only because a field that the filter compares is missing. */
  missedField(): void;
  /** Call where a mapping's `default` replaces a value that cannot be transformed. */
  defaulted(): void;
  /**
   * Call for records that the filter leaves out on purpose. For a filter that never calls it, the dropped count is how
   * much shorter its list is.
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
  /** How many it refused (`onError`), and how often a `default` replaced a value that could not be transformed. */
  readonly refused: number;
  readonly defaulted: number;
  /** Fields that the filter names and that no record of the run had. */
  readonly absentFields: readonly string[];
}

/** Counts of filters, with the names that `--json` and the history use. */
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

/** The filter counts in the history: how many records were dropped, and the filters that dropped or refused any. */
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
