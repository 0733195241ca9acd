import { type ErrorCode, TidemarkError, type TidemarkErrorOptions } from "../errors.ts";
import { redact } from "../secrets.ts";
import { isMasked, showAddress } from "./address.ts";
import { hopelessHint, isHopeless } from "./connect-failures.ts";
import { UnusableAnswer } from "./decode.ts";
import { UnsendableRequest } from "./exchange.ts";
import type { LimitWaits } from "./limit-waits.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import type { HttpProxy } from "./proxy.ts";
import { AttemptFailed } from "./retry.ts";
import { showWait } from "./waits.ts";

/** The codes that a client's errors carry, since a source, an output and a store each have their own. */
export interface HttpErrorCodes {
  readonly unavailable: ErrorCode;
  readonly refused: ErrorCode;
  readonly invalid: ErrorCode;
  readonly truncated: ErrorCode;
}

export const sourceErrorCodes: HttpErrorCodes = {
  unavailable: "SOURCE_UNAVAILABLE",
  refused: "SOURCE_REFUSED",
  invalid: "SOURCE_INVALID",
  truncated: "SOURCE_TRUNCATED",
};

/**
 * The beginning of an answer for a message: on one line, in quotes, empty for none. Registered secrets are masked, and
 * so are values after names of secrets, since servers like to repeat what they were sent.
 */
export function snippet(text: string): string {
  const known = redact(text.slice(0, 16_384)).slice(0, 2048);
  const line = known.replace(named, maskSecret).replace(/\s+/g, " ").trim();
  if (line === "") return "";
  return `: "${line.length > 200 ? `${line.slice(0, 200)}…` : line}"`;
}

/** `name=value`, `name: value`, `"name":"value"`. */
const named = /([\w.-]+)(["']?\s*[=:]\s*["']?)([^\s"'&,;]+)/g;

function maskSecret(whole: string, name: string, between: string): string {
  return isMasked(name) ? `${name}${between}[redacted]` : whole;
}

/**
 * Makes the errors of one client. Their `details` hold `status` and `attempts` where there are any, and
 * `retry_after_ms` where the server asked to be left alone for so long.
 */
export interface HttpFailures {
  /** After the last attempt. */
  exhausted(request: HttpRequest, failure: AttemptFailed, attempts: number): TidemarkError;
  /** After the last wait for a server that limits requests. */
  limited(request: HttpRequest, failure: AttemptFailed, attempts: number, waits: LimitWaits): TidemarkError;
  /** For a status that is neither a success nor worth another attempt. */
  status(request: HttpRequest, answer: HttpResponse): TidemarkError;
  /** For a redirect that is not followed. */
  redirect(request: HttpRequest, why: string, hint?: string): TidemarkError;
  /**
   * For an attempt that failed in a way that a retry cannot fix; otherwise the attempt's own failure. Both name the
   * proxy that was asked, where there was one.
   */
  hopeless(
    request: HttpRequest,
    failure: AttemptFailed,
    proxy: HttpProxy | null,
  ): TidemarkError | AttemptFailed;
  /** Converts other errors of `exchange`; passes on anything else. */
  other(request: HttpRequest, error: unknown): unknown;
  invalid(url: URL, why: string): TidemarkError;
}

export interface FailureParts {
  readonly codes: HttpErrorCodes;
  readonly stream: string | undefined;
  /** The longest wait that is granted, in milliseconds. */
  readonly maxRetryAfterMs: number;
}

export function createFailures({ codes, stream, maxRetryAfterMs }: FailureParts): HttpFailures {
  function failure(code: ErrorCode, message: string, options: TidemarkErrorOptions = {}): TidemarkError {
    return new TidemarkError(code, message, stream === undefined ? options : { ...options, stream });
  }
  const name = (request: HttpRequest): string => `${request.method} ${showAddress(request.url)}`;

  return {
    exhausted(request, attempt, attempts) {
      const { kind, status, message, retryAfterMs } = attempt;
      const times = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
      const details = {
        attempts,
        ...(status === null ? {} : { status }),
        ...(retryAfterMs === null ? {} : { retry_after_ms: retryAfterMs }),
      };
      return failure(
        codes[codeOfKind[kind]],
        `${name(request)}: ${outcomes[kind]} after ${times}; the last: ${message}`,
        {
          details,
          ...(kind === "malformed" ? { hint: malformedHint, recoverable: false } : {}),
          ...(status === 429 ? { hint: tooOftenHint } : {}),
          ...(retryAfterMs !== null && retryAfterMs > maxRetryAfterMs
            ? { hint: waitHint(retryAfterMs, maxRetryAfterMs) }
            : {}),
        },
      );
    },
    limited(request, { status, message, retryAfterMs }, attempts, { totalMs, leftMs }) {
      const waited = `${attempts === 1 ? "1 attempt" : `${attempts} attempts`} and waits of ${showWait(totalMs - leftMs)} in this run`;
      return failure(
        codes.unavailable,
        `${name(request)}: still limits how often it is asked, after ${waited}; the last: ${message}`,
        {
          details: status === null ? { attempts } : { attempts, status },
          hint: limitHint(retryAfterMs, leftMs),
        },
      );
    },
    status(request, answer) {
      const { status, text } = answer;
      const code = status >= 500 ? codes.unavailable : codes.refused;
      const elsewhere = leftOrigin(request, answer);
      const hint = elsewhere === null ? hints.get(status) : elsewhereHint(request.url, elsewhere);
      return failure(
        code,
        `${name(request)}: answered with ${describeStatus(request, answer)}${snippet(text)}`,
        {
          details: { attempts: 1, status },
          ...(hint === undefined ? {} : { hint }),
        },
      );
    },
    redirect(request, why, hint = "Declare the address that the server redirects to.") {
      return failure(codes.refused, `${name(request)}: ${why}`, { hint });
    },
    hopeless(request, attempt, proxy) {
      const status = proxy === null ? null : refusalOfProxy(attempt);
      if (proxy !== null && status !== null && status < 500) {
        return failure(
          codes.refused,
          `${name(request)}: the proxy ${proxy.shown} answered with status ${status}`,
          {
            details: { attempts: 1 },
            hint: proxyHint(proxy, status),
          },
        );
      }
      const named = throughProxy(attempt, proxy);
      if (!isHopeless(attempt.cause)) return named;
      const place = proxy === null ? "the address" : `the address or ${proxy.variable}`;
      return failure(codes.unavailable, `${name(request)}: ${outcomes[attempt.kind]}: ${named.message}`, {
        details: { attempts: 1 },
        recoverable: false,
        hint: hopelessHint(attempt.cause, place),
      });
    },
    other(request, error) {
      if (error instanceof UnusableAnswer) {
        const { hint, recoverable } = error;
        return failure(codes.invalid, `${name(request)}: the answer cannot be used: ${error.message}`, {
          ...(hint === undefined ? {} : { hint }),
          ...(recoverable ? { recoverable } : {}),
        });
      }
      if (error instanceof UnsendableRequest) {
        return failure("ARGUMENT_INVALID", `${name(request)}: the request cannot be sent: ${error.message}`, {
          hint: "Look for line breaks or letters beyond Latin-1 in `headers` and `authentication`.",
        });
      }
      return error;
    },
    invalid: (url, why) => failure(codes.invalid, `${showAddress(url)}: ${why}`),
  };
}

/** The address that an answer came from, if a redirect led to another origin than the request's. */
export function leftOrigin(request: HttpRequest, answer: HttpResponse): URL | null {
  return answer.url.origin === request.url.origin ? null : answer.url;
}

/** The status of an answer, and who gave it if a redirect led elsewhere. */
export function describeStatus(request: HttpRequest, answer: HttpResponse): string {
  const elsewhere = leftOrigin(request, answer);
  const by = elsewhere === null ? "" : ` at ${showAddress(elsewhere)}, where a redirect led`;
  return `status ${answer.status}${by}`;
}

/** The same failure, with the proxy that the request went through. */
export function throughProxy(failure: AttemptFailed, proxy: HttpProxy | null): AttemptFailed {
  if (proxy === null) return failure;
  const { kind, message, cause } = failure;
  return new AttemptFailed(kind, `${message} (through the proxy ${proxy.shown} of ${proxy.variable})`, {
    cause,
  });
}

/** The status by which a proxy refused to pass a request on; null where it did not. */
function refusalOfProxy({ message }: AttemptFailed): number | null {
  if (message.startsWith("Proxy Authentication Required")) return 407;
  const [, status] = /^Proxy response \((\d{3})\)/.exec(message) ?? [];
  return status === undefined ? null : Number(status);
}

function proxyHint({ variable }: HttpProxy, status: number): string {
  return status === 407
    ? `The proxy wants to know who asks: put a user's name and password in front of the host in ${variable}, as http://USER@HOST:PORT with a colon and the password behind USER.`
    : `The proxy does not pass this on: ask who runs it, or name the host in NO_PROXY if it is reached without it.`;
}

function elsewhereHint(from: URL, to: URL): string {
  return `\`authentication\` and \`headers\` go to ${from.origin} only and were not sent to ${to.origin}. If both belong to the source, declare the address that it redirects to.`;
}

function waitHint(askedMs: number, grantedMs: number): string {
  return `The server asked to wait ${showWait(askedMs)}, and \`retry.maxRetryAfterMs\` grants ${showWait(grantedMs)}. \`tidemark start\` tries again when that time is over; by hand, run again then.`;
}

function limitHint(askedMs: number | null, leftMs: number): string {
  const more = "The next run goes on from here.";
  const slower =
    "Ask for less: declare `rateLimit`, or send several records with each request (`batch`); or raise `limitWaitMs`.";
  if (askedMs === null || askedMs <= leftMs) return `${slower} ${more}`;
  return `The server asked to wait ${showWait(askedMs)}, and ${showWait(leftMs)} of \`limitWaitMs\` are left: run again when that time is over. ${slower} ${more}`;
}

const tooOftenHint =
  "The server limits how often it is asked: declare a lower `rateLimit`. The next run goes on from here.";

const malformedHint =
  "The server, or a proxy in between, sends something that is not HTTP: check the address and its port, and contact the server's operator.";

const codeOfKind = {
  network: "unavailable",
  timeout: "unavailable",
  truncated: "truncated",
  malformed: "invalid",
  status: "unavailable",
  said: "unavailable",
} as const;

const outcomes = {
  network: "no answer",
  timeout: "no answer in time",
  truncated: "the answer was still cut short",
  malformed: "no answer by the rules of HTTP",
  status: "still refused",
  said: "still refused",
} as const;

const hints: ReadonlyMap<number, string> = new Map([
  [
    401,
    "The credentials were not accepted: check `authentication`, and that the key or token has not expired.",
  ],
  [403, "The credentials lack the right to this: check `authentication` and what the account may do."],
  [404, "Nothing is at this address: check the endpoint and its parameters."],
  [405, "The address does not take this method: check `method`."],
]);
