import type { Clock } from "../clock.ts";
import type { RetryPolicy } from "./schema.ts";

/**
 * In which way an attempt failed: unreachable, silent, cut short, not HTTP, with a status to retry on,
 * or with an answer that says of itself that it failed and may be asked for again.
 */
export type FailureKind = "network" | "timeout" | "truncated" | "malformed" | "status" | "said";

/** A failed attempt after which another may go better. Its message holds no address and no header. */
export class AttemptFailed extends Error {
  override readonly name = "AttemptFailed";
  readonly kind: FailureKind;
  /** The answer's status, where there was an answer. */
  readonly status: number | null;
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs: number | null;

  constructor(
    kind: FailureKind,
    message: string,
    answer: { status?: number; retryAfterMs?: number | null; cause?: unknown } = {},
  ) {
    super(message, answer.cause === undefined ? undefined : { cause: answer.cause });
    this.kind = kind;
    this.status = answer.status ?? null;
    this.retryAfterMs = answer.retryAfterMs ?? null;
  }
}

export interface RetryParts {
  readonly clock: Clock;
  /** A number from 0 to 1, below 1; spreads the retries of many clients. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Makes the wait between two attempts: so long, and for this reason. The clock does unless given. */
  readonly pause?: Pause;
}

/** Waits for so long. `why` says for what, for whoever wants to tell of it. Rejects with the signal's reason. */
export type Pause = (milliseconds: number, why: string, signal: AbortSignal) => Promise<void>;

/**
 * Calls `attempt` until it returns, throws anything but `AttemptFailed`, or the policy's attempts
 * are used up, or the server asks for a longer wait than the policy grants; then the last failure goes
 * through `giveUp`, which says what to throw. Between two attempts it waits a random part of a span that
 * doubles each time (full jitter), and no shorter than a `Retry-After`.
 */
export async function withRetries<T>(
  policy: RetryPolicy,
  parts: RetryParts,
  attempt: () => Promise<T>,
  giveUp: (failure: AttemptFailed, attempts: number) => Error,
): Promise<T> {
  for (let made = 1; ; made++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof AttemptFailed)) throw error;
      const { retryAfterMs } = error;
      // To ask before that time would only lengthen many a limit.
      const isTooLong = retryAfterMs !== null && retryAfterMs > policy.maxRetryAfterMs;
      if (made >= policy.attempts || isTooLong) throw giveUp(error, made);
      const delay = delayAfter(error, made, policy, parts);
      if (parts.pause === undefined) await parts.clock.sleep(delay, parts.signal);
      else await parts.pause(delay, error.message, parts.signal);
    }
  }
}

function delayAfter(failure: AttemptFailed, made: number, policy: RetryPolicy, parts: RetryParts): number {
  const span = Math.min(policy.maxDelayMs, policy.initialDelayMs * 2 ** (made - 1));
  const jittered = Math.round(parts.random() * span);
  return Math.max(failure.retryAfterMs ?? 0, jittered);
}
