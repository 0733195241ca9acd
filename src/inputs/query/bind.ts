import type { BoundTarget, BoundWriter } from "../../databases/bounds.ts";
import type { SqlValue } from "../../databases/port.ts";
import { uuidNotAfter } from "../../databases/uuid.ts";
import type { CursorField } from "../../engine/ports.ts";

/** How a bound is to be written for one placeholder. */
export interface Binding extends BoundTarget {
  /** The database's own way. */
  readonly writer: BoundWriter;
}

/**
 * A lower bound as the database takes it: never above the canonical value, so that rounding loses no
 * record, and as close below it as the database's type can say.
 */
export function bindLowerBound(field: CursorField, value: string, binding: Binding): SqlValue {
  const { writer, type } = binding;
  switch (field.type) {
    case "timestamp_utc":
      return writer.lowerTime(field, value, binding);
    case "numeric_id":
    case "offset":
      return writer.lowerNumber(value, type);
    default:
      return writer.isUuid(type) ? uuidNotAfter(value) : value;
  }
}

/** Whether the database keeps the cursor's timestamps as text, and so compares and sorts their letters. */
export function isKeptAsText(field: CursorField, { writer, type, queryFormat }: Binding): boolean {
  return field.type === "timestamp_utc" && writer.keepsTimesAsText(type, (queryFormat ?? field.format).kind);
}
