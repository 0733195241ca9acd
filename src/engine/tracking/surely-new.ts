import { compareCursorValues } from "../../model/cursor.ts";
import { type IdentityPlan, identityOf } from "../../model/identity.ts";
import type { Order } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { CursorsOfPage } from "./record-cursors.ts";
import { tieName } from "./tie-name.ts";
import type { TrackerOptions } from "./tracker-options.ts";

/** A tracker's position before a page. */
export interface Reached {
  readonly order: Order;
  /** The cursor of the last record within the window; null before the first. */
  readonly last: string | null;
  readonly highest: string | null;
  /** The names of what was delivered at the highest cursor, or past the window; null where some were dropped. */
  readonly tieSet: Pick<ReadonlyMap<string, unknown>, "has" | "size"> | null;
}

/**
 * Whether a page for an output that appends is surely new and without duplicates, so that the output need not check.
 * That holds in a window read in one piece and in order, where the page lies after the run's start and after all pages
 * before it. At the highest cursor so far, the tie set shows what was delivered.
 */
export function isSurelyNew(
  records: readonly SourceRecord[],
  { ascending, lowest, cursors }: CursorsOfPage,
  options: TrackerOptions,
  { order, last, highest, tieSet }: Reached,
): boolean {
  const { incremental, edges, start, tracksDeliveries } = options;
  const type = incremental.cursors[0]?.type;
  if (!tracksDeliveries || incremental.dedupe === "window" || order !== "ascending") return false;
  if (edges.lower !== "inclusive" || edges.upper !== "open") return false;
  if (type === undefined || !ascending || lowest === null) return false;
  if (tieSet === null || tieSet.size >= incremental.maxTieSetSize) return false;
  if (start.watermark !== null && compareCursorValues(type, lowest, start.watermark) <= 0) return false;
  if (!areDistinct(records, cursors, options.identity)) return false;
  const beyond = last === null ? 1 : compareCursorValues(type, lowest, last);
  if (beyond !== 0) return beyond > 0;
  if (last !== highest) return false;
  const tied = records.slice(0, cursors.lastIndexOf(lowest) + 1);
  return !tied.some((record) => tieSet.has(tieName(lowest, identityOf(record, options.identity))));
}

/** Among records in order, only those with equal cursors can be duplicates. */
function areDistinct(
  records: readonly SourceRecord[],
  cursors: readonly (string | null)[],
  identity: IdentityPlan,
): boolean {
  let tied: Set<string> | null = null;
  for (let at = 1; at < records.length; at++) {
    const [before, record] = [records[at - 1], records[at]];
    if (before === undefined || record === undefined) continue;
    if (cursors[at] !== cursors[at - 1]) {
      tied = null;
      continue;
    }
    tied ??= new Set([identityOf(before, identity)]);
    const name = identityOf(record, identity);
    if (tied.has(name)) return false;
    tied.add(name);
  }
  return true;
}
