import { randomUUID } from "node:crypto";
import { z } from "zod";
import { type Clock, systemClock } from "../clock.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { CursorType } from "../model/cursor.ts";
import { formatStreamKey } from "../model/stream-key.ts";
import { checkState } from "../state/arguments.ts";
import type { BeginOptions, Run, RunKind, StateStore } from "../state/contract.ts";
import { LeaseKeeper } from "../state/lease-keeper.ts";
import { processOwner } from "../state/owner.ts";
import { type DeltaRun, DeltaRunHandle } from "./delta-run-handle.ts";

export type { CursorInput, DeltaRun } from "./delta-run-handle.ts";

/**
 * What to do while another run of the stream holds its lease. `override` begins all the same, and the other run is
 * refused from then on; `skip` leaves the stream to it; `takeOverAfterSeconds` leaves it too, unless the other began at
 * least so long ago and so must be stuck. A lease that ran out, or whose process on this machine has ended, does not
 * block a begin.
 */
export type OnConcurrentRun = "override" | "skip" | { readonly takeOverAfterSeconds: number };

export interface DeltaRunOptions {
  /** The integration instance: `sap_eu`. */
  readonly connector: string;
  /** The kind of data: `suppliers`. */
  readonly stream: string;
  /** What the stream's cursors are: `timestamp_utc` unless given. */
  readonly cursorType?: CursorType;
  /**
   * A `backfill` gets the watermark like any run, may run at the same time as live runs, and commits no cursor; it
   * needs to set none. `live` unless given.
   */
  readonly mode?: RunKind;
  /** `override` unless given. */
  readonly onConcurrentRun?: OnConcurrentRun;
  /** How long the run may be silent before another may take over: 60 unless given. */
  readonly leaseSeconds?: number;
  /** Who runs it, for the history and the audit log. */
  readonly actor?: string;
  readonly clock?: Clock;
}

export interface CompletedDeltaRun<T> {
  readonly status: "completed";
  /** What the callback returned. */
  readonly value: T;
  readonly runId: string;
  readonly epoch: number;
  readonly lowerBoundCursor: string | null;
  /** The watermark that the run left; null after a backfill. */
  readonly newCursor: string | null;
  readonly recordsProcessed: number;
}

/** The stream was left to the run that holds it; the callback was not called. */
export interface SkippedDeltaRun {
  readonly status: "skipped";
  readonly activeRunId: string;
  readonly startedAtUtc: string;
  readonly leaseExpiresAtUtc: string;
}

export type DeltaRunResult<T> = CompletedDeltaRun<T> | SkippedDeltaRun;

/**
 * Puts begin → work → complete or fail around any code that syncs incrementally.
 *
 * The run is begun, the callback reads from `run.lowerBoundCursor` and says with `run.setNewCursor` how far it came;
 * when it returns, the run completes and the watermark moves there. While it works, heartbeats keep the lease. When it
 * throws, the run is recorded as failed with the error's message on one line, the watermark stays (at the last
 * `run.checkpoint`, if any), and the error is thrown on as it was, also where recording the failure failed.
 *
 * Throws `CURSOR_NOT_SET` where the callback returned without setting a cursor or calling `keepCursor`, so that a
 * cursor never stays unchanged by accident. Throws `RUN_SUPERSEDED` where another run, a reset or a rewind took the
 * stream over, and then nothing of this run was accepted since; `CURSOR_REGRESSION` and `CURSOR_TYPE_MISMATCH` for
 * cursors that cannot be committed.
 *
 * ```ts
 * await using state = await openState("sqlite:./.tidemark/state.db");
 * await deltaRun(state, { connector: "sap_eu", stream: "suppliers" }, async (run) => {
 *   const since = resolveSince(run.lowerBoundCursor, { lookbackDays: 7 });
 *   const { records, watermark } = await fetchSuppliersSince(since, run.signal);
 *   await process(records);
 *   run.setNewCursor(watermark);
 *   run.setRecordsProcessed(records.length);
 * });
 * ```
 *
 * With a policy the result shows whether the callback ran at all:
 *
 * ```ts
 * const result = await deltaRun(state, { ...stream, onConcurrentRun: { takeOverAfterSeconds: 3600 } }, work);
 * if (result.status === "skipped") console.log(`run ${result.activeRunId} is still at it`);
 * ```
 */
export function deltaRun<T>(
  state: StateStore,
  options: DeltaRunOptions & { readonly onConcurrentRun?: "override" },
  work: (run: DeltaRun) => T | Promise<T>,
): Promise<CompletedDeltaRun<T>>;
export function deltaRun<T>(
  state: StateStore,
  options: DeltaRunOptions,
  work: (run: DeltaRun) => T | Promise<T>,
): Promise<DeltaRunResult<T>>;
export async function deltaRun<T>(
  state: StateStore,
  options: DeltaRunOptions,
  work: (run: DeltaRun) => T | Promise<T>,
): Promise<DeltaRunResult<T>> {
  checkState(state);
  const clock = options.clock ?? systemClock;
  const cursorType = options.cursorType ?? "timestamp_utc";
  const run = await begin(state, options, cursorType, clock);
  if ("status" in run) return run;
  const stop = new AbortController();
  const onStop = (error: TidemarkError): void => stop.abort(error);
  using lease = new LeaseKeeper(state, run, clock, { background: true, onStop });
  const handle = new DeltaRunHandle(state, run, cursorType, lease, stop.signal);
  try {
    const value = await work(handle);
    const ended = await handle.end();
    return {
      status: "completed",
      value,
      runId: run.runId,
      epoch: run.epoch,
      lowerBoundCursor: handle.lowerBoundCursor,
      newCursor: ended.cursorText,
      recordsProcessed: ended.recordsProcessed,
    };
  } catch (error) {
    await handle.fail(error);
    throw error;
  }
}

async function begin(
  state: StateStore,
  options: DeltaRunOptions,
  cursorType: CursorType,
  clock: Clock,
): Promise<Run | SkippedDeltaRun> {
  const { connector, stream, mode, leaseSeconds, actor } = options;
  const policy = options.onConcurrentRun ?? "override";
  checkPolicy(options, policy);
  const asked: BeginOptions = {
    cursorType,
    runId: randomUUID(),
    owner: processOwner(),
    ...(mode === undefined ? {} : { kind: mode }),
    ...(leaseSeconds === undefined ? {} : { leaseSeconds }),
    ...(actor === undefined ? {} : { actor }),
  };
  const grant = (ifRunning: "override" | "refuse"): Promise<Run> =>
    state.begin({ connector, stream }, { ...asked, ifRunning });
  if (policy === "override") return grant("override");
  try {
    return await grant("refuse");
  } catch (error) {
    if (!isTidemarkError(error, "RUN_ACTIVE")) throw error;
    const active = activeRun(error, clock);
    if (policy === "skip" || active.ageSeconds < policy.takeOverAfterSeconds) return active.skipped;
    return grant("override");
  }
}

function checkPolicy(options: DeltaRunOptions, policy: OnConcurrentRun): void {
  if (policy === "override" || policy === "skip") return;
  const seconds = typeof policy === "object" ? policy.takeOverAfterSeconds : Number.NaN;
  if (Number.isFinite(seconds) && seconds >= 0) return;
  throw new TidemarkError("ARGUMENT_INVALID", "onConcurrentRun is not a policy", {
    stream: formatStreamKey(options),
    hint: 'Use "override", "skip" or { takeOverAfterSeconds: 3600 }.',
  });
}

const activeDetails = z.object({
  run_id: z.string(),
  started_at_utc: z.string(),
  lease_expires_at_utc: z.string(),
  /** Older services leave it out. */
  at_utc: z.string().optional(),
});

/** The age is by the state's clock: this machine's may be wrong. */
function activeRun(error: TidemarkError, clock: Clock): { skipped: SkippedDeltaRun; ageSeconds: number } {
  const details = activeDetails.parse(error.details);
  const now = details.at_utc === undefined ? clock.now() : Date.parse(details.at_utc);
  return {
    skipped: {
      status: "skipped",
      activeRunId: details.run_id,
      startedAtUtc: details.started_at_utc,
      leaseExpiresAtUtc: details.lease_expires_at_utc,
    },
    ageSeconds: (now - Date.parse(details.started_at_utc)) / 1000,
  };
}
