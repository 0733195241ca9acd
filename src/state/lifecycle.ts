import { type CursorType, compareCursorValues, isOrdered } from "../model/cursor.ts";
import { emptyPosition, type Position } from "../model/position.ts";
import type { StreamKey } from "../model/stream-key.ts";
import { keptMetadata, storableError } from "./arguments.ts";
import type { AuditEntry } from "./audit.ts";
import { committedText, keptText, withText } from "./committed-text.ts";
import type { BeginOptions, Checkpoint, Completion, Failure, Run, RunRef } from "./contract.ts";
import { isoTime } from "./iso-time.ts";
import { isOwnerGone } from "./owner.ts";
import { type Moved, movePartitions, newlyBackfilled } from "./partitions.ts";
import {
  backfillCompleted,
  checkpointOutOfOrder,
  completedOtherwise,
  finished,
  runActive,
  streamNotFound,
  superseded,
  typeMismatch,
} from "./refusals.ts";
import { type Change, type ChildRows, type RunRow, type StreamRow, scopeOf } from "./rows.ts";
import {
  assertNoRegression,
  assertOfType,
  cursorOfStream,
  newRow,
  runRow,
  withEntries,
} from "./step-rules.ts";
import { withoutStop } from "./stop-requests.ts";
import { defaultLeaseSeconds } from "./tables.ts";

/**
 * The lifecycle of a stream as pure steps from one row to the next. `store.ts` takes them, the same over every
 * storage.
 */

/** The actor where no person or key is named. */
export const unnamedActor = "local";

export interface Begun extends Change {
  readonly supersededRunId: string | null;
  /** The live watermark as it was committed. */
  readonly lowerBoundText: string | null;
}

/**
 * `live` is the live stream's row. A live run is given it as `row` too; a backfill has a row of its own, and only reads
 * the live watermark (promise P11). `hasPartitions` returns whether partitions hold cursors; it is called only where
 * the type would change.
 */
export function begin(
  row: StreamRow | null,
  live: StreamRow | null,
  key: StreamKey,
  runId: string,
  options: BeginOptions,
  now: number,
  hasPartitions: boolean,
): Begun {
  const current =
    row ?? newRow(key, scopeOf({ ...options, kind: options.kind ?? "live", runId }), options.cursorType, now);
  if (current.status === "running" && current.runId === runId) {
    const lowerBoundText = lowerBoundTextOf(current, live);
    return { row: current, runs: [], audit: [], supersededRunId: null, lowerBoundText };
  }
  if (current.scope !== "" && current.status === "completed") {
    throw backfillCompleted(key, options.backfill ?? runId);
  }
  const ofStream = agreedType(live ?? current, options.cursorType, hasPartitions);
  // A backfill that holds cursors of its own keeps their type, also if the stream has another by now.
  const cursorType = current.scope === "" ? ofStream : agreedType(current, ofStream, hasPartitions);
  if (options.ifRunning === "refuse") assertNotHeld(current, now);
  const supersededRun = current.status === "running" ? runRow(current, "superseded", now) : null;
  const leaseSeconds = options.leaseSeconds ?? defaultLeaseSeconds;
  const begun: StreamRow = {
    ...current,
    cursorType,
    status: "running",
    epoch: Math.max(current.epoch, options.epochFloor ?? 0) + 1,
    sequence: 0,
    runId,
    runLowerBound: live?.position.watermark ?? null,
    runActor: options.actor ?? null,
    startedAt: now,
    leaseSeconds,
    leaseExpiresAt: now + leaseSeconds * 1000,
    leaseOwner: options.owner ?? null,
    lastError: null,
    recordsProcessed: 0,
    metadata: null,
    stops: withoutStop(current.stops, current.runId),
    updatedAt: now,
  };
  const run = runRow(begun, "running", null);
  const runs = supersededRun === null ? [run] : [supersededRun, run];
  const lowerBoundText = lowerBoundTextOf(begun, live);
  return { row: begun, runs, audit: [], supersededRunId: supersededRun?.runId ?? null, lowerBoundText };
}

/** A begin that is repeated after a checkpoint has only the text of the new watermark. */
function lowerBoundTextOf({ runLowerBound }: StreamRow, live: StreamRow | null): string | null {
  if (live === null || live.position.watermark !== runLowerBound) return runLowerBound;
  return committedText(live.cursorType, live.position);
}

/**
 * Throws for the id of a run that has ended: a late repetition of its begin must not take the stream from a newer run,
 * or overwrite the history.
 */
export function assertNotEnded(row: StreamRow | null, ended: RunRow | null): void {
  if (ended === null || (row?.status === "running" && row.runId === ended.runId)) return;
  const { key, kind, runId, epoch, outcome } = ended;
  const run = { key, kind, runId, epoch };
  throw outcome === "completed" || outcome === "failed"
    ? finished(run, { status: outcome })
    : superseded(run, row?.epoch ?? epoch);
}

/** Marks a begun stream's position as newer than any position that an output may hold. */
export function asFreshStart(begun: Begun): Begun {
  const { epoch } = begun.row;
  return { ...begun, row: { ...begun.row, positionTag: { epoch, sequence: 0 }, resetEpoch: epoch } };
}

/** The run as the caller gets it. */
export function grantedRun(
  { row, supersededRunId, lowerBoundText }: Pick<Begun, "row" | "supersededRunId" | "lowerBoundText">,
  ref: RunRef,
): Run {
  const { cursorType, runLowerBound: value } = row;
  return {
    ...ref,
    cursorType,
    lowerBound: value === null || cursorType === null ? null : { type: cursorType, value },
    lowerBoundText: value === null || cursorType === null ? null : lowerBoundText,
    position: row.position,
    positionTag: row.positionTag,
    leaseSeconds: row.leaseSeconds,
    startedAtUtc: isoTime(row.startedAt ?? row.updatedAt),
    supersededRunId,
  };
}

/** Null where the checkpoint is a repetition of the last one. */
export function checkpoint(
  row: StreamRow | null,
  run: RunRef,
  made: Checkpoint,
  now: number,
  childRows: ChildRows,
): Change | null {
  const current = heldRow(row, run);
  if (current.status !== "running") throw finished(run, current);
  if (made.sequence === current.sequence) return null;
  if (made.sequence !== current.sequence + 1) {
    throw checkpointOutOfOrder(run, made.sequence, current.sequence);
  }
  assertOfType(current.key, current.cursorType, made.position.watermark);
  // A correction (P9) falls back to where the run began and no further; a backfill has no live watermark.
  const began = current.scope === "" ? current.runLowerBound : null;
  const floor = made.correction === undefined ? current.position.watermark : began;
  assertNoRegression(current, floor, made.position.watermark);
  const moved: StreamRow = {
    ...current,
    position: made.position,
    positionTag: { epoch: current.epoch, sequence: made.sequence },
    sequence: made.sequence,
    recordsProcessed: made.recordsProcessed,
    leaseExpiresAt: now + current.leaseSeconds * 1000,
    updatedAt: now,
  };
  const { correction } = made;
  const partitions = movePartitions(
    current,
    made.partitions ?? [],
    {
      tag: moved.positionTag,
      now,
      actor: current.runActor ?? unnamedActor,
      ...(correction === undefined ? {} : { correction }),
    },
    childRows,
  );
  const action = correction === undefined ? "advance" : "correction";
  return {
    ...withAdvances(current, moved, action, correction ?? null, now, partitions),
    runs: [],
  };
}

export function heartbeat(row: StreamRow | null, run: RunRef, now: number): StreamRow {
  const current = heldRow(row, run);
  if (current.status !== "running") throw finished(run, current);
  return { ...current, leaseExpiresAt: now + current.leaseSeconds * 1000 };
}

/** Null where the run has completed already, with the same cursor. */
export function complete(
  row: StreamRow | null,
  run: RunRef,
  done: Completion,
  now: number,
  childRows: ChildRows,
): Change | null {
  const current = heldRow(row, run);
  if (current.status === "completed") {
    assertSameCursor(current, run, done);
    return null;
  }
  if (current.status !== "running") throw finished(run, current);
  const position = completedPosition(current, done);
  assertOfType(current.key, current.cursorType, position.watermark);
  assertNoRegression(current, current.position.watermark, position.watermark);
  const moves = done.partitions ?? [];
  const moved = done.newCursor !== undefined || done.position !== undefined || moves.length > 0;
  const ended: StreamRow = {
    ...current,
    position,
    positionTag: moved ? { epoch: current.epoch, sequence: current.sequence + 1 } : current.positionTag,
    sequence: moved ? current.sequence + 1 : current.sequence,
    status: "completed",
    leaseExpiresAt: null,
    leaseOwner: null,
    recordsProcessed: done.recordsProcessed ?? current.recordsProcessed,
    metadata: done.metadata === undefined ? null : keptMetadata(current.key, done.metadata),
    updatedAt: now,
  };
  const actor = current.runActor ?? unnamedActor;
  const partitions = movePartitions(current, moves, { tag: ended.positionTag, now, actor }, childRows);
  const covered = current.scope === "" ? [] : newlyBackfilled(ended, null, position.coverage, childRows);
  return {
    ...withAdvances(current, ended, "advance", null, now, {
      ...partitions,
      backfilled: [...partitions.backfilled, ...covered],
    }),
    runs: [runRow({ ...ended, sequence: current.sequence }, "completed", now)],
  };
}

/** Null where the run has failed already. */
export function fail(row: StreamRow | null, run: RunRef, failure: Failure, now: number): Change | null {
  const current = heldRow(row, run);
  if (current.status === "failed") return null;
  if (current.status !== "running") throw finished(run, current);
  const ended: StreamRow = {
    ...current,
    status: "failed",
    lastError: storableError(failure.error),
    leaseExpiresAt: null,
    leaseOwner: null,
    recordsProcessed: failure.recordsProcessed ?? current.recordsProcessed,
    metadata: failure.metadata === undefined ? null : keptMetadata(current.key, failure.metadata),
    updatedAt: now,
  };
  return { row: ended, runs: [runRow(ended, "failed", now)], audit: [] };
}

/**
 * A completion that is repeated names the cursor that the first one committed, or leaves the cursor where it is. Any
 * other cursor is an error of the caller: to treat the call as a repetition would drop that cursor silently.
 */
function assertSameCursor(current: StreamRow, run: RunRef, done: Completion): void {
  const committed = current.position.watermark;
  const given = done.newCursor ?? done.position?.watermark ?? null;
  if (given === null || given === committed) return;
  const watermark = cursorOfStream(current.key, current.cursorType, given);
  if (watermark === committed) return;
  const type = current.cursorType;
  if (type !== null && committed !== null && isOrdered(type)) {
    if (compareCursorValues(type, watermark, committed) === 0) return;
  }
  throw completedOtherwise(run, committed, watermark);
}

function completedPosition(current: StreamRow, done: Completion): Position {
  if (done.position !== undefined) return done.position;
  if (done.newCursor === undefined) return current.position;
  const watermark = cursorOfStream(current.key, current.cursorType, done.newCursor);
  if (watermark === current.position.watermark) return withText(current.position, done.newCursor);
  const { coverage } = current.position;
  return { ...emptyPosition, watermark, ...keptText(watermark, done.newCursor), coverage };
}

/** Whether a begin would change the stream's cursor type; a stream that holds no cursors lets it. */
export function changesType(row: StreamRow | null, asked: CursorType | null): boolean {
  return row !== null && row.cursorType !== null && asked !== null && row.cursorType !== asked;
}

function agreedType(current: StreamRow, asked: CursorType | null, hasPartitions: boolean): CursorType | null {
  if (!changesType(current, asked)) return asked ?? current.cursorType;
  const { watermark, coverage, window } = current.position;
  const holdsNone =
    watermark === null && coverage.length === 0 && (window?.upper ?? window?.highest ?? null) === null;
  if (holdsNone && !hasPartitions) return asked;
  throw typeMismatch(current.key, `${current.cursorType} cursors`, asked ?? "none");
}

function assertNotHeld(current: StreamRow, now: number): void {
  if (!isHeld(current, now)) return;
  throw runActive(current.key, current.runId ?? "?", {
    at: isoTime(now),
    startedAt: isoTime(current.startedAt ?? now),
    expiresAt: isoTime(current.leaseExpiresAt ?? now),
  });
}

/** Whether a run holds the lease, so that it can be at work. */
export function isHeld(current: StreamRow, now: number): boolean {
  if (current.status !== "running" || current.leaseExpiresAt === null) return false;
  if (current.leaseExpiresAt <= now || wasAhead(current, current.leaseExpiresAt, now)) return false;
  return current.leaseOwner === null || !isOwnerGone(current.leaseOwner);
}

/**
 * Whether a lease ends later than any that could be granted now: it was granted while the clock was ahead, and the
 * clock has been set back since. A run that is still alive soon renews it by the new clock.
 */
function wasAhead({ leaseSeconds }: StreamRow, expiresAt: number, now: number): boolean {
  return expiresAt - now > leaseSeconds * 1000 + clocksDifferMs;
}

/** How much two readings of the clock may differ without the clock having been set, in milliseconds. */
const clocksDifferMs = 60_000;

function heldRow(row: StreamRow | null, run: RunRef): StreamRow {
  if (row === null) throw streamNotFound(run.key);
  if (row.epoch !== run.epoch || row.runId !== run.runId) throw superseded(run, row.epoch);
  return row;
}

/** The row as moved, with each move of a live watermark in the audit log (promise P12). */
function withAdvances(
  current: StreamRow,
  moved: StreamRow,
  action: "advance" | "correction",
  reason: string | null,
  now: number,
  { partitions, backfilled, entries }: Moved,
): Pick<Change, "row" | "audit" | "partitions" | "backfilled"> {
  const oldCursor = current.position.watermark;
  const newCursor = moved.position.watermark;
  const own: AuditEntry[] = [];
  if (oldCursor !== newCursor && current.scope === "") {
    own.push({
      key: current.key,
      partition: null,
      atUtc: isoTime(now),
      actor: current.runActor ?? unnamedActor,
      action,
      oldCursor,
      newCursor,
      reason,
      runId: current.runId,
    });
  }
  return { ...withEntries(moved, [...own, ...entries]), partitions, backfilled };
}
