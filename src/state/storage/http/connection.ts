import type { Clock } from "../../../clock.ts";
import { TidemarkError } from "../../../errors.ts";
import { hopelessHint, isHopeless } from "../../../http/connect-failures.ts";
import { UnusableAnswer } from "../../../http/decode.ts";
import { type Answer, exchange } from "../../../http/exchange.ts";
import { snippet, throughProxy } from "../../../http/failures.ts";
import { openPool, type Pool } from "../../../http/pool.ts";
import { AttemptFailed } from "../../../http/retry.ts";
import { usualBodyValues } from "../../../http/schema.ts";
import { parseRetryAfter } from "../../../http/waits.ts";
import type { ServiceAddress } from "./address.ts";
import { pauseBefore, type Repeatable, wasNeverSent } from "./repeats.ts";

export interface ConnectionParts {
  readonly address: ServiceAddress;
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** A number from 0 to 1, below 1; spreads the attempts of many clients. */
  readonly random: () => number;
  /** For how long after its first attempt a call is retried, in milliseconds. */
  readonly retryForMs: number;
  /** How long to wait for an answer to begin, and between two parts of it. */
  readonly timeoutMs: number;
  /** Called with a message when calls begin to be retried; again only after one has succeeded. */
  readonly onOutage: (message: string) => void;
}

export interface ServiceRequest {
  readonly method: "GET" | "POST";
  /** After the service's prefix, percent-encoded, with the query. */
  readonly path: string;
  readonly search: string;
  readonly body: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly repeatable: Repeatable;
  /** Instead of the connection's own. */
  readonly timeoutMs?: number;
}

export interface ServiceAnswer extends Answer {
  /** Whether an earlier attempt may have been processed although its answer never came. */
  readonly unanswered: boolean;
}

const connectMs = 5000;
const mostConnections = 32;
const mostAnswerBytes = 268_435_456;

/**
 * The connections to one service. A request that may be repeated is made again while the service
 * cannot be reached or is busy; one that may not is made again only where it surely did not arrive.
 */
export class ServiceConnection {
  readonly #parts: ConnectionParts;
  readonly #closed = new AbortController();
  #isOut = false;
  #kept: Promise<Pool> | null = null;
  #fresh: Promise<Pool> | null = null;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /**
   * The answer, whatever its status. Throws `STATE_UNAVAILABLE` where there is none in time, and once
   * the connection is closed.
   */
  async send(request: ServiceRequest): Promise<ServiceAnswer> {
    const { clock, retryForMs } = this.#parts;
    const deadline = clock.elapsed() + retryForMs;
    let unanswered = false;
    for (let made = 1; ; made++) {
      const outcome = await this.#attempt(request);
      const failed = outcome instanceof AttemptFailed;
      const again = failed ? this.#mayRepeat(request, outcome) : pauseAsked(request, outcome);
      if (again !== null) {
        unanswered ||= failed ? !wasNeverSent(outcome) : outcome.status !== 429;
        const pause = Math.max(again, pauseBefore(made + 1, this.#parts.random));
        if (clock.elapsed() + pause <= deadline) {
          // A connection that the server just closed is not an outage: the next attempt succeeds.
          if (made > 1) this.#reportOutage(outcome);
          await this.#pause(pause);
          continue;
        }
      }
      if (failed) throw this.#unreachable(request, outcome, made);
      this.#isOut = false;
      return { ...outcome, unanswered };
    }
  }

  /** Ends what is under way with `STATE_UNAVAILABLE`. */
  async close(): Promise<void> {
    this.#closed.abort(this.#closedError());
    const pools = await Promise.all([this.#kept, this.#fresh]);
    for (const pool of pools) await pool?.destroy();
  }

  async #attempt(request: ServiceRequest): Promise<Answer | AttemptFailed> {
    const { address, headers, timeoutMs } = this.#parts;
    const { signal } = this.#closed;
    signal.throwIfAborted();
    const { method, body } = request;
    const url = { origin: address.origin, pathname: address.prefix + request.path, search: request.search };
    const { dispatcher, proxy } = (await this.#pool(request.repeatable)).to(url);
    try {
      const all = { ...headers, ...request.headers };
      const limits = {
        timeoutMs: request.timeoutMs ?? timeoutMs,
        maxBodyBytes: mostAnswerBytes,
        maxBodyValues: usualBodyValues,
      };
      return await exchange(dispatcher, { method, url, headers: all, body, signal }, limits);
    } catch (error) {
      if (error instanceof AttemptFailed) return throughProxy(error, proxy);
      if (error instanceof UnusableAnswer)
        throw this.#unavailable(`its answer cannot be used: ${error.message}`);
      throw error;
    }
  }

  /** A kept connection may just have been closed by the other side, so what must not be made twice gets its own. */
  #pool(repeatable: Repeatable): Promise<Pool> {
    const options = { connectMs, environment: process.env };
    if (repeatable === "always") {
      this.#kept ??= openPool({ ...options, connections: mostConnections });
      return this.#kept;
    }
    this.#fresh ??= openPool({ ...options, pipelining: 0 });
    return this.#fresh;
  }

  #mayRepeat({ repeatable }: ServiceRequest, failure: AttemptFailed): number | null {
    if (isHopeless(failure.cause)) return null;
    return repeatable === "always" || wasNeverSent(failure) ? 0 : null;
  }

  #reportOutage(outcome: Answer | AttemptFailed): void {
    if (this.#isOut) return;
    this.#isOut = true;
    const what = outcome instanceof AttemptFailed ? outcome.message : `status ${outcome.status}`;
    const seconds = Math.ceil(this.#parts.retryForMs / 1000);
    this.#parts.onOutage(
      `the state service at ${this.#parts.address.shown} cannot be used now (${what}); trying again for ${seconds} s`,
    );
  }

  async #pause(milliseconds: number): Promise<void> {
    await this.#parts.clock.sleep(milliseconds, this.#closed.signal);
  }

  #unreachable(request: ServiceRequest, failure: AttemptFailed, made: number): TidemarkError {
    const times = made === 1 ? "1 attempt" : `${made} attempts`;
    const details = { attempts: made };
    if (request.repeatable === "always" || wasNeverSent(failure)) {
      return this.#unavailable(`${outcomes[failure.kind]} after ${times}: ${failure.message}`, {
        details,
        cause: failure,
        ...(isHopeless(failure.cause)
          ? { recoverable: false, hint: hopelessHint(failure.cause, "the state URL") }
          : {}),
      });
    }
    return this.#unavailable(
      `whether the request was carried out is not known: ${outcomes[failure.kind]}: ${failure.message}`,
      {
        details: { ...details, outcome_unknown: true },
        cause: failure,
        recoverable: false,
        hint: "Check the stream's state with `tidemark state show` before you do it again.",
      },
    );
  }

  #unavailable(what: string, options: ConstructorParameters<typeof TidemarkError>[2] = {}): TidemarkError {
    return new TidemarkError(
      "STATE_UNAVAILABLE",
      `the state service at ${this.#parts.address.shown}: ${what}`,
      {
        hint: "Check that the service is up and reachable, then try again.",
        ...options,
      },
    );
  }

  #closedError(): TidemarkError {
    return new TidemarkError("STATE_UNAVAILABLE", "the state has been closed", { recoverable: false });
  }
}

const outcomes = {
  network: "no answer",
  timeout: "no answer in time",
  truncated: "the answer was cut short",
  malformed: "the answer was not HTTP",
  status: "refused",
  said: "refused",
} as const;

/** The least pause before an answered request is worth another attempt; null where it is not. */
function pauseAsked({ repeatable }: ServiceRequest, { status, headers }: Answer): number | null {
  const worthIt = repeatable === "always" ? [408, 429, 502, 503, 504] : [429];
  if (!worthIt.includes(status)) return null;
  // A date is by the server's clock, and so is what it is compared with.
  const now = Date.parse(headers.get("date") ?? "");
  const asked = parseRetryAfter(headers.get("retry-after"), now);
  return asked === null || Number.isNaN(asked) ? 0 : asked;
}

/** What a proxy or another server answered, for a message. */
export function excerptOf(answer: Answer): string {
  return `status ${answer.status}${snippet(answer.text)}`;
}
