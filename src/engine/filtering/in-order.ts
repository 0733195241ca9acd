import type { Filter } from "../filter.ts";
import type { Pipeline } from "../pipeline.ts";

/** Kinds of filters that return one result for each record in order, or leave some out. */
const inOrder: ReadonlySet<string> = new Set(["mapping", "condition", "set", "remove"]);

/**
 * Whether the results of these filters, where there are as many as records, belong to the records one by one. A filter
 * in code may drop one record and make two of another.
 */
export function keepInOrder(filters: readonly Pick<Filter, "kind">[]): boolean {
  return filters.every(({ kind }) => inOrder.has(kind));
}

/**
 * Whether a run needs to know of which record each filter result was made: for the receipts of an output, and to compare
 * versions where rows are replaced.
 */
export function needsTracing({ filters, output }: Pick<Pipeline, "filters" | "output">): boolean {
  return output.receipts === true || (output.upsertKey !== undefined && !keepInOrder(filters));
}
