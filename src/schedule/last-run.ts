import { type ErrorCode, errorCodes } from "../errors.ts";
import type { StreamKey } from "../model/stream-key.ts";
import type { StateStore, StreamState } from "../state/contract.ts";
import { isOwnerGone } from "../state/owner.ts";

/** How a stream's last run ended, or what is known of it while it has not. Lengths of time are in milliseconds. */
export type RunEnd =
  | { readonly kind: "completed" }
  /** A permanent failure: tried again at the next tick. */
  | { readonly kind: "refused"; readonly failures: number; readonly endedAt: number }
  /** It was stopped by somebody (`tidemark stop`): no failure, and the next begins at the tick after that. */
  | { readonly kind: "stopped"; readonly endedAt: number }
  /** Another run holds the stream. */
  | Held
  /** Must be repeated before the next tick. */
  | NeedsRetry;

export interface Held {
  readonly kind: "held";
  /** In how long the lease ends unless it is renewed, and how long it is as a whole. */
  readonly leaseMs: number;
  readonly wholeMs: number;
  /** Changes whenever the lease is renewed. */
  readonly lease: string;
  /** Whether the process that holds it has ended; checks this machine, not the state. */
  readonly isOwnerGone: () => boolean;
}

export interface NeedsRetry {
  readonly kind: "retry";
  /**
   * `stopped`: it was asked to stop before its end. `died`: its process ended. `failed`: a temporary failure. `changed`:
   * the pipeline was changed since it failed.
   */
  readonly why: "stopped" | "died" | "failed" | "changed";
  /** Runs that failed or died, one after another, up to and with this one. */
  readonly failures: number;
  /** How long ago it ended. */
  readonly agoMs: number;
  /** How long after its end the source or the output asked to be left alone. */
  readonly retryAfterMs: number;
}

/** A stream's last live run, by whatever process. */
export interface LastRun {
  readonly runId: string | null;
  /** In milliseconds since 1970, by the state's clock. */
  readonly startedAt: number;
  readonly end: RunEnd;
}

/** How many runs are looked at to count failures: the wait between two tries grows no further. */
const mostFailures = 12;
const longestWaitMs = 24 * 60 * 60 * 1000;

/** A stream's last run from the state; null where there was none. Throws what the state throws. */
export async function lastRunOf(state: StateStore, key: StreamKey, now: number): Promise<LastRun | null> {
  const found = await state.get(key);
  if (found?.startedAtUtc == null) return null;
  const { runId } = found;
  const startedAt = Date.parse(found.startedAtUtc);
  const end = await endOf(state, found, now);
  return { runId, startedAt, end };
}

async function endOf(state: StateStore, found: StreamState, now: number): Promise<RunEnd> {
  const { status, lease, key } = found;
  const endedAt = Date.parse(found.updatedAtUtc);
  const agoMs = Math.max(0, now - endedAt);
  if (status === "running") {
    const leaseMs = lease === null ? 0 : leftOf(lease, now);
    if (lease !== null && leaseMs > 0) {
      const { owner, seconds, expiresAtUtc } = lease;
      const isGone = (): boolean => owner !== null && isOwnerGone(owner);
      return { kind: "held", leaseMs, wholeMs: seconds * 1000, lease: expiresAtUtc, isOwnerGone: isGone };
    }
    // A run that was asked to stop, and ended without a word, has stopped.
    if (found.stopRequested !== null) return { kind: "stopped", endedAt };
    const failures = await failuresInRow(state, key);
    return { kind: "retry", why: "died", failures, agoMs, retryAfterMs: 0 };
  }
  if (status !== "failed") return { kind: "completed" };
  const failure = failureOf(found.lastError, found.metadata);
  if (failure.code === "RUN_STOPPED") return { kind: "stopped", endedAt };
  if (failure.code === "RUN_CANCELLED")
    return { kind: "retry", why: "stopped", failures: 0, agoMs, retryAfterMs: 0 };
  const failures = await failuresInRow(state, key);
  if (!failure.recoverable) return { kind: "refused", failures, endedAt };
  return { kind: "retry", why: "failed", failures, agoMs, retryAfterMs: failure.retryAfterMs };
}

/** A lease never has more left than its length; otherwise it was granted by a clock that was ahead. */
function leftOf({ seconds, expiresAtUtc, owner }: NonNullable<StreamState["lease"]>, now: number): number {
  if (owner !== null && isOwnerGone(owner)) return 0;
  return Math.min(Date.parse(expiresAtUtc) - now, seconds * 1000);
}

interface StoredFailure {
  /** The code of its error, where it is one of Tidemark's. */
  readonly code: ErrorCode | null;
  readonly recoverable: boolean;
  readonly retryAfterMs: number;
}

/** What a stored failure says of itself. Runs of other programs may say less; their codes are known all the same. */
function failureOf(lastError: string | null, metadata: StreamState["metadata"]): StoredFailure {
  const code = codeOf(lastError);
  const { recoverable, retry_after_ms: retryAfter } = metadata ?? {};
  const known = code === null ? false : errorCodes[code].recoverable;
  const asked = typeof retryAfter === "number" && retryAfter > 0 ? retryAfter : 0;
  return {
    code,
    recoverable: typeof recoverable === "boolean" ? recoverable : known,
    retryAfterMs: Math.min(asked, longestWaitMs),
  };
}

function codeOf(error: string | null): ErrorCode | null {
  const [code = ""] = (error ?? "").split(":", 1);
  return isCode(code) ? code : null;
}

function isCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCodes, text);
}

const askedToStop: ReadonlySet<string> = new Set(["RUN_CANCELLED", "RUN_STOPPED"] satisfies ErrorCode[]);

/** How many of the stream's newest live runs failed in a row; runs that were asked to stop do not count. */
async function failuresInRow(state: StateStore, key: StreamKey): Promise<number> {
  const { items } = await state.runs(key, { limit: mostFailures });
  let failures = 0;
  for (const run of items) {
    if (run.kind !== "live" || askedToStop.has(codeOf(run.error) ?? "")) continue;
    if (run.outcome === "completed") break;
    failures += 1;
  }
  return failures;
}

/** How long the one that failed asked to be left alone, as an error's details say. */
export function retryAfterOf(details: Readonly<Record<string, unknown>> | undefined): number {
  const asked = details?.retry_after_ms;
  return typeof asked === "number" && asked > 0 ? Math.min(asked, longestWaitMs) : 0;
}
