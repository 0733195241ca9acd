import type { CursorType } from "../../model/cursor.ts";
import { identityOf } from "../../model/identity.ts";
import type { SourceRecord } from "../../model/record.ts";
import { windowDelivery } from "./dedupe-window.ts";
import type { TrackerOptions } from "./tracker-options.ts";

/** Which delivery a record is, for outputs that append: its identity with its cursor. */
export function deliveryName(
  record: SourceRecord,
  cursor: string | null,
  type: CursorType,
  { incremental, identity }: Pick<TrackerOptions, "incremental" | "identity">,
): string {
  const name = identityOf(record, identity);
  return incremental.dedupe === "window" ? windowDelivery(type, cursor, name) : `${name}@${cursor ?? ""}`;
}
