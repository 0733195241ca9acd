import { compareStreamKeys, type StreamKey } from "../../../model/stream-key.ts";
import type { AuditRecord } from "../../contract.ts";
import type { Moment, Place } from "../../listing.ts";

/** A page of audit rows from the newest back, in the order that `compare` gives. */
export function newestRows(
  rows: readonly AuditRecord[],
  compare: (a: AuditRecord, b: AuditRecord | Moment) => number,
  { before, limit }: { before: Moment | null; limit: number },
): AuditRecord[] {
  return rows
    .filter((row) => before === null || compare(row, before) < 0)
    .sort((a, b) => compare(b, a))
    .slice(0, limit);
}

/** A page of audit rows by stream and number. Reads no more logs than the page needs. */
export function rowsAfter(
  keys: readonly StreamKey[],
  rowsOf: (key: StreamKey) => readonly AuditRecord[],
  { after, limit }: { after: Place | null; limit: number },
): AuditRecord[] {
  const found: AuditRecord[] = [];
  for (const key of keys) {
    const order = after === null ? 1 : compareStreamKeys(key, after.key);
    if (order < 0) continue;
    found.push(...rowsOf(key).filter(({ number }) => order > 0 || number > (after?.number ?? 0)));
    if (found.length >= limit) break;
  }
  return found.slice(0, limit);
}
