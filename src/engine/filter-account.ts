/** What a filter says of its work in one run, beside the records that it returns. */
export interface FilterAccount {
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
  /** Fields that the filter names and that no record of the run had. */
  readonly absentFields: readonly string[];
}

/** Counts of filters, by the names that `--json` and the history have. */
export function filtersJson(filters: readonly FilterCount[]): Record<string, unknown>[] {
  return filters.map(({ index, type, name, given, dropped, absentFields }) => ({
    index,
    type,
    name,
    records_given: given,
    records_dropped: dropped,
    absent_fields: absentFields,
  }));
}

/** What the history keeps of the filters: how many records they dropped, and which of them dropped any. */
export function filteredMetadata(filters: readonly FilterCount[]): Record<string, unknown> {
  if (filters.length === 0) return {};
  const dropping = filters.filter(({ dropped }) => dropped > 0);
  return {
    records_filtered: droppedBy(filters),
    ...(dropping.length === 0 ? {} : { filters: filtersJson(dropping) }),
  };
}

export function droppedBy(filters: readonly FilterCount[]): number {
  return filters.reduce((sum, { dropped }) => sum + dropped, 0);
}
