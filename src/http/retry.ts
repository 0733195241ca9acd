import type { Clock } from "../clock.ts";
import type { LimitWaits } from "./limit-waits.ts";
import type { RetryPolicy } from "./schema.ts";

/**
 * In which way an attempt failed: unreachable, silent, cut short, not HTTP, with a status to retry on,
 * or with an answer that says of itself that it failed and may be asked for again.
 */
export type FailureKind = "network" | "timeout" | "truncated" | "malformed" | "status" | "said";

/** A failed attempt that may be retried. Its message holds no address and no header. */
export class AttemptFailed extends Error {
  override readonly name = "AttemptFailed";
  readonly kind: FailureKind;
  /** The answer's status, where there was an answer. */
  readonly status: number | null;
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs: number | null;
  /** Whether the server limits the request rate: it says so, or is overloaded and says for how long. */
  readonly isLimit: boolean;

  constructor(
    kind: FailureKind,
    message: string,
    answer: { status?: number; retryAfterMs?: number | null; isLimit?: boolean; cause?: unknown } = {},
  ) {
    super(message, answer.cause === undefined ? undefined : { cause: answer.cause });
    this.kind = kind;
    this.status = answer.status ?? null;
    this.retryAfterMs = answer.retryAfterMs ?? null;
    const isTimed = answer.status === 503 && this.retryAfterMs !== null;
    this.isLimit = answer.isLimit ?? (answer.status === 429 || isTimed);
  }
}

export interface RetryParts {
  readonly clock: Clock;
  /** A number from 0 to 1, below 1; spreads the retries of many clients. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Waits between two attempts, with the length and the reason. Default: the clock's sleep. */
  readonly pause?: Pause;
  /** Waits for a server that limits requests, which use up none of the policy's attempts; absent, they do. */
  readonly limits?: LimitWaits | null;
}

/** Waits. `why` is the reason, for reports. Rejects with the signal's reason. */
export type Pause = (milliseconds: number, why: string, signal: AbortSignal) => Promise<void>;

/**
 * Calls `attempt` until it returns, throws anything but `AttemptFailed`, or the policy's attempts are used up, or the
 * server asks for a longer wait than the policy grants; then the last failure goes through `giveUp`, which says what to
 * throw. Between two attempts it waits a random part of a span that doubles each time (full jitter), and no shorter
 * than a `Retry-After`. With `limits`, an answer about a limit costs no attempt: it is waited for until the time for
 * that is used up.
 */
export async function withRetries<T>(
  policy: RetryPolicy,
  parts: RetryParts,
  attempt: () => Promise<T>,
  giveUp: (failure: AttemptFailed, attempts: number) => Error,
): Promise<T> {
  const { clock, signal, limits = null } = parts;
  const pause: Pause = parts.pause ?? ((milliseconds) => clock.sleep(milliseconds, signal));
  let limited = 0;
  for (let failed = 0; ; ) {
    try {
      await limits?.passed(pause, signal);
      return await attempt();
    } catch (error) {
      if (!(error instanceof AttemptFailed)) throw error;
      const { retryAfterMs, message } = error;
      if (limits !== null && error.isLimit) limited += 1;
      else failed += 1;
      // An earlier request would lengthen the limit of many servers.
      const isTooLong = retryAfterMs !== null && retryAfterMs > policy.maxRetryAfterMs;
      if (failed >= policy.attempts || isTooLong) throw giveUp(error, failed + limited);
      if (limits === null || !error.isLimit)
        await pause(delayAfter(error, failed, policy, parts), message, signal);
      else if (!limits.hold(limitDelay(error, limited, policy, parts), message))
        throw giveUp(error, failed + limited);
    }
  }
}

function delayAfter(failure: AttemptFailed, made: number, policy: RetryPolicy, parts: RetryParts): number {
  const jittered = Math.round(parts.random() * spanAfter(made, policy, policy.initialDelayMs));
  return Math.max(failure.retryAfterMs ?? 0, jittered);
}

/** Without a wait that is asked for, at least half of a span that doubles each time: a limit is not over at once. */
function limitDelay(failure: AttemptFailed, made: number, policy: RetryPolicy, parts: RetryParts): number {
  const asked = failure.retryAfterMs ?? 0;
  if (asked > 0) return asked;
  const span = spanAfter(made, policy, Math.max(policy.initialDelayMs, leastLimitSpan));
  return Math.max(leastLimitWait, Math.round((span * (1 + parts.random())) / 2));
}

const leastLimitSpan = 500;
const leastLimitWait = 100;

function spanAfter(made: number, policy: RetryPolicy, first: number): number {
  return Math.min(policy.maxDelayMs, first * 2 ** (made - 1));
}
