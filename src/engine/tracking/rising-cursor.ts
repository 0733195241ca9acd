import { TidemarkError } from "../../errors.ts";
import { type CursorType, compareCursorValues, isOrdered, readCursorValue } from "../../model/cursor.ts";
import { isoFormat } from "../../model/timestamp.ts";

/**
 * The canonical value of a source-managed cursor that came after `last`; null where none came before it. Throws
 * `CURSOR_INVALID`, and `CURSOR_REGRESSION` for one below `last` where cursors have an order.
 */
export function risingCursor(type: CursorType, cursor: string, last: string | null): string {
  const value = readCursorValue(type, cursor, isoFormat);
  if (last === null || !isOrdered(type) || compareCursorValues(type, value, last) >= 0) return value;
  throw new TidemarkError("CURSOR_REGRESSION", `the source gave the cursor ${value} after ${last}`, {
    hint: "A cursor covers all that came before it, so it only rises. Declare `cursorType: opaque_token` for cursors that have no order.",
  });
}
