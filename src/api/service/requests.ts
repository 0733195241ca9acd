import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import { messageOf, TidemarkError } from "../../errors.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import { parseJson } from "../../model/json.ts";
import { repeatedKey } from "../../model/repeated-key.ts";
import { utf8Text } from "../../utf8.ts";
import { RequestRefusal } from "./problems.ts";

/** Parses the parts of a request, and throws where they do not have the declared form. */

const mostIssues = 10;
const longestIssue = 200;

/** Checks a part against its schema. Throws `INVALID_REQUEST` naming up to ten fields. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const parsed = schema.safeParse(value, { error: plainMessage });
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const problems = issues.slice(0, mostIssues).map((issue) => ({
    path: [where, ...issue.path.map(String)].join(".").slice(0, longestIssue).toWellFormed(),
    message: issue.message.slice(0, longestIssue).toWellFormed(),
  }));
  const messages = problems.map(({ path, message }) => `\`${path}\`: ${message}`);
  const rest = issues.length - problems.length;
  if (rest > 0) messages.push(`and ${rest} more`);
  throw new TidemarkError("INVALID_REQUEST", messages.join("; "), { details: { problems } });
}

/** The message for a number that is parsed as an internal class, whose name means nothing to the caller. */
function plainMessage(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "invalid_type" || !(issue.input instanceof ExactNumber)) return undefined;
  const { text } = issue.input;
  return issue.expected === "number" || issue.expected === "int"
    ? `${text} is out of range: give a whole number between ${-Number.MAX_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER}`
    : `Invalid input: expected ${issue.expected}, received number`;
}

/**
 * The parameters in a path, by the template that it matched. Each is one segment, percent-decoded
 * once. Throws 400 `INVALID_REQUEST` for a segment that is no percent-encoded UTF-8.
 */
export function pathParams(template: string, path: string): Record<string, string> {
  const given = path.split("/");
  const params: Record<string, string> = {};
  for (const [index, part] of template.split("/").entries()) {
    const [, name] = /^\{(\w+)\}$/.exec(part) ?? [];
    if (name !== undefined) params[name] = decoded(given[index] ?? "", name);
  }
  return params;
}

function decoded(segment: string, name: string): string {
  if (segment === "." || segment === "..") {
    throw badRequest(
      `the ${name} in the path is "${segment}"`,
      "Write it as %2E or %2E%2E where it is a name.",
    );
  }
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest(`the ${name} in the path is not percent-encoded UTF-8`);
  }
}

/** The query's fields, each at most once. Throws 400 `INVALID_REQUEST` for what is no percent-encoded UTF-8. */
export function queryFields(url: string): Record<string, string> {
  const [, query = ""] = /^[^?#]*\?([^#]*)/.exec(url) ?? [];
  const fields: Record<string, string> = {};
  for (const part of query.split("&")) {
    if (part === "") continue;
    const [name = "", ...value] = part.split("=").map(plainText);
    if (Object.hasOwn(fields, name)) {
      throw new TidemarkError("INVALID_REQUEST", `\`query.${name.slice(0, longestIssue)}\` is given twice`);
    }
    Object.defineProperty(fields, name, { value: value.join("="), enumerable: true });
  }
  return fields;
}

function plainText(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll("+", " "));
  } catch {
    throw badRequest("the query is not percent-encoded UTF-8");
  }
}

/** A request that is still to be read; Node's own where there is a server. */
export interface Sent {
  readonly raw: Request;
  readonly incoming: IncomingMessage | undefined;
  header(name: string): string | undefined;
}

/**
 * The body as JSON with every digit; undefined where it is empty. Throws `MEDIA_TYPE_UNSUPPORTED`,
 * `BODY_TOO_LARGE`, and 400 `INVALID_REQUEST` for what is not JSON.
 */
export async function readBody(sent: Sent, most: number): Promise<unknown> {
  if (Number(sent.header("content-length") ?? 0) > most) throw tooLarge(most);
  const bytes = await wholeBody(sent, most);
  if (bytes.length === 0) return undefined;
  const type = sent.header("content-type") ?? null;
  if (type === null || !/^application\/(?:[\w.+-]+\+)?json *(?:;|$)/i.test(type)) {
    throw new TidemarkError(
      "MEDIA_TYPE_UNSUPPORTED",
      `the body is ${type === null ? "of no declared type" : type.slice(0, longestIssue)}`,
    );
  }
  const text = utf8(bytes);
  assertNoRepeatedKeys(text);
  try {
    return parseJson(text);
  } catch (error) {
    throw badRequest(`the body is not JSON: ${messageOf(error).slice(0, longestIssue)}`);
  }
}

async function wholeBody({ raw, incoming }: Sent, most: number): Promise<Uint8Array> {
  if (incoming !== undefined) return bodyOfNode(incoming, most);
  if (raw.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of raw.body) {
    length += chunk.length;
    if (length > most) throw tooLarge(most);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** From Node's own request, which takes a fraction of the time that a web stream takes. */
function bodyOfNode(incoming: IncomingMessage, most: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // The client may have disconnected while its key was looked up; no event of the request follows then.
    if (incoming.destroyed) {
      reject(requestGone());
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    const done = (end: () => void): void => {
      incoming.off("data", take).off("end", whole).off("error", broken).off("close", broken);
      end();
    };
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > most) done(() => reject(tooLarge(most)));
    };
    const whole = (): void => done(() => resolve(Buffer.concat(chunks)));
    const broken = (): void => done(() => reject(requestGone()));
    incoming.on("data", take).on("end", whole).on("error", broken).on("close", broken);
  });
}

/** Only for the log: the client disconnected before its request was answered. */
export function requestGone(): TidemarkError {
  return new TidemarkError("REQUEST_TIMEOUT", "the connection was closed before the request was answered");
}

function utf8(bytes: Uint8Array): string {
  const text = utf8Text(bytes);
  if (text === null) throw badRequest("the body is not UTF-8");
  return text;
}

/** Throws for a name that occurs twice in one object, since one of its values would be dropped silently. */
function assertNoRepeatedKeys(text: string): void {
  const name = repeatedKey(text);
  if (name !== null) throw badRequest(`the body names ${name.slice(0, longestIssue)} twice in one object`);
}

/** The connection is closed after it: what follows of the body would be read as the next request. */
function tooLarge(most: number): RequestRefusal {
  return new RequestRefusal(
    413,
    new TidemarkError("BODY_TOO_LARGE", `the body has more than ${most} bytes`, { details: { most } }),
    { connection: "close" },
  );
}

export function badRequest(why: string, hint?: string): RequestRefusal {
  return new RequestRefusal(
    400,
    new TidemarkError("INVALID_REQUEST", why, hint === undefined ? {} : { hint }),
  );
}
