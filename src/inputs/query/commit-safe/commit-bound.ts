import type { BoundParts, CommitBound } from "../../../databases/port.ts";
import { describeRecord } from "../../../engine/tracking/record-cursors.ts";
import { boundWherePossible } from "./bound.ts";

/**
 * The bound for the stream's cursor: times that the database sets, or ids from a sequence; null where none is needed.
 */
export async function commitBound(
  given: Omit<BoundParts, "describe">,
  declared: boolean,
): Promise<CommitBound | null> {
  const parts: BoundParts = { ...given, describe: describeRecord };
  const bounds = await parts.connection.safeBounds();
  if (bounds === null) return null;
  const bound = parts.field.type === "timestamp_utc" ? bounds.times(parts) : bounds.ids(parts);
  const { isOfQuery } = bounds;
  return boundWherePossible(bound, declared, { ...parts, isOfQuery });
}
