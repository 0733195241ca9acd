import type { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";

const reason = Symbol("why a record cannot be read");

/** Something that came in the place of a record, and why it cannot be read. */
export interface Unreadable {
  readonly value: unknown;
  readonly error: TidemarkError;
}

/**
 * A stand-in for an element of a page that is no record, so that pages keep their size and their order. A
 * page that holds one says so (`Page.holdsUnreadable`); no filter and no output is ever given it.
 */
export function unreadableRecord(value: unknown, error: TidemarkError): SourceRecord {
  const unreadable: Unreadable = { value, error };
  return Object.assign({ value }, { [reason]: unreadable });
}

/** What a stand-in stands for; null for a record. */
export function unreadableOf(record: SourceRecord): Unreadable | null {
  const found: unknown = Reflect.get(record, reason);
  return isUnreadable(found) ? found : null;
}

function isUnreadable(found: unknown): found is Unreadable {
  return typeof found === "object" && found !== null && "error" in found;
}
