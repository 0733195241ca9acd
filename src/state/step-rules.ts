import { type CursorType, compareCursorValues, isOrdered, parseCursor } from "../model/cursor.ts";
import { emptyPosition, encodePosition, type Position } from "../model/position.ts";
import type { StreamKey } from "../model/stream-key.ts";
import { type AuditEntry, chainEntry } from "./audit.ts";
import { regression, typeMismatch } from "./refusals.ts";
import type { Change, RunRow, StreamRow } from "./rows.ts";
import { initialStream } from "./tables.ts";

/** Rules that lifecycle steps and operators' acts share. */

/** The row of a stream that nobody has begun yet. */
export function newRow(key: StreamKey, scope: string, cursorType: CursorType | null, now: number): StreamRow {
  return {
    ...initialStream,
    key,
    scope,
    cursorType,
    position: emptyPosition,
    positionTag: { epoch: 0, sequence: 0 },
    updatedAt: now,
  };
}

/** The value as the stream's type writes it. Throws `CURSOR_TYPE_MISMATCH` where it is none. */
export function cursorOfStream(key: StreamKey, cursorType: CursorType | null, text: string): string {
  if (cursorType === null) throw typeMismatch(key, "no cursors at all", `"${text}"`);
  try {
    return parseCursor(cursorType, text).value;
  } catch (cause) {
    throw typeMismatch(key, `${cursorType} cursors`, `"${text}"`, cause);
  }
}

/** Whether a value is written as cursors of the type are. */
export function isCanonical(type: CursorType | null, value: string): boolean {
  try {
    return type !== null && parseCursor(type, value).value === value;
  } catch {
    return false;
  }
}

/** Refuses a watermark that is not one of the stream's type, or not as that type writes it. */
export function assertOfType(key: StreamKey, cursorType: CursorType | null, watermark: string | null): void {
  if (watermark === null || cursorOfStream(key, cursorType, watermark) === watermark) return;
  throw typeMismatch(key, `${cursorType} cursors as parseCursor writes them`, `"${watermark}"`);
}

/** Throws for a watermark below `old` (promise P3). Tokens have no order, but a null watermark is below every token. */
export function assertNoRegression(
  of: { readonly key: StreamKey; readonly cursorType: CursorType | null; readonly partition?: string },
  old: string | null,
  watermark: string | null,
): void {
  const type = of.cursorType;
  if (old === null || type === null) return;
  if (watermark !== null && (!isOrdered(type) || compareCursorValues(type, watermark, old) >= 0)) return;
  throw regression(of.key, old, watermark, of.partition ?? null);
}

/** The run as history shows it, with the position that a rewind goes back to. */
export function runRow(row: StreamRow, outcome: RunRow["outcome"], endedAt: number | null): RunRow {
  return {
    key: row.key,
    runId: row.runId ?? "",
    kind: row.scope === "" ? "live" : "backfill",
    epoch: row.epoch,
    outcome,
    startedAt: row.startedAt ?? row.updatedAt,
    endedAt,
    lowerBound: row.runLowerBound,
    newCursor: endedAt === null ? null : row.position.watermark,
    recordsProcessed: row.recordsProcessed,
    checkpoints: row.sequence,
    error: outcome === "failed" ? row.lastError : null,
    metadata: row.metadata,
    actor: row.runActor,
    endPosition: endedAt === null ? null : encodePosition(endOf(row)),
  };
}

/** The most members of a tie set that are kept with each run of the history, which may be many. */
const mostKeptTies = 1000;

/**
 * The part of a position that a rewind restores: without the open window, and with the tie set only where this run
 * moved the watermark. A run that found nothing has the tie set of the run before, which is not stored again.
 */
function endOf({ position: { seen: _, taken: __, ...position }, positionTag, epoch }: StreamRow): Position {
  const moved = positionTag.epoch === epoch;
  const tieSet = moved && position.tieSet.length <= mostKeptTies ? position.tieSet : [];
  return { ...position, tieSet, window: null };
}

/** The row with these entries at the end of its audit log. */
export function withEntries(row: StreamRow, entries: readonly AuditEntry[]): Pick<Change, "row" | "audit"> {
  const audit = [];
  let tail = { number: row.auditNumber, hash: row.auditHead };
  for (const entry of entries) {
    const chained = chainEntry(tail, entry);
    audit.push(chained);
    tail = chained;
  }
  return { row: { ...row, auditNumber: tail.number, auditHead: tail.hash }, audit };
}
