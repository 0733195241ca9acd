import { type BoundParts, boundWherePossible, type CommitBound } from "./bound.ts";
import { IdBound } from "./id-bound.ts";
import { TimestampBound } from "./timestamp-bound.ts";

/** The bound for what a stream follows: times that the database gives, or ids from a sequence. */
export function commitBound(parts: BoundParts, declared: boolean): CommitBound {
  const bound = parts.field.type === "timestamp_utc" ? new TimestampBound(parts) : new IdBound(parts);
  return boundWherePossible(bound, declared, parts.warn);
}
