import { type ErrorCode, errorCodes, messageOf, TidemarkError } from "../../errors.ts";
import { stringifyJson } from "../../model/json.ts";
import type { WireProblem } from "../contracts/problem.ts";

/** The status of each code; any other code is a fault of the service. */
export const statusOf = {
  INVALID_REQUEST: 422,
  ARGUMENT_INVALID: 422,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  STREAM_NOT_FOUND: 404,
  RUN_NOT_FOUND: 404,
  PARTITION_NOT_FOUND: 404,
  KEY_NOT_FOUND: 404,
  ROUTE_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  RUN_ACTIVE: 409,
  RUN_SUPERSEDED: 409,
  RUN_FINISHED: 409,
  CHECKPOINT_OUT_OF_ORDER: 409,
  AUDIT_BROKEN: 409,
  STATE_EDITED: 409,
  BODY_TOO_LARGE: 413,
  MEDIA_TYPE_UNSUPPORTED: 415,
  CURSOR_REGRESSION: 422,
  CURSOR_TYPE_MISMATCH: 422,
  CURSOR_INVALID: 422,
  CURSOR_NOT_SET: 422,
  RATE_LIMITED: 429,
  STATE_UNAVAILABLE: 503,
  STATE_UNREADABLE: 500,
  STATE_TOO_NEW: 500,
  INTERNAL: 500,
} as const satisfies Partial<Record<ErrorCode, number>>;

export type ProblemStatus = (typeof statusOf)[keyof typeof statusOf] | 400;

/** A refusal whose status is not that of its code: what a caller sent, not what is stored, is at fault. */
export class RequestRefusal extends Error {
  override readonly name = "RequestRefusal";
  readonly status: ProblemStatus;
  readonly error: TidemarkError;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: ProblemStatus, error: TidemarkError, headers: Readonly<Record<string, string>> = {}) {
    super(error.message, { cause: error });
    this.status = status;
    this.error = error;
    this.headers = headers;
  }
}

/** The parts of an error answer. */
export interface Problem {
  readonly status: ProblemStatus;
  readonly body: WireProblem;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether it is the service that failed, so that its log says why. */
  readonly isFault: boolean;
}

const longestDetail = 2000;
const retrySeconds = 2;

/** `path` is that of the request: `type` is relative to it, so that it stays behind a proxy's path prefix. */
export function problemOf(thrown: unknown, requestId: string | undefined, path = "/"): Problem {
  const refusal = thrown instanceof RequestRefusal ? thrown : null;
  const error = refusal?.error ?? (thrown instanceof TidemarkError ? thrown : hidden(thrown));
  const status = refusal?.status ?? statusFor(error.code);
  const code: ErrorCode = error.code === "ARGUMENT_INVALID" ? "INVALID_REQUEST" : error.code;
  const retryAfter = retryAfterOf(error);
  return {
    status,
    body: {
      type: `${upFrom(path)}docs#${code}`,
      title: errorCodes[code].meaning,
      status,
      code,
      detail: cut(error.message),
      hint: error.code === code ? error.hint : hintOf(error),
      recoverable: error.recoverable,
      ...(error.stream === undefined ? {} : { stream: cut(error.stream) }),
      ...(error.details === undefined || status >= 500 ? {} : { details: { ...error.details } }),
      ...(requestId === undefined ? {} : { request_id: requestId }),
    },
    headers: { ...(retryAfter === null ? {} : { "retry-after": String(retryAfter) }), ...refusal?.headers },
    isFault: status >= 500,
  };
}

/** The way from a request's path to the service's root: nothing for `/healthz`, `../` for `/v1/streams`. */
function upFrom(path: string): string {
  return "../".repeat(Math.max(0, path.split("/").length - 2));
}

/** The text of a problem, as it is sent. */
export function problemText(body: WireProblem): string {
  return stringifyJson(body);
}

export const problemType = "application/problem+json";

/** Any other error is a fault of the service, and its message goes only to the log. */
function hidden(thrown: unknown): TidemarkError {
  return new TidemarkError("INTERNAL", "the service failed; its log says why, under this request's id", {
    cause: thrown,
  });
}

function statusFor(code: ErrorCode): ProblemStatus {
  const statuses: Readonly<Partial<Record<ErrorCode, ProblemStatus>>> = statusOf;
  return statuses[code] ?? 500;
}

/** The general hint of the arguments is about the library and the command. */
function hintOf(error: TidemarkError): string {
  return error.hint === errorCodes.ARGUMENT_INVALID.hint ? errorCodes.INVALID_REQUEST.hint : error.hint;
}

function retryAfterOf(error: TidemarkError): number | null {
  if (error.code === "STATE_UNAVAILABLE") return retrySeconds;
  const seconds = error.details?.retry_after_seconds;
  return error.code === "RATE_LIMITED" && typeof seconds === "number" ? seconds : null;
}

function cut(text: string): string {
  return text.length > longestDetail ? `${text.slice(0, longestDetail).toWellFormed()}…` : text;
}

/** The fields of a fault's log line, in addition to the request's own. */
export function faultFields(thrown: unknown): Record<string, unknown> {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return {
    error: messageOf(thrown),
    ...(thrown instanceof TidemarkError ? { code: thrown.code } : {}),
    ...(cause === undefined ? {} : { cause: messageOf(cause) }),
    ...(thrown instanceof Error && !(thrown instanceof TidemarkError) ? { stack: thrown.stack } : {}),
  };
}
