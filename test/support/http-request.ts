import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { z } from "zod";
import type { Commit, OutputSession } from "../../src/engine/ports.ts";
import { RunRefusals } from "../../src/engine/refusals/refusals.ts";
import { emptyPosition } from "../../src/model/position.ts";
import type { SourceRecord } from "../../src/model/record.ts";
import { createHttpRequestOutput } from "../../src/outputs/http-request/http-request.ts";
import { httpRequestOutputSchema } from "../../src/outputs/http-request/schema.ts";
import { type HttpTestServer, type SeenRequest, startHttpServer } from "./http-server.ts";
import { SkippingClock } from "./skipping-clock.ts";

export type HttpRequestKeys = Omit<z.input<typeof httpRequestOutputSchema>, "type">;

/** An `httpRequest` output of these keys. */
export function httpRequestOutput(keys: HttpRequestKeys) {
  return createHttpRequestOutput(httpRequestOutputSchema.parse({ type: "httpRequest", ...keys }), {
    random: () => 0,
  });
}

export interface OpenedSession extends AsyncDisposable {
  readonly session: OutputSession;
  readonly clock: SkippingClock;
  /** Every warning so far, as `CODE: message`. */
  readonly warnings: string[];
  /** Commits as the engine does: what was refused is durable first. */
  commit(): Promise<unknown>;
}

export interface SessionPlace {
  readonly stream?: string;
  readonly signal?: AbortSignal;
}

/** A session of such an output, claimed by the run `run-1`, on a clock that skips all waiting. */
export async function openHttpRequest(
  keys: HttpRequestKeys,
  { stream = "events", signal = new AbortController().signal }: SessionPlace = {},
): Promise<OpenedSession> {
  const clock = new SkippingClock();
  const warnings: string[] = [];
  const output = httpRequestOutput(keys);
  const key = { connector: "acme", stream };
  const warn = (code: string, message: string) => void warnings.push(`${code}: ${message}`);
  const refusals = new RunRefusals({
    pipeline: { name: stream, key, input: { kind: "test", incremental: { cursors: [] } }, output },
    clock,
    warn,
  });
  refusals.begin("run-1");
  const session = await output.open({ key, clock, signal, warn, scope: "", leaseSeconds: 60, refusals });
  await session.fence(1);
  return {
    session,
    clock,
    warnings,
    commit() {
      refusals.settle();
      return session.commit(commit);
    },
    async [Symbol.asyncDispose]() {
      refusals.close();
      await session.close();
    },
  };
}

/** What a write came to: how many were written, or the error that it threw. */
export interface WriteResult {
  readonly written: number | null;
  readonly error: unknown;
  readonly warnings: readonly string[];
  readonly sleeps: readonly number[];
}

/** One batch, written and committed. */
export async function writeOnce(
  keys: HttpRequestKeys,
  records: readonly SourceRecord[],
  place?: SessionPlace,
): Promise<WriteResult> {
  await using opened = await openHttpRequest(keys, place);
  const { session, clock, warnings } = opened;
  const { sleeps } = clock;
  try {
    const written = await session.write({ records });
    await opened.commit();
    return { written, error: null, warnings, sleeps };
  } catch (error) {
    return { written: null, error, warnings, sleeps };
  }
}

/** The same with what is refused going to dead letters of its own, which come with the result. */
export async function writeWithLetters(keys: HttpRequestKeys, records: readonly SourceRecord[]) {
  const path = freshDeadLetterPath();
  const result = await writeOnce({ onError: "deadLetter", deadLetter: { path }, ...keys }, records);
  return { ...result, letters: deadLettersIn(path) };
}

export const commit: Commit = {
  epoch: 1,
  sequence: 1,
  position: emptyPosition,
  cursorType: "numeric_id",
  windowFinished: true,
};

/** A server that answers with the status that a function gives, and an error's text with it. */
export async function startAnswering(
  answer: (request: SeenRequest, count: number, response: ServerResponse) => number | Promise<number>,
): Promise<HttpTestServer> {
  const server = await startHttpServer(async (request, response) => {
    response.statusCode = await answer(request, server.seen.length, response);
    response.end(response.statusCode >= 400 ? '{"error":"no good", "token":"echoed"}' : "");
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

export interface TargetAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a text as it is. */
  readonly body?: unknown;
}

/** A server that answers as a function says, by default with an empty 200. */
export async function startTarget(
  answer: (request: SeenRequest, count: number) => TargetAnswer,
): Promise<HttpTestServer> {
  const server = await startHttpServer((request, response) => {
    const { status = 200, headers = {}, body = "" } = answer(request, server.seen.length);
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

/** Records with these ids. */
export const ids = (...numbers: readonly number[]): SourceRecord[] => numbers.map((id) => ({ id }));

/** Records with the ids 1 … count. */
export function range(count: number): SourceRecord[] {
  return Array.from({ length: count }, (_, index) => ({ id: index + 1 }));
}

/** The ids of the records that a request carries. */
export function idsIn({ body }: SeenRequest): number[] {
  return [JSON.parse(body)].flat().map(({ id }) => id);
}

/** A path for a dead-letter file in a folder of the test's own, removed when it ends. */
export function freshDeadLetterPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-http-request-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "failed.jsonl");
}

/** The lines of a dead-letter file; none where there is no file. */
export function deadLettersIn(path: string): Record<string, unknown>[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}
