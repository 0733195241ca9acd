import type { SourceRecord } from "../model/record.ts";
import type { FilterAccount } from "./filter-account.ts";
import type { OnError } from "./on-error.ts";
import type { PartContext } from "./part-context.ts";

/**
 * Changes, drops or multiplies records. `apply` is called once a batch, in order, and must not change the records it is
 * given. What it throws fails the run before the batch is written. For a record that it cannot process it calls
 * `FilterAccount.refuse`, which follows `onError`.
 */
export interface Filter {
  readonly kind: string;
  /** What happens to records that it refuses. Absent: the first of them fails the run. */
  readonly onError?: OnError;
  /** Its name in messages and counts. Default: the kind. */
  readonly name?: string;
  /** Fields that it names. A run warns of those that no record had, by `FilterAccount.seen`. */
  readonly fields?: readonly string[];
  apply(records: readonly SourceRecord[], context: FilterContext): FilterResult | Promise<FilterResult>;
}

/** The records to go on with. */
type FilterResult = readonly SourceRecord[];

export interface FilterContext extends PartContext {
  readonly runId: string;
  /** Receives the filter's reports; the engine always sets it. */
  readonly account?: FilterAccount;
}
