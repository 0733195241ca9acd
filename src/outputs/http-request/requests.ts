import { hash } from "node:crypto";
import { TidemarkError } from "../../errors.ts";
import type { HttpRequest } from "../../http/message.ts";
import { compileTemplate } from "../../http/template.ts";
import { compileAddress } from "../../http/template-address.ts";
import { compileHeaders } from "../../http/template-headers.ts";
import { contentHash } from "../../model/identity.ts";
import { stringifyJson } from "../../model/json.ts";
import { withValuePlaced } from "../../model/placed-value.ts";
import { parsePath, type SourceRecord } from "../../model/record.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import { withoutBytes } from "../json-line.ts";
import type { HttpRequestConfig } from "./schema.ts";

/** A record with all that its request needs of it. */
export interface Prepared {
  readonly record: SourceRecord;
  /** What of the body is the record's. */
  readonly item: unknown;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** The record's content, for the idempotency key. */
  readonly content: string;
}

/** Makes requests of records. */
export interface Requests {
  /** Throws `RECORD_INVALID` where a template cannot be filled from the record. */
  prepare(record: SourceRecord): Prepared;
  /** The request that carries these records: one of them where no batch is declared. */
  carrying(records: readonly [Prepared, ...Prepared[]], signal: AbortSignal): HttpRequest;
}

/** Reads the templates of a configuration, for one stream. */
export function createRequests(config: HttpRequestConfig, key: StreamKey): Requests {
  const addressOf = compileAddress(config);
  const headersOf = compileHeaders(config.headers);
  const itemOf = compileItem(config);
  const bodyOf = compileBody(config);
  const idempotencyKey = compileIdempotencyKey(config, key);
  const { method } = config;
  return {
    prepare(record) {
      const plain = withoutBytes(record);
      return {
        record,
        item: itemOf(plain),
        url: addressOf(plain),
        headers: headersOf(plain),
        content: config.idempotencyHeader === null ? "" : contentHash(plain),
      };
    },
    carrying(records, signal) {
      const [{ url, headers }] = records;
      const { body, contentType } = bodyOf(records);
      const own = { ...contentType, ...headers, ...idempotencyKey(records) };
      return { method, url, headers: own, signal, ...(body === undefined ? {} : { body }) };
    },
  };
}

function compileItem({ body, method, batch }: HttpRequestConfig): (record: SourceRecord) => unknown {
  if (body === undefined)
    return method === "DELETE" && batch === undefined ? () => undefined : (record) => record;
  const template = compileTemplate(body);
  const isText = (item: unknown): item is string => batch === undefined && typeof item === "string";
  return (record) => {
    const item = template(record);
    if (isText(item) && !item.isWellFormed()) {
      throw new TidemarkError("RECORD_INVALID", "a text with half a character cannot be sent as a body");
    }
    if (item !== undefined) return item;
    throw new TidemarkError(
      "RECORD_INVALID",
      `the record has nothing at \`${String(body)}\`, which is its body`,
    );
  };
}

interface Body {
  readonly body?: string;
  readonly contentType: Readonly<Record<string, string>>;
}

function compileBody(config: HttpRequestConfig): (records: readonly [Prepared, ...Prepared[]]) => Body {
  const { batch, headers } = config;
  const declares = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
  const typed = (body: string, type: string): Body => ({
    body,
    contentType: declares ? {} : { "content-type": type },
  });
  const json = (value: unknown): Body => typed(stringifyJson(value), "application/json");
  if (batch === undefined) {
    return ([{ item }]) => {
      if (item === undefined) return { contentType: {} };
      return typeof item === "string" ? typed(item, "text/plain; charset=utf-8") : json(item);
    };
  }
  const { bodyAs } = batch;
  if (bodyAs === "ndjson") {
    return (records) =>
      typed(records.map(({ item }) => `${stringifyJson(item)}\n`).join(""), "application/x-ndjson");
  }
  if (bodyAs === "lines") {
    const lines = (item: unknown): string =>
      [item]
        .flat()
        .map((line) => `${stringifyJson(line)}\n`)
        .join("");
    return (records) => typed(records.map(({ item }) => lines(item)).join(""), "application/x-ndjson");
  }
  if (bodyAs === "array") return (records) => json(records.map(({ item }) => item));
  const { field, with: around = {} } = bodyAs;
  const fail = (why: string): TidemarkError => new TidemarkError("RECORD_INVALID", why);
  const path = parsePath(field);
  return (records) =>
    json(
      withValuePlaced(
        around,
        path,
        records.map(({ item }) => item),
        { appends: false, fail },
      ),
    );
}

/**
 * The same header for the same records in the same order, whatever the order of their fields. The
 * stream and what shapes the request count too, so that no server takes the records of one stream
 * for a repetition of another's; credentials do not, so that they may change between two attempts.
 */
function compileIdempotencyKey(
  config: HttpRequestConfig,
  { connector, stream }: StreamKey,
): (records: readonly Prepared[]) => Readonly<Record<string, string>> {
  const { idempotencyHeader, method, endpoint, body, batch } = config;
  if (idempotencyHeader === null) return () => ({});
  const name = idempotencyHeader.toLowerCase();
  const [address = ""] = endpoint.split("?");
  const shape = stringifyJson([connector, stream, method, address, body ?? null, batch?.bodyAs ?? null]);
  return (records) => {
    const text = [shape, ...records.map(({ content }) => content)].join("\n");
    return { [name]: hash("sha256", text, "base64url") };
  };
}
