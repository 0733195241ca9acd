import { decodePosition, type Position } from "../model/position.ts";
import { formatStreamKey } from "../model/stream-key.ts";
import type { RunRow, StreamRow } from "./rows.ts";

/** How many runs back the history is searched for the run that read the records at a watermark. */
export const mostSearched = 1000;

/**
 * The position that a rewind goes back to, with the ties at its watermark, so that the records there are not delivered
 * again: as the run itself kept them, or one before it that ended at the same watermark. If the stream's watermark is
 * still the same, its current tie set is complete.
 */
export function withTies(end: Position, row: StreamRow, earlier: Iterable<RunRow>): Position {
  if (end.tieSet.length > 0 || end.watermark === null) return end;
  if (row.position.watermark === end.watermark) return { ...end, tieSet: row.position.tieSet };
  for (const { kind, runId, endPosition } of earlier) {
    if (kind !== "live" || endPosition === null) continue;
    const { watermark, tieSet } = decodePosition(endPosition, `run ${runId} of ${formatStreamKey(row.key)}`);
    if (watermark !== end.watermark) return end;
    if (tieSet.length > 0) return { ...end, tieSet };
  }
  return end;
}
