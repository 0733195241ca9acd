import type { StreamKey } from "../model/stream-key.ts";
import type { RunRef } from "./contract.ts";
import { isoTime } from "./iso-time.ts";
import { isHeld } from "./lifecycle.ts";
import { mostListed } from "./listing.ts";
import { backfillNotFound, nothingToStop, streamNotFound } from "./refusals.ts";
import { backfillOfScope, backfillScope, type Change, type EditPolicy, type StreamRow } from "./rows.ts";
import { heldRow, stepped } from "./run-steps.ts";
import type { Rows } from "./state-storage.ts";
import { newRow, withEntries } from "./step-rules.ts";
import { type Heartbeat, type Stop, type StoppingRun, type StoredStop, stopOf } from "./stop-requests.ts";
import { got, type Work } from "./work.ts";

/**
 * Requests to stop a run. They are kept in the live stream's row, also those for backfills, so that each is one step
 * together with its row in the audit log.
 */

/** Asks the run that is at work. Throws `STREAM_NOT_FOUND`, `RUN_NOT_FOUND`, `RUN_FINISHED`. */
export function* takeStop(rows: Rows, key: StreamKey, edits: EditPolicy, stop: Stop): Work<StoppingRun> {
  const held = yield* heldRow(rows, key, "", edits);
  const { change, run } = yield* stopChange(rows, held.row, key, stop);
  if (change !== null) yield* stepped(rows, key, { ...held, change });
  return run;
}

interface Stopping {
  /** Null where the run was asked before. */
  readonly change: Change | null;
  readonly run: StoppingRun;
}

function* stopChange(rows: Rows, live: StreamRow | null, key: StreamKey, stop: Stop): Work<Stopping> {
  const { actor } = stop;
  const [reason, backfill] = [stop.reason ?? null, stop.backfill ?? null];
  const working = backfill === null ? live : yield* got(rows.load(key, backfillScope(backfill)));
  const now = yield* got(rows.now());
  if (working === null) throw yield* notFound(rows, live, key, backfill);
  if (working.runId === null || !isHeld(working, now)) {
    throw nothingToStop(key, backfill, backfill === null ? yield* backfillsAtWork(rows, key, now) : []);
  }
  const run = { runId: working.runId, owner: working.leaseOwner };
  const asked = live?.stops ?? [];
  if (asked.some(({ run_id }) => run_id === run.runId)) return { change: null, run };
  const current = live ?? { ...newRow(key, "", working.cursorType, now), epoch: 1 };
  const stops = [...(yield* ofRunningRuns(rows, key, asked)), { run_id: run.runId, actor, reason }];
  const { watermark } = current.position;
  const entry = { key, partition: null, atUtc: isoTime(now), actor, action: "stop", reason } as const;
  const moved = { oldCursor: watermark, newCursor: watermark, runId: run.runId };
  const change = { ...withEntries({ ...current, stops }, [{ ...entry, ...moved }]), runs: [] };
  return { change, run };
}

function* notFound(rows: Rows, live: StreamRow | null, key: StreamKey, backfill: string | null) {
  if (backfill !== null) return backfillNotFound(key, backfill);
  const isBackfilled = live === null && (yield* got(rows.listBackfills(key, 1))).length > 0;
  if (!isBackfilled) return streamNotFound(key);
  const now = yield* got(rows.now());
  return nothingToStop(key, null, yield* backfillsAtWork(rows, key, now));
}

function* backfillsAtWork(rows: Rows, key: StreamKey, now: number): Work<string[]> {
  const found = yield* got(rows.listBackfills(key, mostListed));
  return found.filter((row) => isHeld(row, now)).map(({ scope }) => backfillOfScope(scope));
}

/** Without those whose runs have ended. */
function* ofRunningRuns(rows: Rows, key: StreamKey, stops: readonly StoredStop[]): Work<StoredStop[]> {
  const kept: StoredStop[] = [];
  for (const stop of stops) {
    const run = yield* got(rows.loadRun(key, stop.run_id));
    if (run?.outcome === "running") kept.push(stop);
  }
  return kept;
}

/** What a run learns with a step on its row. A backfill's requests are in the live row. */
export function* heartbeatFor(rows: Rows, run: RunRef, row: StreamRow | null): Work<Heartbeat> {
  const holder = run.kind === "live" ? row : yield* got(rows.load(run.key, ""));
  return { stop: stopOf(holder?.stops ?? null, run.runId) };
}
