import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { TidemarkError } from "../../src/errors.ts";
import { decodeText, decompress } from "../../src/http/decode.ts";
import { openPool, type Pool } from "../../src/http/pool.ts";
import { Aliases, registerHeader } from "./aliases.ts";
import { bytesOf, type Loopback, listen } from "./loopback.ts";
import {
  originPlaceholder,
  type RecordedRequest,
  type RecordedResponse,
  recordedFiles,
  storedBody,
  writeExchange,
} from "./recording.ts";

export interface RecordOptions {
  /** The source's address: an origin, or an origin and the beginning of the path. */
  readonly upstream: string;
  /** Where the exchanges are written, a file each. It must not hold a recording yet. */
  readonly folder: string;
  /** Names of headers, parameters and fields that carry secrets, besides those that sound like it. */
  readonly secrets?: readonly string[];
}

export interface Recorder extends Loopback {
  /** The files written so far, oldest first. */
  readonly files: readonly string[];
}

/** What belongs to one connection, or to how the bytes were sent, and not to the answer. */
const ofTheConnection: ReadonlySet<string> = new Set([
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const largestBody = 1024 * 1024 * 1024;

/**
 * Records a real source: a proxy on 127.0.0.1 that hands every request on to `upstream` and writes it with
 * its answer to `folder`, as JSON that a person can read and change. Point the pipeline at `origin` in place
 * of the source, run it, and close the recorder.
 *
 * Secrets are left out (promise P14): credentials, cookies and keys in headers, parameters and bodies are
 * replaced by names (`redacted-1`), the same name wherever the same secret occurs. The source's own address in
 * links is replaced as well, so that links lead to whoever plays the recording. Look through a recording all
 * the same before you share it: what is personal in the records themselves stays.
 *
 * Throws `ARGUMENT_INVALID` for an address that is none and for a folder that holds a recording already.
 *
 * ```ts
 * await using source = await recordSource({ upstream: "https://api.example.com", folder: "./recordings/orders" });
 * await sync(pipelineAgainst(source.origin), { state });
 * ```
 */
export async function recordSource(options: RecordOptions): Promise<Recorder> {
  const upstream = readUpstream(options.upstream);
  if (recordedFiles(options.folder).length > 0) {
    throw new TidemarkError("ARGUMENT_INVALID", `${options.folder} holds a recording already`, {
      hint: "Record into an empty folder: the names that stand for secrets belong to one recording.",
    });
  }
  const aliases = new Aliases(options.secrets ?? []);
  const base = upstream.href.replace(/\/$/, "");
  const pool = await openPool({ connectMs: 30_000, environment: process.env });
  const files: string[] = [];
  let taken = 0;

  const server = await listen(async (incoming, response) => {
    const number = ++taken;
    const body = await bytesOf(incoming);
    const answer = await forward(pool, base, incoming, body);
    const request = recordedRequest(incoming, body, aliases);
    const recorded = recordedResponse(answer, base, aliases);
    files.push(writeExchange(options.folder, number, { format: 1, request, response: recorded }));
    handBack(response, answer, base, server.origin);
  });
  const close = async (): Promise<void> => {
    await server.close();
    await pool.destroy();
  };
  return { ...server, files, close, [Symbol.asyncDispose]: close };
}

function readUpstream(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== "") {
    throw new TidemarkError("ARGUMENT_INVALID", "`upstream` is no http or https address without a query");
  }
  return url;
}

interface ForwardedAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly bytes: Buffer;
  /** Null where the bytes are no text. */
  readonly text: string | null;
}

async function forward(
  pool: Pool,
  base: string,
  incoming: IncomingMessage,
  body: Buffer,
): Promise<ForwardedAnswer> {
  const headers = flat(incoming.headers);
  for (const [name, value] of headers) registerHeader(name, value);
  const url = new URL(`${base}${incoming.url}`);
  const { statusCode, ...answer } = await pool.to(url).dispatcher.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method: incoming.method ?? "GET",
    headers: Object.fromEntries(headers),
    body: body.length === 0 ? null : body,
  });
  const encoding = String(answer.headers["content-encoding"] ?? "");
  const bytes = await decompress(Buffer.from(await answer.body.arrayBuffer()), encoding, largestBody);
  const { text, problem } = decodeText(bytes, String(answer.headers["content-type"] ?? ""));
  return { status: statusCode, headers: flat(answer.headers), bytes, text: problem === null ? text : null };
}

function flat(headers: IncomingHttpHeaders): [name: string, value: string][] {
  return Object.entries(headers)
    .filter(([name]) => !ofTheConnection.has(name))
    .map(([name, value]) => [name, [value ?? []].flat().join(", ")]);
}

function recordedRequest(incoming: IncomingMessage, body: Buffer, aliases: Aliases): RecordedRequest {
  const url = new URL(incoming.url ?? "/", "http://localhost");
  const contentType = incoming.headers["content-type"] ?? "";
  return {
    method: incoming.method ?? "GET",
    headers: withoutSecrets(flat(incoming.headers), aliases),
    path: aliases.mask(url.pathname),
    query: [...url.searchParams].map(([name, value]) => [name, aliases.parameter(name, value)]),
    body: body.length === 0 ? null : aliases.requestBody(body.toString(), contentType),
  };
}

function recordedResponse(answer: ForwardedAnswer, base: string, aliases: Aliases): RecordedResponse {
  const text = answer.text === null ? null : aliases.answer(withOrigin(answer.text, base, originPlaceholder));
  const headers = answer.headers.map(
    ([name, value]) => [name, withOrigin(value, base, originPlaceholder)] as const,
  );
  return {
    status: answer.status,
    headers: withoutSecrets(headers, aliases),
    ...storedBody(text, answer.bytes),
  };
}

function withoutSecrets(
  headers: readonly (readonly [name: string, value: string])[],
  aliases: Aliases,
): Record<string, string> {
  return Object.fromEntries(headers.map(([name, value]) => [name, aliases.header(name, value)]));
}

/** Links to the source, also with the slashes escaped as some write them in JSON. */
function withOrigin(text: string, from: string, to: string): string {
  const escaped = (address: string): string => address.replaceAll("/", "\\/");
  return text.replaceAll(from, to).replaceAll(escaped(from), escaped(to));
}

function handBack(response: ServerResponse, answer: ForwardedAnswer, base: string, origin: string): void {
  const body = answer.text === null ? answer.bytes : Buffer.from(withOrigin(answer.text, base, origin));
  for (const [name, value] of answer.headers) response.setHeader(name, withOrigin(value, base, origin));
  response.writeHead(answer.status, { "content-length": body.length });
  response.end(body);
}
