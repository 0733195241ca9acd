import { type ErrorCode, TidemarkError, type TidemarkErrorOptions } from "../errors.ts";
import { redact } from "../secrets.ts";
import { isSecretName, showAddress } from "./address.ts";
import { UnusableAnswer } from "./decode.ts";
import { UnsendableRequest } from "./exchange.ts";
import type { HttpRequest } from "./message.ts";
import type { AttemptFailed } from "./retry.ts";

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
 * The beginning of an answer for a message: on one line, in quotes, empty for none. Registered secrets
 * are masked, and so is what stands behind a name that is a secret's, since servers like to repeat
 * what they were sent.
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
  return isSecretName(name) ? `${name}${between}[redacted]` : whole;
}

/** Makes the errors of one client. Their `details` hold `status` and `attempts` where there are any. */
export interface HttpFailures {
  /** After the last attempt. */
  exhausted(request: HttpRequest, failure: AttemptFailed, attempts: number): TidemarkError;
  /** For a status that is neither a success nor worth another attempt. */
  status(request: HttpRequest, status: number, text: string): TidemarkError;
  /** For a redirect that is not followed. */
  redirect(request: HttpRequest, why: string): TidemarkError;
  /** For what `exchange` throws besides `AttemptFailed`; hands on anything else. */
  other(request: HttpRequest, error: unknown): unknown;
  invalid(url: URL, why: string): TidemarkError;
}

export function createFailures(codes: HttpErrorCodes, stream: string | undefined): HttpFailures {
  function failure(code: ErrorCode, message: string, options: TidemarkErrorOptions = {}): TidemarkError {
    return new TidemarkError(code, message, stream === undefined ? options : { ...options, stream });
  }
  const name = (request: HttpRequest): string => `${request.method} ${showAddress(request.url)}`;

  return {
    exhausted(request, { kind, status, message }, attempts) {
      const code = kind === "truncated" ? codes.truncated : codes.unavailable;
      const times = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
      const details = status === null ? { attempts } : { attempts, status };
      return failure(code, `${name(request)}: ${outcomes[kind]} after ${times}; the last: ${message}`, {
        details,
      });
    },
    status(request, status, text) {
      const code = status >= 500 ? codes.unavailable : codes.refused;
      const hint = hints.get(status);
      return failure(code, `${name(request)}: answered with status ${status}${snippet(text)}`, {
        details: { attempts: 1, status },
        ...(hint === undefined ? {} : { hint }),
      });
    },
    redirect(request, why) {
      return failure(codes.refused, `${name(request)}: ${why}`, {
        hint: "Declare the address that the source redirects to.",
      });
    },
    other(request, error) {
      if (error instanceof UnusableAnswer) {
        return failure(codes.invalid, `${name(request)}: the answer cannot be used: ${error.message}`);
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

const outcomes = {
  network: "no answer",
  timeout: "no answer in time",
  truncated: "the answer was still cut short",
  status: "still refused",
} as const;

const hints: ReadonlyMap<number, string> = new Map([
  [
    401,
    "The credentials were not accepted: check `authentication`, and that the key or token has not expired.",
  ],
  [403, "The credentials lack the right to this: check `authentication` and what the account may read."],
  [404, "Nothing is at this address: check the endpoint and its parameters."],
  [405, "The address does not take this method: check `method`."],
]);
