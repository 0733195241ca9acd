import type { ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { JsonError, parseJson, stringifyJson } from "../../src/model/json.ts";
import type { CheckedFault } from "./faults.ts";
import { bodyOf, originPlaceholder, type RecordedResponse } from "./recording.ts";

/** An answer as it will be sent, or as it would have been. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A recorded answer and the one before it of the same path; null where it is the first. */
export interface Played {
  readonly answer: Answer;
  readonly before: Answer | null;
}

export function recordedAnswer(response: RecordedResponse, origin: string): Answer {
  const headers = Object.entries(response.headers)
    // The player's own clock tells the time.
    .filter(([name]) => name !== "date")
    .map(([name, value]) => [name, value.replaceAll(originPlaceholder, origin)]);
  return { status: response.status, headers: Object.fromEntries(headers), body: bodyOf(response, origin) };
}

/** Whether the client is sent the recorded answer in the end, if late or from a clock that is wrong. */
export function isDelivered(fault: CheckedFault | null): boolean {
  return fault === null || ["slow", "clock-skew", "shifted-page"].includes(fault.kind);
}

/** The answer with the fault in it; null where there is none but a closed connection. */
export function answerWith(fault: CheckedFault, { answer, before }: Played, now: number): Answer | null {
  switch (fault.kind) {
    case "too-many-requests":
      return refusal(429, "Too many requests", {
        ...(fault.retryAfterSeconds === undefined ? {} : { "retry-after": String(fault.retryAfterSeconds) }),
      });
    case "server-error":
      return refusal(fault.status, "The server failed");
    case "expired-token":
      return refusal(401, "The access token expired", {
        "www-authenticate": 'Bearer error="invalid_token"',
      });
    case "expired-page":
      return refusal(410, "The page token expired");
    case "cut":
      return null;
    case "invalid":
      return {
        ...answer,
        status: 200,
        body: fault.body === undefined ? half(answer.body) : Buffer.from(fault.body),
      };
    case "repeated-page":
      return before;
    case "shifted-page":
      return before === null ? answer : shifted(answer, before, fault.by);
    case "clock-skew":
      return {
        ...answer,
        headers: { ...answer.headers, date: new Date(now + fault.seconds * 1000).toUTCString() },
      };
    case "slow":
    case "truncated":
      return answer;
  }
}

function refusal(status: number, title: string, headers: Record<string, string> = {}): Answer {
  const body = Buffer.from(JSON.stringify({ title, status }));
  return { status, headers: { "content-type": "application/problem+json", ...headers }, body };
}

const half = (body: Buffer): Buffer => body.subarray(0, body.length >> 1);

/** Whether a fault can be shown on this answer at all. */
export function fits(fault: CheckedFault, { answer, before }: Played): boolean {
  if (fault.kind === "truncated") return answer.body.length > 1;
  if (fault.kind === "invalid") return fault.body !== undefined || answer.body.length > 1;
  if (fault.kind === "repeated-page") return before !== null;
  if (fault.kind === "shifted-page")
    return before !== null && !shifted(answer, before, fault.by).body.equals(answer.body);
  return true;
}

/** The page with the last records of the one before in front of its own. */
function shifted(answer: Answer, before: Answer, by: number): Answer {
  const page = readJson(answer.body);
  const added = recordsIn(readJson(before.body)).slice(-by);
  const records = recordsIn(page);
  if (added.length === 0 || records.length === 0) return answer;
  const body = page === records ? [...added, ...records] : replaced(page, records, [...added, ...records]);
  return { ...answer, body: Buffer.from(stringifyJson(body)) };
}

function readJson(body: Buffer): unknown {
  try {
    return parseJson(body.toString());
  } catch (error) {
    if (error instanceof JsonError) return null;
    throw error;
  }
}

/** The first list of objects in a body, from the outside in. */
function recordsIn(body: unknown): readonly unknown[] {
  const level: unknown[] = [body];
  for (const value of level) {
    if (typeof value !== "object" || value === null) continue;
    if (!Array.isArray(value)) level.push(...Object.values(value));
    else if (value.length > 0 && value.every((each) => typeof each === "object" && each !== null))
      return value;
  }
  return [];
}

/** A copy of the body in which one list is another. */
function replaced(body: unknown, list: readonly unknown[], by: readonly unknown[]): unknown {
  if (body === list) return by;
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  if (Object.getPrototypeOf(body) !== Object.prototype) return body;
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, replaced(value, list, by)]));
}

/** Sends an answer, in the way that the fault has it. */
export async function sendAnswer(
  response: ServerResponse,
  answer: Answer | null,
  fault: CheckedFault | null,
): Promise<void> {
  if (answer === null) {
    response.destroy();
    return;
  }
  response.writeHead(answer.status, { ...answer.headers, "content-length": answer.body.length });
  if (fault?.kind === "truncated") {
    // Closed only once the half has gone out: else none of it might arrive.
    response.write(half(answer.body), () => response.destroy());
  } else if (fault?.kind === "slow") {
    await sendSlowly(response, answer.body, fault.pieces, fault.pauseMs);
  } else {
    response.end(answer.body);
  }
}

async function sendSlowly(
  response: ServerResponse,
  body: Buffer,
  pieces: number,
  pauseMs: number,
): Promise<void> {
  const size = Math.max(1, Math.ceil(body.length / pieces));
  for (let start = 0; start < body.length && !response.destroyed; start += size) {
    response.write(body.subarray(start, start + size));
    await pause(pauseMs);
  }
  response.end();
}
