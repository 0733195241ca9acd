import type { SourceRecord } from "../model/record.ts";
import type { FilterAccount } from "./filter-account.ts";
import type { OnError } from "./on-error.ts";
import type { PartContext } from "./part-context.ts";

/**
 * Changes, drops or multiplies records. `apply` is called once a batch, in order, and must not
 * change the records it is given. What it throws fails the run before the batch is written; a record that it cannot
 * take is given to `FilterAccount.refuse`, which goes by `onError`.
 */
export interface Filter {
  readonly kind: string;
  /** What becomes of records that it refuses; absent, the first of them fails the run. */
  readonly onError?: OnError;
  /** What messages and counts call it; the kind unless given. */
  readonly name?: string;
  /** Fields that it names. A run tells which of them no record had, by `FilterAccount.seen`. */
  readonly fields?: readonly string[];
  apply(records: readonly SourceRecord[], context: FilterContext): FilterResult | Promise<FilterResult>;
}

/** The records to go on with. */
type FilterResult = readonly SourceRecord[];

export interface FilterContext extends PartContext {
  readonly runId: string;
  /** Takes what the filter says of its work; the engine always gives it. */
  readonly account?: FilterAccount;
}
