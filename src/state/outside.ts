import { TidemarkError } from "../errors.ts";
import { emptyPosition, type Position } from "../model/position.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import type { AuditEntry } from "./audit.ts";
import type { AuditRecord, Run } from "./contract.ts";
import type { ChainLink } from "./hash-chain.ts";
import { isoTime } from "./iso-time.ts";
import type { Change, StreamRow } from "./rows.ts";
import { newRow, withEntries } from "./step-rules.ts";

/**
 * Detects changes made outside Tidemark. Each move of a live watermark is in the audit log, so a stream's row and the
 * end of its log agree unless one of them was edited. Pure functions: the stores read the log.
 */

/** The end of a stream's audit log. */
export interface LogEnd {
  readonly last: AuditRecord | null;
  /** The last row about the stream as a whole, and not one partition. */
  readonly own: AuditRecord | null;
  /** Up to where the log was moved into an archive. */
  readonly archived: ChainLink;
  /** Whether the store has held the stream before, by its list of streams. */
  readonly listed: boolean;
}

export interface OutsideChange {
  /** The row is gone; the log's end differs from the one in the row; or the watermark differs. */
  readonly what: "removed" | "log" | "watermark";
  /** The watermark that the log ends with, and the one that is stored. */
  readonly logged: string | null;
  readonly stored: string | null;
}

/** Null where the row agrees with its log. */
export function outsideChange(row: StreamRow | null, end: LogEnd): OutsideChange | null {
  const { last, own, archived } = end;
  const logged = own?.newCursor ?? null;
  const stored = editedWatermark(row, logged);
  if (row === null) return end.listed || last !== null ? { what: "removed", logged, stored } : null;
  const tail = last ?? archived;
  if (tail.number !== row.auditNumber || tail.hash !== row.auditHead) return { what: "log", logged, stored };
  // If all rows about the stream itself are in an archive, only the archive has the watermark.
  const isKnown = own !== null || archived.number === 0;
  const differs = isKnown && logged !== stored;
  return differs || row.positionWatermark !== undefined ? { what: "watermark", logged, stored } : null;
}

/** The stored watermark. If the row holds two that differ, the one that the log does not end with. */
function editedWatermark(row: StreamRow | null, logged: string | null): string | null {
  if (row === null) return null;
  const { position, positionWatermark } = row;
  return positionWatermark !== undefined && position.watermark === logged
    ? positionWatermark
    : position.watermark;
}

/** Whether the last row about the stream itself must be searched in the log, since rows of partitions may follow it. */
export function needsOwn(row: StreamRow | null, last: AuditRecord | null): boolean {
  if (last === null || last.partition === null) return false;
  // A stream that moves by its partitions has no watermark of its own, and its log may be long.
  return row === null || row.position.watermark !== null;
}

/** The refusal of a change in a database. */
export function stateEdited(key: StreamKey, { what, logged, stored }: OutsideChange): TidemarkError {
  const stream = formatStreamKey(key);
  const shown = (watermark: string | null): string => watermark ?? "none";
  const found = {
    removed: `the stored state of ${stream} was removed, and its audit log, or the list of streams, still has it`,
    log: `the audit log of ${stream} does not end with the row that the stored state remembers`,
    watermark: `the stored watermark of ${stream} is ${shown(stored)}, and its audit log ends with ${shown(logged)}`,
  }[what];
  const { connector, stream: name } = key;
  const type = what === "removed" ? " --type TYPE" : "";
  return new TidemarkError("STATE_EDITED", `${found}: it was changed outside Tidemark`, {
    stream,
    hint:
      `Restore the state from a backup, or set the stream's position, which is audited: ` +
      `tidemark state set ${connector} ${name} ${stored ?? logged ?? "VALUE"}${type} --reason "…"`,
    details: { logged, stored },
  });
}

/** The row after the change was accepted, with the change in its audit log. */
export interface Taken {
  readonly row: StreamRow;
  readonly audit: readonly AuditRecord[];
}

/** Accepts the change as an edit by an unknown actor. `epoch` is above that of every run. */
export function takeEdit(
  row: StreamRow | null,
  key: StreamKey,
  end: LogEnd,
  change: OutsideChange,
  how: { readonly now: number; readonly reason: string; readonly epoch: number },
): Taken {
  const current = row ?? { ...newRow(key, "", null, how.now), epoch: how.epoch };
  const entry = editEntry(key, null, change, how);
  const tail = end.last ?? end.archived;
  const chained =
    tail.number >= current.auditNumber
      ? { ...current, auditNumber: tail.number, auditHead: tail.hash }
      : current;
  const { positionWatermark: _, ...taken } = chained;
  return withEntries({ ...taken, position: editedPosition(current, change) }, [entry]);
}

/** The log row for a change. */
export function editEntry(
  key: StreamKey,
  partition: string | null,
  { logged, stored }: Pick<OutsideChange, "logged" | "stored">,
  how: { readonly now: number; readonly reason: string },
): AuditEntry {
  return {
    key,
    partition,
    atUtc: isoTime(how.now),
    actor: unknownActor,
    action: "edit",
    oldCursor: logged,
    newCursor: stored,
    reason: how.reason,
    runId: null,
  };
}

/** Nothing records who edits a file or a row. */
const unknownActor = "unknown";

/** The tie set and an open window belong to the old watermark. A seed is new as a whole. */
function editedPosition({ epoch, position }: StreamRow, { what, stored }: OutsideChange): Position {
  if (what !== "watermark" || epoch === 0) return position;
  const { facts } = position;
  return { ...emptyPosition, watermark: stored, ...(facts === undefined ? {} : { facts }) };
}

/** The reason in the log where a run accepted the change. */
export const editedByHand = "the state file was changed by hand";

/** The same, of a partition's file that is gone. */
export const removedByHand =
  "the partition's state file was removed; the position in the output is used, if it keeps one";

/** The reason in the log where an operator's act came after the change. */
export const confirmedByAct = "changed outside Tidemark; the next row confirms it";

/** A step's change, with the log rows that must come before it. */
export function withTaken<T extends Change>(
  change: T,
  found: { readonly audit: readonly AuditRecord[] } | null,
): T {
  return found === null || found.audit.length === 0
    ? change
    : { ...change, audit: [...found.audit, ...change.audit] };
}

export function editOf({
  logged,
  stored,
}: Pick<OutsideChange, "logged" | "stored">): NonNullable<Run["edited"]> {
  return { oldCursor: logged, newCursor: stored };
}
