import { hash } from "node:crypto";
import type { HttpRequest } from "../../http/message.ts";
import { compileAddress } from "../../http/template-address.ts";
import { compileHeaders } from "../../http/template-headers.ts";
import { contentHash } from "../../model/identity.ts";
import { stringifyJson } from "../../model/json.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import { withoutBytes } from "../json-line.ts";
import { type BodyItem, compileBody, compileItem } from "./body.ts";
import type { HttpRequestConfig } from "./schema.ts";

/** A record with the parts that its request needs. */
export interface Prepared {
  readonly record: SourceRecord;
  /** The record's item in the body. */
  readonly body: BodyItem;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** The record's content, for the idempotency key. */
  readonly content: string;
}

/** Makes requests from records. */
export interface Requests {
  /** Throws `RECORD_INVALID` where a template cannot be filled from the record. */
  prepare(record: SourceRecord): Prepared;
  /** The request for these records; a single one where no batch is declared. */
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
        body: itemOf(plain),
        url: addressOf(plain),
        headers: headersOf(plain),
        content: config.idempotencyHeader === null ? "" : contentHash(plain),
      };
    },
    carrying(records, signal) {
      const [{ url, headers }] = records;
      const { body, contentType } = bodyOf(records.map(({ body }) => body));
      const own = { ...contentType, ...headers, ...idempotencyKey(records) };
      return { method, url, headers: own, signal, ...(body === undefined ? {} : { body }) };
    },
  };
}

/**
 * The same header for the same records in the same order, whatever the order of their fields. The stream and what
 * shapes the request count too, so that a server does not treat the records of one stream as a repetition of another's.
 * Credentials do not count, since they may change between two attempts.
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
