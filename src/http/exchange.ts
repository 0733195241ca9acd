import type { Dispatcher } from "undici";
import { messageOf } from "../errors.ts";
import { assertFitsMemory } from "./answer-memory.ts";
import {
  acceptedEncodings,
  type DecodedText,
  decodeText,
  decompress,
  tooLarge,
  UnusableAnswer,
} from "./decode.ts";
import { AttemptFailed, type FailureKind } from "./retry.ts";

/** A request with everything on it. */
export interface Exchange {
  readonly method: Dispatcher.HttpMethod;
  /** Sent unchanged: a `URL` would resolve a segment `%2E%2E`. */
  readonly url: Pick<URL, "origin" | "pathname" | "search">;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** The character set of the answer, overriding its own declaration. */
  readonly encoding?: string | undefined;
  /** Whether an answer with an unreadable body is still returned, with `Answer.unread` set. */
  readonly bodyOptional?: boolean | undefined;
  readonly signal: AbortSignal;
}

/** Why the body of an answer could not be read. */
export interface UnreadBody {
  readonly reason: string;
  /** Whether it was larger than `maxBodyBytes`. */
  readonly isTooLarge: boolean;
}

export interface Answer extends DecodedText {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** Whether the answer said how long its body is. */
  readonly isDelimited: boolean;
  /** Null where the body was read; else its text is empty. */
  readonly unread: UnreadBody | null;
}

export interface ExchangeLimits {
  /** For a connection, for the answer to begin, and between two parts of it. */
  readonly timeoutMs: number;
  /** From the request to the end of the answer. Default: ten times `timeoutMs`. */
  readonly totalTimeoutMs?: number | undefined;
  readonly maxBodyBytes: number;
  readonly maxBodyValues: number;
}

/**
 * Sends one request and reads its answer whole, whatever its status. Throws `AttemptFailed` where no
 * answer came, it came too slowly, or it was cut short; `UnusableAnswer` where it cannot be read;
 * the signal's reason where that aborted. With `bodyOptional` an answer whose status came is never a failure.
 */
export async function exchange(
  dispatcher: Dispatcher,
  request: Exchange,
  limits: ExchangeLimits,
): Promise<Answer> {
  const { timeoutMs, totalTimeoutMs = 10 * timeoutMs } = limits;
  const deadline = new Deadline(request.signal, totalTimeoutMs);
  try {
    const response = await respond(dispatcher, { ...request, signal: deadline.signal }, limits);
    try {
      return await answerOf(response, { ...request, signal: deadline.signal }, limits);
    } catch (error) {
      if (request.bodyOptional !== true || request.signal.aborted) throw error;
      return unreadAnswer(response, deadline.hasPassed ? tooLong(totalTimeoutMs) : error);
    }
  } catch (error) {
    if (request.signal.aborted) throw request.signal.reason;
    throw deadline.hasPassed ? tooLong(totalTimeoutMs) : error;
  } finally {
    deadline.clear();
  }
}

function tooLong(totalTimeoutMs: number): AttemptFailed {
  const seconds = totalTimeoutMs / 1000;
  return new AttemptFailed("timeout", `the answer had not ended after ${seconds} s (\`totalTimeoutMs\`)`);
}

/** Aborts with another signal, or once its time is over. */
class Deadline {
  readonly #abort = new AbortController();
  readonly #outer: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #follow = (): void => this.#abort.abort(this.#outer.reason);
  hasPassed = false;

  constructor(outer: AbortSignal, milliseconds: number) {
    this.#outer = outer;
    if (outer.aborted) this.#follow();
    outer.addEventListener("abort", this.#follow, { once: true });
    this.#timer = setTimeout(() => {
      this.hasPassed = true;
      this.#abort.abort();
    }, milliseconds);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#follow);
  }
}

async function respond(
  dispatcher: Dispatcher,
  { method, url, headers, body, signal }: Exchange,
  limits: ExchangeLimits,
): Promise<Dispatcher.ResponseData> {
  try {
    return await dispatcher.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers: { "accept-encoding": acceptedEncodings, ...headers },
      body: body ?? null,
      signal,
      headersTimeout: limits.timeoutMs,
      bodyTimeout: limits.timeoutMs,
    });
  } catch (error) {
    throw failureOf(error, "network");
  }
}

async function answerOf(
  response: Dispatcher.ResponseData,
  { encoding, signal }: Pick<Exchange, "encoding" | "signal">,
  limits: ExchangeLimits,
): Promise<Answer> {
  const headers = joinedHeaders(response.headers);
  let bytes: Buffer;
  try {
    bytes = await collect(response.body, limits.maxBodyBytes);
  } catch (error) {
    if (error instanceof UnusableAnswer) throw error;
    throw failureOf(error, "truncated");
  }
  const plain = await decompress(bytes, headers.get("content-encoding") ?? "", limits.maxBodyBytes);
  const decoded = decodeText(plain, headers.get("content-type") ?? "", encoding);
  await assertFitsMemory(decoded.text, limits.maxBodyValues, signal);
  return {
    ...headOf(response, headers),
    unread: null,
    ...decoded,
  };
}

function headOf({ statusCode }: Dispatcher.ResponseData, headers: ReadonlyMap<string, string>) {
  const isDelimited = headers.has("content-length") || headers.has("transfer-encoding");
  return { status: statusCode, headers, isDelimited };
}

function unreadAnswer(response: Dispatcher.ResponseData, error: unknown): Answer {
  const unread = {
    reason: messageOf(error),
    isTooLarge: error instanceof UnusableAnswer && error.isTooLarge,
  };
  return { ...headOf(response, joinedHeaders(response.headers)), text: "", problem: null, unread };
}

async function collect(body: Dispatcher.ResponseData["body"], maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, length);
}

function joinedHeaders(headers: Dispatcher.ResponseData["headers"]): Map<string, string> {
  const joined = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) joined.set(name, [value].flat().join(", "));
  }
  return joined;
}

const timeouts: ReadonlySet<unknown> = new Set([
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "ETIMEDOUT",
]);

/** Codes for headers that are too large, and for two lengths that contradict one another. */
const malformed: ReadonlySet<unknown> = new Set([
  "UND_ERR_HEADERS_OVERFLOW",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
]);

function failureOf(error: unknown, kind: "network" | "truncated"): Error {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const isOfProxy = /^Proxy /.test(reasonOf(error));
  if (code === "UND_ERR_INVALID_ARG" && !isOfProxy) return new UnsendableRequest(reasonOf(error));
  return new AttemptFailed(kindOf(error, code, kind), reasonOf(error), { cause: error });
}

function kindOf(error: unknown, code: unknown, kind: "network" | "truncated"): FailureKind {
  if (timeouts.has(code)) return "timeout";
  if (kind === "truncated") return kind;
  const isParserError =
    error instanceof Error && error.name === "HTTPParserError" && !/EOF/.test(error.message);
  return isParserError || malformed.has(code) ? "malformed" : kind;
}

/** A request that is not valid HTTP, for example with a line break in a header. */
export class UnsendableRequest extends Error {
  override readonly name = "UnsendableRequest";
}

/** Where every address of a host failed, the error of all of them has no message of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return reasonOf(error.errors[0]);
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.trim().replace(openSsl, "TLS failed: $1");
}

/** As OpenSSL writes its errors: `40FD…:error:0A00010B:SSL routines:function:wrong version number:file.c:77:`. */
const openSsl = /^[0-9A-F]*:?error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):.*$/s;
