import type { Dispatcher } from "undici";
import type { Clock } from "../clock.ts";
import { registerSecret } from "../secrets.ts";
import { traceHeaders } from "../trace-context.ts";
import { isSecretName } from "./address.ts";
import { createAuthenticator, type Envelope } from "./authentication.ts";
import { exchange } from "./exchange.ts";
import { createFailures, type HttpErrorCodes, snippet, sourceErrorCodes } from "./failures.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { createRateLimiter } from "./rate-limit.ts";
import { AttemptFailed, parseRetryAfter, withRetries } from "./retry.ts";
import type { HttpSettings } from "./schema.ts";

export interface HttpClientParts {
  readonly clock: Clock;
  /** A number from 0 to 1, below 1. */
  readonly random: () => number;
  /** Told of what went on in spite of a flaw, by a code and a sentence. */
  readonly warn: (code: string, message: string) => void;
  /** The origin that credentials and declared headers belong to; no other is ever sent them. */
  readonly origin: string;
  /** The codes of errors; those of a source unless given. */
  readonly codes?: HttpErrorCodes;
  /** The stream that errors are told about, as `connector/stream`. */
  readonly stream?: string;
  /** Used instead of a connection pool of the client's own; its owner closes it. */
  readonly dispatcher?: Dispatcher;
}

/**
 * Makes requests to one origin, over connections that it keeps: with credentials, within a rate
 * limit, again where that may help. Requests may be made at once; they share the rate limit and
 * the access token.
 *
 * ```ts
 * await using client = await openHttpClient(settings, { clock, random, warn, origin: endpoint.origin });
 * const { text } = await client.request({ method: "GET", url: endpoint, signal });
 * ```
 */
export interface HttpClient extends AsyncDisposable {
  /**
   * The answer of a request, when its status is 2xx or one that the request accepts. Any method is repeated under the retry policy,
   * so a request that changes something must bear being made twice. Throws, under the codes of a
   * source: `SOURCE_UNAVAILABLE` for no answer, a status to retry on or any other 5xx;
   * `SOURCE_TRUNCATED` for an answer cut short; both after the last attempt. At once:
   * `SOURCE_REFUSED` for any other status (`details.status`) and for redirects that are not
   * followed; `SOURCE_INVALID` for an answer too large or in no known encoding; the signal's reason.
   * Up to five redirects of GET and HEAD are followed; once one leads to another origin, nothing
   * but the bare request is sent.
   */
  request(request: HttpRequest): Promise<HttpResponse>;
  /** An address without the credentials that the client adds to it, fit to be stored. */
  strip(url: URL): URL;
  close(): Promise<void>;
}

const maxRedirects = 5;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Opens a client; no connection is made before the first request. Registers all secrets of the settings. */
export async function openHttpClient(settings: HttpSettings, parts: HttpClientParts): Promise<HttpClient> {
  const dispatcher = parts.dispatcher ?? (await createPool(settings.timeoutMs));
  const failures = createFailures(parts.codes ?? sourceErrorCodes, parts.stream);
  const limiter = settings.rateLimit && createRateLimiter(settings.rateLimit, parts.clock);
  const declared = declaredHeaders(settings);
  const authenticator = createAuthenticator(settings.authentication, {
    clock: parts.clock,
    send: (request) =>
      repeatedly(request, async () => judge(request, await send(request, envelopeOf(request)))),
    unusable: failures.invalid,
  });

  async function send(request: HttpRequest, { url, headers }: Envelope): Promise<HttpResponse> {
    const { method, body, signal } = request;
    try {
      const answer = await exchange(dispatcher, { method, url, headers, body, signal }, settings);
      if (answer.damaged)
        parts.warn("TEXT_DAMAGED", "an answer held bytes that are not UTF-8; they were replaced");
      return { ...answer, url };
    } catch (error) {
      throw failures.other(request, error);
    }
  }

  /** The answer as it is, after redirects and, once, after a new token in place of a refused one. */
  async function follow(request: HttpRequest): Promise<HttpResponse> {
    let url = request.url;
    let trusted = url.origin === parts.origin;
    let renewed = false;
    let hops = 0;
    for (;;) {
      await limiter?.acquire(request.signal);
      const envelope = trusted
        ? await authenticator.sign(traced(envelopeOf({ ...request, url }, declared)), request.signal)
        : { url, headers: ownHeaders };
      const answer = await send(request, envelope);
      if (answer.status === 401 && trusted && !renewed && authenticator.renew(envelope)) {
        renewed = true;
        continue;
      }
      const target = redirects.has(answer.status) ? answer.headers.get("location") : undefined;
      if (target === undefined) return { ...answer, url: authenticator.strip(url) };
      if (++hops > maxRedirects)
        throw failures.redirect(request, `redirected more than ${maxRedirects} times`);
      url = redirectTarget(request, url, target);
      trusted &&= url.origin === parts.origin;
    }
  }

  function redirectTarget(request: HttpRequest, from: URL, location: string): URL {
    if (request.method !== "GET" && request.method !== "HEAD") {
      throw failures.redirect(request, `redirected, which is not followed for ${request.method}`);
    }
    const target = URL.parse(location, from.href);
    if (target === null || !/^https?:$/.test(target.protocol)) {
      throw failures.redirect(request, "redirected to something that is no address over HTTP");
    }
    return authenticator.strip(target);
  }

  /** Hands on successes; tells statuses that are worth another attempt from those that are not. */
  function judge(request: HttpRequest, answer: HttpResponse): HttpResponse {
    const { status, text, headers } = answer;
    if (status >= 200 && status < 300) return answer;
    if (!settings.retry.retryOn.includes(status)) {
      if (request.accepts?.(status)) return answer;
      throw failures.status(request, status, text);
    }
    throw new AttemptFailed("status", `status ${status}${snippet(text)}`, {
      status,
      retryAfterMs: parseRetryAfter(headers.get("retry-after"), parts.clock.now()),
    });
  }

  function repeatedly<T>(request: HttpRequest, attempt: () => Promise<T>): Promise<T> {
    const { clock, random } = parts;
    return withRetries(
      settings.retry,
      { clock, random, signal: request.signal, onRetryAfterCapped },
      attempt,
      (failure, attempts) => failures.exhausted(request, failure, attempts),
    );
  }

  function onRetryAfterCapped(askedMs: number, grantedMs: number): void {
    parts.warn(
      "RETRY_AFTER_CAPPED",
      `the server asked to wait ${Math.ceil(askedMs / 1000)} s; waiting ${Math.ceil(grantedMs / 1000)} s (\`retry.maxRetryAfterMs\`)`,
    );
  }

  async function close(): Promise<void> {
    if (parts.dispatcher === undefined) await dispatcher.destroy();
  }

  return {
    request: (request) => repeatedly(request, async () => judge(request, await follow(request))),
    strip: (url) => authenticator.strip(url),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A pool of connections that are kept between requests. Loaded here since many runs make no request. */
async function createPool(timeoutMs: number): Promise<Dispatcher> {
  const { Agent } = await import("undici");
  return new Agent({ connect: { timeout: timeoutMs } });
}

const ownHeaders = { accept: "application/json", "user-agent": "tidemark" } as const;

function envelopeOf(
  { url, headers }: HttpRequest,
  declared: Readonly<Record<string, string>> = {},
): Envelope {
  return { url, headers: { ...ownHeaders, ...declared, ...headers } };
}

/** With the trace that the request is a part of, unless the user's own headers name one. */
function traced({ url, headers }: Envelope): Envelope {
  if ("traceparent" in headers || "tracestate" in headers) return { url, headers };
  return { url, headers: { ...headers, ...traceHeaders() } };
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
