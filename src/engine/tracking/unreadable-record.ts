import type { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";

const reason = Symbol("why a record cannot be read");

/** An element that is not a record, and why it cannot be read. */
export interface Unreadable {
  readonly value: unknown;
  readonly error: TidemarkError;
}

/**
 * A placeholder for an element of a page that is not a record, so that pages keep their size and order. A page that has
 * one sets `Page.holdsUnreadable`. Filters and outputs never receive it.
 *
 * ```ts
 * const error = new TidemarkError("RECORD_INVALID", "line 7 is no JSON");
 * yield { records: [unreadableRecord(line, error)], holdsUnreadable: true, next: null };
 * ```
 */
export function unreadableRecord(value: unknown, error: TidemarkError): SourceRecord {
  const unreadable: Unreadable = { value, error };
  return Object.assign({ value }, { [reason]: unreadable });
}

/** The unreadable element behind a placeholder; null for a record. */
export function unreadableOf(record: SourceRecord): Unreadable | null {
  const found: unknown = Reflect.get(record, reason);
  return isUnreadable(found) ? found : null;
}

function isUnreadable(found: unknown): found is Unreadable {
  return typeof found === "object" && found !== null && "error" in found;
}
