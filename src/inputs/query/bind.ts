import type { BoundTarget, BoundWriter } from "../../databases/bounds.ts";
import type { SqlValue } from "../../databases/port.ts";
import { uuidNotAfter } from "../../databases/uuid.ts";
import type { CursorField } from "../../engine/ports.ts";

/** How a bound is written for one placeholder. */
export interface Binding extends BoundTarget {
  /** In the database's own form. */
  readonly writer: BoundWriter;
}

/**
 * A lower bound in the database's form: never above the canonical value, so that rounding loses no record, and as close
 * below it as the database's type allows.
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

/** Whether the database stores the cursor's timestamps as text, and so compares and sorts them as text. */
export function isKeptAsText(field: CursorField, { writer, type, queryFormat }: Binding): boolean {
  return field.type === "timestamp_utc" && writer.keepsTimesAsText(type, (queryFormat ?? field.format).kind);
}
