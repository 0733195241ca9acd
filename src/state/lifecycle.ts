import { TidemarkError } from "../errors.ts";
import { type CursorType, compareCursorValues, isOrdered, parseCursor } from "../model/cursor.ts";
import { emptyPosition, encodePosition, type Position } from "../model/position.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import { keptMetadata } from "./arguments.ts";
import { type AuditEntry, chainEntry } from "./audit.ts";
import type {
  BeginOptions,
  Checkpoint,
  Completion,
  Failure,
  Metadata,
  Reset,
  Run,
  RunRef,
} from "./contract.ts";
import { isOwnerGone } from "./owner.ts";
import {
  checkpointOutOfOrder,
  finished,
  regression,
  runActive,
  streamNotFound,
  superseded,
  typeMismatch,
} from "./refusals.ts";
import { type Change, isoTime, laneOf, type RunRow, type StreamRow } from "./rows.ts";

/**
 * The lifecycle of a stream as pure steps from one row to the next. Every store makes the same
 * steps: the row stores by calling these, PostgreSQL in SQL of its own that the contract suite
 * holds to them.
 */

export const defaultLeaseSeconds = 60;

/** The actor of what no person or key is named for. */
export const unnamedActor = "local";

/** The row of a stream that nobody has begun yet. */
export function newRow(key: StreamKey, lane: string, cursorType: CursorType | null, now: number): StreamRow {
  return {
    key,
    lane,
    cursorType,
    position: emptyPosition,
    positionTag: { epoch: 0, sequence: 0 },
    status: "idle",
    epoch: 0,
    sequence: 0,
    runId: null,
    runLowerBound: null,
    runActor: null,
    startedAt: null,
    leaseSeconds: defaultLeaseSeconds,
    leaseExpiresAt: null,
    leaseOwner: null,
    lastError: null,
    recordsProcessed: 0,
    metadata: null,
    updatedAt: now,
    auditNumber: 0,
    auditHead: "",
  };
}

export interface Begun extends Change {
  readonly supersededRunId: string | null;
}

/**
 * `live` is the live stream's row. A live run is given it as `row` too; a backfill has a row of its
 * own beside it, and is only told the live watermark (promise P11).
 */
export function begin(
  row: StreamRow | null,
  live: StreamRow | null,
  key: StreamKey,
  runId: string,
  options: BeginOptions,
  now: number,
): Begun {
  const current =
    row ?? newRow(key, laneOf({ ...options, kind: options.kind ?? "live", runId }), options.cursorType, now);
  if (current.status === "running" && current.runId === runId) {
    return { row: current, runs: [], audit: [], supersededRunId: null };
  }
  const cursorType = agreedType(live ?? current, options.cursorType);
  if (options.ifRunning === "refuse") refuseWhileHeld(current, now);
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
    updatedAt: now,
  };
  const run = runRow(begun, "running", null);
  const runs = supersededRun === null ? [run] : [supersededRun, run];
  return { row: begun, runs, audit: [], supersededRunId: supersededRun?.runId ?? null };
}

/**
 * Refuses the id of a run that is over: a repetition of its begin that arrives late must not take
 * the stream from the run that came after it, nor write over the history.
 */
export function refuseEndedRun(row: StreamRow | null, ended: RunRow | null): void {
  if (ended === null || (row?.status === "running" && row.runId === ended.runId)) return;
  const { key, kind, runId, epoch, outcome } = ended;
  const run = { key, kind, runId, epoch };
  throw outcome === "completed" || outcome === "failed"
    ? finished(run, { status: outcome })
    : superseded(run, row?.epoch ?? epoch);
}

/** Marks a begun stream's position as newer than anything that an output may remember of it. */
export function asFreshStart(begun: Begun): Begun {
  return { ...begun, row: { ...begun.row, positionTag: { epoch: begun.row.epoch, sequence: 0 } } };
}

/** The run as the caller gets it. */
export function grantedRun(row: StreamRow, ref: RunRef, supersededRunId: string | null): Run {
  const { cursorType, runLowerBound: value } = row;
  return {
    ...ref,
    cursorType,
    lowerBound: value === null || cursorType === null ? null : { type: cursorType, value },
    position: row.position,
    positionTag: row.positionTag,
    leaseSeconds: row.leaseSeconds,
    startedAtUtc: isoTime(row.startedAt ?? row.updatedAt),
    supersededRunId,
  };
}

/** Null where the checkpoint is a repetition of the last one. */
export function checkpoint(row: StreamRow | null, run: RunRef, made: Checkpoint, now: number): Change | null {
  const current = heldRow(row, run);
  if (current.status !== "running") throw finished(run, current);
  if (made.sequence === current.sequence) return null;
  if (made.sequence !== current.sequence + 1) {
    throw checkpointOutOfOrder(run, made.sequence, current.sequence);
  }
  refuseForeign(current.key, current.cursorType, made.position.watermark);
  // A correction (P9) falls back to where the run began and no further.
  const floor = made.correction === undefined ? current.position.watermark : current.runLowerBound;
  refuseRegression(current, floor, made.position.watermark);
  const moved: StreamRow = {
    ...current,
    position: made.position,
    positionTag: { epoch: current.epoch, sequence: made.sequence },
    sequence: made.sequence,
    recordsProcessed: made.recordsProcessed,
    leaseExpiresAt: now + current.leaseSeconds * 1000,
    updatedAt: now,
  };
  const action = made.correction === undefined ? "advance" : "correction";
  return { ...withAdvance(current, moved, action, made.correction ?? null, now), runs: [] };
}

export function heartbeat(row: StreamRow | null, run: RunRef, now: number): StreamRow {
  const current = heldRow(row, run);
  if (current.status !== "running") throw finished(run, current);
  return { ...current, leaseExpiresAt: now + current.leaseSeconds * 1000 };
}

/** Null where the run has completed already. */
export function complete(row: StreamRow | null, run: RunRef, done: Completion, now: number): Change | null {
  const current = heldRow(row, run);
  if (current.status === "completed") return null;
  if (current.status !== "running") throw finished(run, current);
  const position = completedPosition(current, done);
  refuseForeign(current.key, current.cursorType, position.watermark);
  refuseRegression(current, current.position.watermark, position.watermark);
  const moved = done.newCursor !== undefined || done.position !== undefined;
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
  return {
    ...withAdvance(current, ended, "advance", null, now),
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
    lastError: failure.error,
    leaseExpiresAt: null,
    leaseOwner: null,
    recordsProcessed: failure.recordsProcessed ?? current.recordsProcessed,
    metadata: failure.metadata === undefined ? null : keptMetadata(current.key, failure.metadata),
    updatedAt: now,
  };
  return { row: ended, runs: [runRow(ended, "failed", now)], audit: [] };
}

export interface Act {
  readonly now: number;
  readonly actor: string;
  readonly action: "reset" | "rewind" | "import";
  readonly reason: string;
  readonly runId?: string;
}

/** Where an operator's act puts a stream; without `metadata` the stream keeps what it has. */
export interface Destination {
  readonly position: Position;
  readonly cursorType: CursorType | null;
  readonly metadata?: Metadata | null;
}

/** An operator's act: the stream stands at `position` from now on, under a new epoch. */
export function moveByOperator(row: StreamRow | null, key: StreamKey, to: Destination, act: Act): Change {
  refuseForeign(key, to.cursorType, to.position.watermark);
  const current = row ?? newRow(key, "", to.cursorType, act.now);
  const epoch = current.epoch + 1;
  const entry: AuditEntry = {
    key,
    atUtc: isoTime(act.now),
    partition: null,
    actor: act.actor,
    action: act.action,
    oldCursor: current.position.watermark,
    newCursor: to.position.watermark,
    reason: act.reason,
    runId: act.runId ?? null,
  };
  const moved: StreamRow = {
    ...current,
    cursorType: to.cursorType,
    position: to.position,
    positionTag: { epoch, sequence: 0 },
    status: "idle",
    epoch,
    sequence: 0,
    leaseExpiresAt: null,
    leaseOwner: null,
    metadata: to.metadata === undefined ? current.metadata : to.metadata,
    updatedAt: act.now,
  };
  return {
    ...withEntry(moved, entry),
    runs: current.status === "running" ? [runRow(current, "superseded", act.now)] : [],
  };
}

/** Where a reset leads: no boundary keys and no unfinished window remain. */
export function resetTarget(row: StreamRow | null, key: StreamKey, reset: Reset): Destination {
  const cursorType = reset.cursorType ?? row?.cursorType ?? null;
  if (reset.to === null) return { position: emptyPosition, cursorType };
  if (cursorType === null) {
    throw new TidemarkError(
      "ARGUMENT_INVALID",
      `${formatStreamKey(key)} has no cursor type yet; say which it is`,
      {
        stream: formatStreamKey(key),
      },
    );
  }
  return { position: { ...emptyPosition, watermark: parseCursor(cursorType, reset.to).value }, cursorType };
}

function completedPosition(current: StreamRow, done: Completion): Position {
  if (done.position !== undefined) return done.position;
  if (done.newCursor === undefined) return current.position;
  const watermark = cursorOfStream(current.key, current.cursorType, done.newCursor);
  if (watermark === current.position.watermark) return current.position;
  return { ...emptyPosition, watermark, coverage: current.position.coverage };
}

function cursorOfStream(key: StreamKey, cursorType: CursorType | null, text: string): string {
  if (cursorType === null) throw typeMismatch(key, "no cursors at all", `"${text}"`);
  try {
    return parseCursor(cursorType, text).value;
  } catch (cause) {
    throw typeMismatch(key, `${cursorType} cursors`, `"${text}"`, cause);
  }
}

/** Refuses a watermark that is not one of the stream's type, or not as that type writes it. */
function refuseForeign(key: StreamKey, cursorType: CursorType | null, watermark: string | null): void {
  if (watermark === null || cursorOfStream(key, cursorType, watermark) === watermark) return;
  throw typeMismatch(key, `${cursorType} cursors as parseCursor writes them`, `"${watermark}"`);
}

function agreedType(current: StreamRow, asked: CursorType | null): CursorType | null {
  const known = current.cursorType;
  if (known === null || asked === null || known === asked) return asked ?? known;
  if (current.position.watermark === null) return asked;
  throw typeMismatch(current.key, `${known} cursors`, asked);
}

function refuseWhileHeld(current: StreamRow, now: number): void {
  if (current.status !== "running" || current.leaseExpiresAt === null) return;
  if (current.leaseExpiresAt <= now) return;
  if (current.leaseOwner !== null && isOwnerGone(current.leaseOwner)) return;
  throw runActive(
    current.key,
    current.runId ?? "?",
    isoTime(current.startedAt ?? now),
    isoTime(current.leaseExpiresAt),
  );
}

function heldRow(row: StreamRow | null, run: RunRef): StreamRow {
  if (row === null) throw streamNotFound(run.key);
  if (row.epoch !== run.epoch || row.runId !== run.runId) throw superseded(run, row.epoch);
  return row;
}

/** Refuses a watermark below `old` (promise P3); tokens have no order, but none is less than any. */
function refuseRegression(current: StreamRow, old: string | null, watermark: string | null): void {
  const type = current.cursorType;
  if (old === null || type === null) return;
  if (watermark !== null && (!isOrdered(type) || compareCursorValues(type, watermark, old) >= 0)) return;
  throw regression(current.key, old, watermark);
}

/** The run as history shows it. The position kept for a rewind leaves out boundary keys and open windows. */
function runRow(row: StreamRow, outcome: RunRow["outcome"], endedAt: number | null): RunRow {
  return {
    key: row.key,
    runId: row.runId ?? "",
    kind: row.lane === "" ? "live" : "backfill",
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
    endPosition: endedAt === null ? null : encodePosition({ ...row.position, boundary: [], window: null }),
  };
}

/** The row as moved, with the move in the audit log if the live watermark did move (promise P12). */
function withAdvance(
  current: StreamRow,
  moved: StreamRow,
  action: "advance" | "correction",
  reason: string | null,
  now: number,
): Pick<Change, "row" | "audit"> {
  const oldCursor = current.position.watermark;
  const newCursor = moved.position.watermark;
  if (oldCursor === newCursor || current.lane !== "") return { row: moved, audit: [] };
  return withEntry(moved, {
    key: current.key,
    atUtc: isoTime(now),
    partition: null,
    actor: current.runActor ?? unnamedActor,
    action,
    oldCursor,
    newCursor,
    reason,
    runId: current.runId,
  });
}

function withEntry(row: StreamRow, entry: AuditEntry): Pick<Change, "row" | "audit"> {
  const chained = chainEntry({ number: row.auditNumber, hash: row.auditHead }, entry);
  return { row: { ...row, auditNumber: chained.number, auditHead: chained.hash }, audit: [chained] };
}
