import type { StreamKey } from "../model/stream-key.ts";
import type { AuditRecord } from "./contract.ts";
import {
  type LogEnd,
  needsOwn,
  type OutsideChange,
  outsideChange,
  stateEdited,
  takeEdit,
} from "./outside.ts";
import type { RowTransaction } from "./row-storage.ts";
import type { EditPolicy, StreamRow } from "./rows.ts";

/** A live stream's row for a step, after a comparison with its log. */
export interface ComparedRow {
  readonly stored: StreamRow | null;
  /** The row to take the step on. */
  readonly row: StreamRow | null;
  /** Rows of the log that come before those of the step. */
  readonly audit: readonly AuditRecord[];
  readonly change: OutsideChange | null;
}

/** Loads a live stream's row. Throws `STATE_EDITED` for a change that is not taken. */
export function comparedRow(
  tx: RowTransaction,
  key: StreamKey,
  { edits, now, reason }: { edits: EditPolicy; now: number; reason: string },
): ComparedRow {
  const stored = tx.load(key, "");
  const [last = null] = tx.listNewestAudit({ key, before: null, limit: 1 });
  const own = needsOwn(stored, last) ? tx.lastAudit(key, null) : ofStream(last);
  // A row that agrees with its log, as nearly all do, needs no look at the rest.
  const quick = { last, own, archived: { number: 0, hash: "" }, listed: false };
  if (stored !== null && outsideChange(stored, quick) === null) return loaded(stored);
  const end = { ...quick, archived: tx.archivedTo(key), listed: tx.isListed(key) };
  const change = outsideChange(stored, end);
  if (change === null || (edits === "take" && isForgotten(stored, end))) return loaded(stored);
  if (edits === "refuse") throw stateEdited(key, change);
  const [newest] = tx.listRuns(key, { before: null, limit: 1 });
  const taken = takeEdit(stored, key, end, change, { now, reason, epoch: newest?.run.epoch ?? 0 });
  return { stored, ...taken, change };
}

/** The row, if it is about the stream as a whole. */
export function ofStream(last: AuditRecord | null): AuditRecord | null {
  return last?.partition === null ? last : null;
}

/** Whether nothing is left of a stream but its name in the list: there is nothing to tell of. */
export function isForgotten(stored: StreamRow | null, { last, archived }: LogEnd): boolean {
  return stored === null && last === null && archived.number === 0;
}

/** A row that there is nothing to say about. */
export function loaded(stored: StreamRow | null): ComparedRow {
  return { stored, row: stored, audit: [], change: null };
}
