import type { StreamKey } from "../model/stream-key.ts";
import type { AuditRecord } from "./contract.ts";
import { noLink } from "./hash-chain.ts";
import {
  type LogEnd,
  needsOwn,
  type OutsideChange,
  outsideChange,
  stateEdited,
  takeEdit,
} from "./outside.ts";
import type { EditPolicy, StreamRow } from "./rows.ts";
import type { Rows } from "./state-storage.ts";
import { got, type Work } from "./work.ts";

/** A live stream's row for a step, after a comparison with its log. */
export interface ComparedRow {
  readonly stored: StreamRow | null;
  /** The row to take the step on. */
  readonly row: StreamRow | null;
  /** Rows of the log that come before those of the step. */
  readonly audit: readonly AuditRecord[];
  readonly change: OutsideChange | null;
}

/** Loads a live stream's row and compares it with its log. Throws `STATE_EDITED` for a change that is not taken. */
export function* comparedRow(
  rows: Rows,
  key: StreamKey,
  { edits, reason }: { edits: EditPolicy; reason: string },
): Work<ComparedRow> {
  const stored = yield* got(rows.load(key, ""));
  if (stored !== null && rows.isCompared === true) return loaded(stored);
  const [last = null] = yield* got(rows.listNewestAudit({ key, before: null, limit: 1 }));
  const own = needsOwn(stored, last) ? yield* got(rows.lastAudit(key)) : ofStream(last);
  // Nearly all rows agree with their log and need no further comparison.
  const quick = { last, own, archived: noLink, listed: false };
  if (stored !== null && outsideChange(stored, quick) === null) return loaded(stored);
  const archived = yield* got(rows.archivedTo(key));
  const end = { ...quick, archived, listed: yield* got(rows.isListed(key)) };
  const change = outsideChange(stored, end);
  // A storage may be unable to lock a row that does not exist yet, so another process may have created it meanwhile.
  if (change !== null && stored === null && (yield* got(rows.load(key, ""))) !== null) {
    return yield* comparedRow(rows, key, { edits, reason });
  }
  if (change === null || (edits === "take" && isForgotten(stored, end))) return loaded(stored);
  if (edits === "refuse") throw stateEdited(key, change);
  const [newest] = yield* got(rows.listRuns(key, { before: null, limit: 1 }));
  const now = yield* got(rows.now());
  const taken = takeEdit(stored, key, end, change, { now, reason, epoch: newest?.run.epoch ?? 0 });
  return { stored, ...taken, change };
}

/** The row, if it is about the stream as a whole. */
function ofStream(last: AuditRecord | null): AuditRecord | null {
  return last?.partition === null ? last : null;
}

/** Whether the end of the row's log agrees with the row. Does not read the log itself. */
export function agreesWithLog(stored: StreamRow, last: AuditRecord | null): boolean {
  if (needsOwn(stored, last)) return false;
  const own = ofStream(last);
  return outsideChange(stored, { last, own, archived: noLink, listed: false }) === null;
}

/** Whether only the stream's name in the list is left, so that there is no change to report. */
function isForgotten(stored: StreamRow | null, { last, archived }: LogEnd): boolean {
  return stored === null && last === null && archived.number === 0;
}

/** A row without a change made outside Tidemark. */
export function loaded(stored: StreamRow | null): ComparedRow {
  return { stored, row: stored, audit: [], change: null };
}
