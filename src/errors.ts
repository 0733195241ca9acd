import { type ErrorCode, errorCodes } from "./error-codes.ts";
import { redact, redactFields } from "./secrets.ts";

export { type ErrorCode, errorCodes } from "./error-codes.ts";

/** A place in a file the user wrote; line and column count from 1. */
export interface SourceLocation {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

export interface TidemarkErrorOptions {
  readonly cause?: unknown;
  /** The stream it happened to, as `connector/stream`. */
  readonly stream?: string;
  readonly where?: SourceLocation;
  /** Replaces the code's general hint where something more precise is known. */
  readonly hint?: string;
  /** Replaces the code's own verdict. */
  readonly recoverable?: boolean;
  /** Facts for machines; they are printed with `--json`. Secrets in their texts are masked. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * The one error type. `code` is stable and documented, `message` says what happened and to what,
 * `hint` what to do next, and `recoverable` whether the same call may succeed later by itself.
 *
 * ```ts
 * try { await sync(pipeline, { state }) }
 * catch (error) { if (error instanceof TidemarkError && error.code === "RUN_ACTIVE") return }
 * ```
 */
export class TidemarkError extends Error {
  override readonly name = "TidemarkError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly recoverable: boolean;
  readonly stream: string | undefined;
  readonly where: SourceLocation | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: TidemarkErrorOptions = {}) {
    super(redact(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = redact(options.hint ?? errorCodes[code].hint);
    this.recoverable = options.recoverable ?? errorCodes[code].recoverable;
    this.stream = options.stream;
    this.where = options.where;
    this.details = options.details === undefined ? undefined : redactFields(options.details);
  }
}

/** The error with the stream it happened to; the same error where it has one. What caused it stays its cause. */
export function inStream(error: TidemarkError, stream: string): TidemarkError {
  return error.stream === undefined ? again(error, error.message, stream) : error;
}

/** The same error with another message. */
export function withMessage(error: TidemarkError, message: string): TidemarkError {
  return again(error, message, error.stream);
}

/** The same error, with another hint. */
export function withHint(error: TidemarkError, hint: string): TidemarkError {
  return hint === error.hint ? error : again(error, error.message, error.stream, hint);
}

function again(
  error: TidemarkError,
  message: string,
  stream: string | undefined,
  hint = error.hint,
): TidemarkError {
  const { recoverable, where, details, cause } = error;
  const named = new TidemarkError(error.code, message, {
    hint,
    recoverable,
    ...(stream === undefined ? {} : { stream }),
    ...(cause === undefined ? {} : { cause }),
    ...(where === undefined ? {} : { where }),
    ...(details === undefined ? {} : { details }),
  });
  if (error.stack !== undefined) named.stack = error.stack;
  return named;
}

/** The message of anything that was thrown, on one line and without secrets. */
export function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  const lines = text.split("\n").map((line) => line.trim());
  return redact(lines.filter((line) => line !== "").join(" "));
}

/**
 * Narrows to a `TidemarkError`, of one code if a code is given.
 *
 * ```ts
 * if (isTidemarkError(error, "RUN_ACTIVE")) return;
 * ```
 */
export function isTidemarkError(thrown: unknown, code?: ErrorCode): thrown is TidemarkError {
  return thrown instanceof TidemarkError && (code === undefined || thrown.code === code);
}
