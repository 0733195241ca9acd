import type { Clock } from "../clock.ts";
import type { RetryPolicy } from "./schema.ts";

/** In which way an attempt failed: unreachable, silent, cut short, or with a status to retry on. */
export type FailureKind = "network" | "timeout" | "truncated" | "status";

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
  /** Told when the server asked for a longer wait than the policy grants. */
  readonly onRetryAfterCapped: (askedMs: number, grantedMs: number) => void;
}

/**
 * Calls `attempt` until it returns, throws anything but `AttemptFailed`, or the policy's attempts
 * are used up; then the last failure goes through `giveUp`, which says what to throw. Between two
 * attempts it waits a random part of a span that doubles each time (full jitter), and no shorter
 * than a `Retry-After`.
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
      if (made >= policy.attempts) throw giveUp(error, made);
      await parts.clock.sleep(delayAfter(error, made, policy, parts), parts.signal);
    }
  }
}

function delayAfter(failure: AttemptFailed, made: number, policy: RetryPolicy, parts: RetryParts): number {
  const span = Math.min(policy.maxDelayMs, policy.initialDelayMs * 2 ** (made - 1));
  const jittered = Math.round(parts.random() * span);
  const asked = failure.retryAfterMs;
  if (asked === null) return jittered;
  const granted = Math.min(asked, policy.maxRetryAfterMs);
  if (granted < asked) parts.onRetryAfterCapped(asked, granted);
  return Math.max(granted, jittered);
}

/** Dates as RFC 9110 has them, but for the obsolete form without a zone. */
const httpDate = /^[A-Z][a-z]+, .+ GMT$/;

/**
 * The wait that a `Retry-After` header asks for, in milliseconds from `now`: its seconds, or the
 * time until its date. Null where there is no such header or it cannot be read.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | null {
  if (header === undefined) return null;
  const text = header.trim();
  if (/^\d{1,10}(?:\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1000);
  if (!httpDate.test(text)) return null;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
