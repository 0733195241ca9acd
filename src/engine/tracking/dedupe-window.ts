import { hash } from "node:crypto";
import {
  type CursorType,
  compareCursorValues,
  higherCursor,
  sortKey,
  stepCursor,
} from "../../model/cursor.ts";
import type { Position } from "../../model/position.ts";
import type { Commit, Incremental } from "../ports.ts";

const prefix = "w:";
const afterPrefix = "w;";

/**
 * The name of a delivery under `dedupe: window`: by code point, names are in the order of their
 * cursors, so that an output can drop those below one. A record without a cursor comes first.
 */
export function windowDelivery(type: CursorType, cursor: string | null, identity: string): string {
  const digest = hash("sha256", Buffer.from(identity, "utf16le"), "base64url");
  return `${prefix}${cursor === null ? "" : sortKey(type, cursor)} ${digest}`;
}

/** The deliveries that the output must keep once a window is finished; undefined for none. */
export function keptDeliveries(
  { cursors, dedupe }: Incremental,
  { dedupedFrom }: Position,
): Commit["keepDelivered"] {
  const [field] = cursors;
  if (dedupe !== "window" || field === undefined || dedupedFrom === undefined) return undefined;
  return { from: prefix + sortKey(field.type, dedupedFrom), below: afterPrefix };
}

/**
 * The position with the cursor from which on the output knows each delivery: no further back than the lookback reaches,
 * and no further than where deliveries were first kept. Without `dedupe: window` the position has no such cursor.
 *
 * It moves up only when a window is finished, because only then the output drops what lies below it. After a run that
 * broke off, the next run therefore commits even if it finds nothing new.
 */
export function withDedupedFrom(
  incremental: Incremental,
  start: Position,
  position: Position,
  windowFinished: boolean,
): Position {
  const { dedupedFrom: _, ...rest } = position;
  const { dedupe, lookback, cursors } = incremental;
  const [field] = cursors;
  if (dedupe !== "window" || lookback === null || field === undefined) return rest;
  const { type, precision } = field;
  // Records with the watermark's value were delivered before the output began to keep deliveries.
  const began = start.watermark === null ? null : stepCursor(type, start.watermark, precision, 1);
  const known = start.dedupedFrom ?? began;
  const reached = position.watermark === null ? null : stepCursor(type, position.watermark, lookback, -1);
  const unfinished = known ?? (reached === null ? null : stepCursor(type, reached, precision, -1));
  const from = windowFinished ? higherCursor(type, known, reached) : unfinished;
  return from === null ? rest : { ...rest, dedupedFrom: from };
}

/**
 * How far back a run may read: to the lookback, but no further than the output has kept deliveries, and never above the
 * watermark.
 */
export function knownBack(type: CursorType, lower: string, watermark: string, start: Position): string {
  const from = higherCursor(type, lower, start.dedupedFrom ?? watermark) ?? lower;
  return compareCursorValues(type, from, watermark) <= 0 ? from : watermark;
}
