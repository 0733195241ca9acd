import type { Dispatcher } from "undici";
import type { Clock } from "../clock.ts";
import { registerSecret } from "../secrets.ts";
import { traceHeaders } from "../trace-context.ts";
import { isSecretName, showAddress } from "./address.ts";
import { createAuthenticator } from "./authentication.ts";
import type { Envelope } from "./envelope.ts";
import { exchange } from "./exchange.ts";
import {
  createFailures,
  describeStatus,
  type HttpErrorCodes,
  leftOrigin,
  snippet,
  sourceErrorCodes,
} from "./failures.ts";
import type { LimitWaits } from "./limit-waits.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { openPool, type Pool } from "./pool.ts";
import type { Environment } from "./proxy.ts";
import { createRateLimiter } from "./rate-limit.ts";
import { redirectTarget } from "./redirects.ts";
import { AttemptFailed, type Pause, withRetries } from "./retry.ts";
import type { HttpSettings } from "./schema.ts";
import { asksToComeAgain, isLimit, showWait, waitAsked } from "./waits.ts";

export interface HttpClientParts {
  readonly clock: Clock;
  /** A number from 0 to 1, below 1. */
  readonly random: () => number;
  /** Called with a code and a message about a problem that did not stop the request. */
  readonly warn: (code: string, message: string) => void;
  /** Waits between attempts and for the rate limit. Default: the clock's sleep. */
  readonly pause?: Pause;
  /** The origin that credentials and declared headers are sent to; no other origin receives them. */
  readonly origin: string;
  /** The codes of errors. Default: those of a source. */
  readonly codes?: HttpErrorCodes;
  /** The stream for errors, as `connector/stream`. */
  readonly stream?: string;
  /** Waits for a server that limits requests, beyond the retry policy's attempts. */
  readonly limits?: LimitWaits | null;
  /** Used instead of a connection pool of the client's own, and without proxies; its owner closes it. */
  readonly dispatcher?: Dispatcher;
  /** Where proxies are named; the process's environment unless given. */
  readonly environment?: Environment;
}

/**
 * Makes requests to one origin over kept connections: with credentials, a rate limit and retries. Concurrent requests
 * share the rate limit and the access token.
 *
 * ```ts
 * await using client = await openHttpClient(settings, { clock, random, warn, origin: endpoint.origin });
 * const { text } = await client.request({ method: "GET", url: endpoint, signal });
 * ```
 */
export interface HttpClient extends AsyncDisposable {
  /**
   * The answer of a request, when its status is 2xx or one that the request claims or accepts. Every method is retried
   * under the retry policy, so a request that changes something must be idempotent. Throws, under the codes of a
   * source: `SOURCE_UNAVAILABLE` for no answer, a status to retry on or any other 5xx; `SOURCE_TRUNCATED` for an answer
   * cut short; both after the last attempt. At once: `SOURCE_REFUSED` for any other status (`details.status`) without a
   * `Retry-After`, and for redirects that are not followed; `SOURCE_INVALID` for an answer too large or in no known
   * encoding; `SOURCE_UNAVAILABLE` that is not recoverable for a host that does not exist or a certificate that is not
   * accepted; the signal's reason. Up to five redirects of GET and HEAD are followed; once one leads to another origin,
   * nothing but the bare request is sent, and `warn` or the error says so.
   */
  request(request: HttpRequest): Promise<HttpResponse>;
  /**
   * The result of `reader` for the answer of `request`. If it throws `AttemptFailed`, because the answer is cut short
   * or asks for a retry, the request is repeated under the same policy.
   */
  read<T>(request: HttpRequest, reader: (answer: HttpResponse) => T | Promise<T>): Promise<T>;
  /** An address without the credentials that the client adds, which may be stored. */
  strip(url: URL): URL;
  close(): Promise<void>;
}

const maxRedirects = 5;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Opens a client; no connection is made before the first request. Registers all secrets of the settings. */
export async function openHttpClient(settings: HttpSettings, parts: HttpClientParts): Promise<HttpClient> {
  const pool = await poolOf(settings, parts);
  const failures = createFailures({
    codes: parts.codes ?? sourceErrorCodes,
    stream: parts.stream,
    maxRetryAfterMs: settings.retry.maxRetryAfterMs,
  });
  const limiter = settings.rateLimit && createRateLimiter(settings.rateLimit, parts.clock, parts.pause);
  const declared = declaredHeaders(settings);
  /** Origins of redirects that were already reported. */
  const reportedOrigins = new Set<string>();
  const authenticator = createAuthenticator(settings.authentication, {
    clock: parts.clock,
    send: (request) =>
      repeatedly(request, async () => judge(request, await send(request, envelopeOf(request)))),
    unusable: failures.invalid,
  });

  async function send(request: HttpRequest, { url, headers }: Envelope): Promise<HttpResponse> {
    const { method, body, encoding, bodyOptional, signal } = request;
    const { dispatcher, proxy } = pool.to(url);
    try {
      const sent = { method, url, headers, body, encoding, bodyOptional, signal };
      const answer = await exchange(dispatcher, sent, settings);
      return { ...answer, url };
    } catch (error) {
      const at = { ...request, url };
      if (!(error instanceof AttemptFailed)) throw failures.other(at, error);
      const failure = failures.hopeless(at, error, proxy);
      if (!(failure instanceof AttemptFailed) || url.href === request.url.href) throw failure;
      throw redirectedTo(url, failure);
    }
  }

  /** The answer as it is, after redirects and, once, after a new token in place of a refused one. */
  async function follow(request: HttpRequest): Promise<Followed> {
    let url = request.url;
    let trusted = url.origin === parts.origin;
    let renewed = false;
    let hops = 0;
    for (;;) {
      await limiter?.acquire(request.signal);
      const envelope = trusted
        ? await authenticator.sign(traced(envelopeOf({ ...request, url }, declared)), request.signal)
        : { ...envelopeOf({ ...request, url }), headers: ownHeaders };
      const answer = await send(request, envelope);
      if (answer.status === 401 && trusted && !renewed && authenticator.renew(envelope)) {
        renewed = true;
        continue;
      }
      const stripped = { ...answer, url: authenticator.strip(url) };
      const isClaimed = (await request.claims?.(stripped)) === true;
      const leadsOn = redirects.has(answer.status) && !isClaimed;
      const target = leadsOn ? answer.headers.get("location") : undefined;
      if (target === undefined) return { answer: stripped, isClaimed };
      if (++hops > maxRedirects)
        throw failures.redirect(request, `redirected more than ${maxRedirects} times`);
      url = authenticator.strip(
        redirectTarget(url, target, request.method, (why) => failures.redirect(request, why)),
      );
      trusted &&= url.origin === parts.origin;
      if (!trusted && request.body !== undefined) {
        const why = `redirected to ${showAddress(url)}, another origin, to which the body of a ${request.method} is not sent`;
        throw failures.redirect(request, why);
      }
    }
  }

  /** Warns, once per origin, that a redirect led elsewhere and that credentials and headers were not sent there. */
  function warnIfRedirectedElsewhere(request: HttpRequest, answer: HttpResponse): HttpResponse {
    const elsewhere = leftOrigin(request, answer);
    if (elsewhere === null || reportedOrigins.has(elsewhere.origin)) return answer;
    reportedOrigins.add(elsewhere.origin);
    parts.warn(
      "REDIRECTED_ELSEWHERE",
      `${showAddress(request.url)} was redirected to another origin, ${showAddress(elsewhere)}; \`authentication\` and \`headers\` were not sent there. If it belongs to the source, declare that address`,
    );
    return answer;
  }

  /** Passes on successes; distinguishes statuses to retry from others. */
  function judge(request: HttpRequest, answer: HttpResponse, isClaimed = false): HttpResponse {
    const { status, text, headers } = answer;
    if (isClaimed || (status >= 200 && status < 300)) return warnIfRedirectedElsewhere(request, answer);
    const isLimited = status === 403 && isLimit(headers, text);
    const isAccepted = (): boolean => request.accepts?.(status, text) === true;
    const asksAgain = status !== 401 && asksToComeAgain(headers) && !isAccepted();
    if (!isLimited && !asksAgain && !settings.retry.retryOn.includes(status)) {
      if (isAccepted()) return answer;
      throw failures.status(request, answer);
    }
    const wait = waitAsked(headers, parts.clock.now());
    const asked = wait === null ? "" : `; it asked to wait ${showWait(wait.milliseconds)}`;
    const limit = isLimited ? " for a rate limit" : "";
    throw new AttemptFailed("status", `${describeStatus(request, answer)}${limit}${snippet(text)}${asked}`, {
      status,
      retryAfterMs: wait?.milliseconds ?? null,
      ...(isLimited ? { isLimit: true } : {}),
    });
  }

  function repeatedly<T>(request: HttpRequest, attempt: () => Promise<T>): Promise<T> {
    const { clock, random, pause, limits = null } = parts;
    const { signal } = request;
    return withRetries(
      settings.retry,
      { clock, random, signal, limits, ...(pause === undefined ? {} : { pause }) },
      attempt,
      (failure, attempts) =>
        limits !== null && failure.isLimit && (failure.retryAfterMs ?? 0) <= settings.retry.maxRetryAfterMs
          ? failures.limited(request, failure, attempts, limits)
          : failures.exhausted(request, failure, attempts),
    );
  }

  async function close(): Promise<void> {
    authenticator.close();
    await pool.destroy();
  }

  function read<T>(request: HttpRequest, reader: (answer: HttpResponse) => T | Promise<T>): Promise<T> {
    return repeatedly(request, async () => {
      const { answer, isClaimed } = await follow(request);
      return await reader(judge(request, answer, isClaimed));
    });
  }

  return {
    request: (request) => read(request, (answer) => answer),
    read,
    strip: (url) => authenticator.strip(url),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The last answer of a request, after redirects. */
interface Followed {
  readonly answer: HttpResponse;
  /** Whether the request's own rules decide about it. */
  readonly isClaimed: boolean;
}

/** The same failure, with the address that a redirect led to: the request names only its own. */
function redirectedTo(url: URL, failure: AttemptFailed): AttemptFailed {
  const { kind, message, cause } = failure;
  return new AttemptFailed(kind, `redirected to ${showAddress(url)}: ${message}`, { cause });
}

async function poolOf(
  { timeoutMs }: HttpSettings,
  { dispatcher, environment = process.env }: HttpClientParts,
): Promise<Pool> {
  if (dispatcher === undefined) return await openPool({ connectMs: timeoutMs, environment });
  return { to: () => ({ dispatcher, proxy: null }), destroy: async () => {} };
}

const ownHeaders = { accept: "application/json", "user-agent": "tidemark" } as const;

function envelopeOf(
  { url, headers, method, body }: HttpRequest,
  declared: Readonly<Record<string, string>> = {},
): Envelope {
  return { url, headers: { ...ownHeaders, ...declared, ...headers }, method, body };
}

/** With the trace that the request is a part of, unless the user's own headers name one. */
function traced(envelope: Envelope): Envelope {
  const { headers } = envelope;
  if ("traceparent" in headers || "tracestate" in headers) return envelope;
  return { ...envelope, headers: { ...headers, ...traceHeaders() } };
}

/** The settings' headers, names in lower case; values that look like credentials become secrets. */
function declaredHeaders(settings: HttpSettings): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(settings.headers)) {
    headers[name.toLowerCase()] = String(value);
    if (isSecretName(name)) registerHeaderSecret(String(value));
  }
  return headers;
}

/** `Bearer abc` is a secret, and so is `abc`. */
function registerHeaderSecret(value: string): void {
  registerSecret(value);
  const [, credential] = /^\S+\s+(\S.*)$/.exec(value) ?? [];
  if (credential !== undefined) registerSecret(credential);
}
