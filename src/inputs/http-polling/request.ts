import type { CursorField, Incremental, ReadRequest } from "../../engine/ports.ts";
import { isSecretName, withParameters } from "../../http/address.ts";
import type { HttpRequest } from "../../http/message.ts";
import { exactNumber } from "../../model/exact-number.ts";
import { stringifyJson } from "../../model/json.ts";
import type { ResumePoint } from "../../model/position.ts";
import { type CursorFormat, formatLowerBound, parseCursorFormat } from "../../model/timestamp.ts";
import {
  formatUpperBound,
  type LowerBoundOptions,
  lowerBoundAsSent,
  lowerBoundToSend,
  upperBoundToSend,
} from "../bounds.ts";
import { withParameter } from "./body-parameters.ts";
import type { Pagination } from "./pagination-schema.ts";
import type { HttpPollingConfig } from "./schema.ts";

/** A value to send: as text in a query, as JSON in a body. */
interface Parameter {
  readonly text: string;
  readonly json: unknown;
}

const textParameter = (text: string): Parameter => ({ text, json: text });
const numberParameter = (text: string): Parameter => ({ text, json: exactNumber(text) });

/** The requests of one read: what all of them share is made once. */
export interface PageRequests {
  /** The request for the page at a place; null is the first where a first page needs no place. */
  at(place: ResumePoint | null): HttpRequest;
}

export interface PageRequestParts {
  readonly config: HttpPollingConfig;
  /** Sent with each of them, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly incremental: Incremental;
  readonly pagination: Pagination | null;
  readonly read: ReadRequest;
}

export function createPageRequests(parts: PageRequestParts): PageRequests {
  const { config, headers, incremental, pagination, read } = parts;
  const endpoint = withParameters(new URL(config.endpoint), declaredParameters(config));
  const shared = boundParameters(config, incremental, read);
  if (pagination?.limitParam !== undefined && pagination.limit !== undefined) {
    shared.set(pagination.limitParam, numberParameter(String(pagination.limit)));
  }
  const { method } = config;
  const { signal } = read;
  const request = (url: URL, parameters: ReadonlyMap<string, Parameter>): HttpRequest => {
    const { body, contentType } = bodyOf(config, parameters);
    return {
      method,
      url,
      headers: { ...contentType, ...headers },
      signal,
      ...(body === undefined ? {} : { body }),
    };
  };
  return {
    at(place) {
      const parameters = new Map(shared);
      if (place?.kind === "link") {
        // The link holds all that the source wants to be asked, but for what was kept out of it.
        return request(withParameters(new URL(place.token), secretParameters(config)), new Map());
      }
      const name = pagination === null ? undefined : placeName(pagination);
      if (place !== null && pagination !== null && name !== undefined) {
        parameters.set(name, placeParameter(place, pagination));
      }
      if (config.paramsIn === "body") return request(endpoint, parameters);
      const texts = new Map([...parameters].map(([name, { text }]) => [name, text]));
      return request(withParameters(endpoint, texts), new Map());
    },
  };
}

function placeName(pagination: Pagination): string | undefined {
  if (pagination.type === "seek") return pagination.offsetParam;
  return "param" in pagination ? pagination.param : undefined;
}

/** An offset is kept as the number of records before it, however the source counts. */
function placeParameter({ kind, token }: ResumePoint, pagination: Pagination): Parameter {
  if (kind === "offset" && pagination.type === "offset") {
    return numberParameter(String(BigInt(token) + BigInt(pagination.startOffset)));
  }
  return kind === "page" || kind === "offset" ? numberParameter(token) : textParameter(token);
}

function declaredParameters({ queryParams }: HttpPollingConfig): Map<string, string[]> {
  return new Map(Object.entries(queryParams).map(([name, values]) => [name, [values].flat().map(String)]));
}

/** The query parameters of the pipeline, or of the endpoint itself, whose names say that they are secret. */
export function secretParameters(config: HttpPollingConfig): Map<string, string[]> {
  const { searchParams } = new URL(config.endpoint);
  const ofEndpoint = [...searchParams.keys()].map((name): [string, string[]] => [
    name,
    searchParams.getAll(name),
  ]);
  return new Map([...ofEndpoint, ...declaredParameters(config)].filter(([name]) => isSecretName(name)));
}

/** The window's bounds, under the names that the source gives them. */
function boundParameters(
  config: HttpPollingConfig,
  incremental: Incremental,
  { window, companions }: ReadRequest,
): Map<string, Parameter> {
  const { timestamp, id, offset, until } = config.statePersistence;
  const parameters = new Map<string, Parameter>();
  const names: Partial<Record<CursorField["role"], string>> = {
    timestamp: timestamp?.queryParam,
    id: id?.queryParam,
    offset: offset?.queryParam,
  };
  const [leading] = incremental.cursors;
  const sent = companionsSent(incremental, companions);
  const format = queryFormatOf(config);

  const send = (field: CursorField, value: string, companion: boolean): void => {
    const name = names[field.role];
    if (name === undefined) return;
    const lowered = lowerBoundToSend(field, value, boundOptions(field, format, companion));
    parameters.set(
      name,
      boundParameter(field, lowered, (text) => formatLowerBound(text, format), format),
    );
  };
  if (leading !== undefined && window.lower !== null) send(leading, window.lower.value, sent.length > 0);
  for (const field of sent) send(field, companions.id ?? "", false);
  if (leading !== undefined && window.upper !== null && until !== undefined) {
    const untilFormat =
      until.format === undefined ? format : parseCursorFormat(until.format, timestamp?.timezone ?? "UTC");
    const write = (text: string): string => formatUpperBound(text, untilFormat);
    const raised = upperBoundToSend(leading, window.upper.value, until.bound);
    parameters.set(until.queryParam, boundParameter(leading, raised, write, untilFormat));
  }
  return parameters;
}

function companionsSent({ cursors }: Incremental, companions: ReadRequest["companions"]): CursorField[] {
  return cursors.slice(1).filter((field) => field.role === "id" && companions.id !== undefined);
}

function boundOptions({ role }: CursorField, format: CursorFormat, companion: boolean): LowerBoundOptions {
  return role === "timestamp" ? { companion, format } : { companion };
}

/** What the leading cursor's bound comes to once it is sent: what lies below it should not come. */
export function leadingBoundAsSent(
  config: HttpPollingConfig,
  incremental: Incremental,
  companions: ReadRequest["companions"],
): (field: CursorField, value: string) => string {
  const companion = companionsSent(incremental, companions).length > 0;
  const format = queryFormatOf(config);
  return (field, value) => lowerBoundAsSent(field, value, boundOptions(field, format, companion));
}

function boundParameter(
  field: CursorField,
  value: string,
  write: (canonical: string) => string,
  format: CursorFormat,
): Parameter {
  if (field.type === "timestamp_utc") {
    const isEpoch = format.kind.startsWith("epoch");
    return isEpoch ? numberParameter(write(value)) : textParameter(write(value));
  }
  return field.type === "numeric_id" || field.type === "offset"
    ? numberParameter(value)
    : textParameter(value);
}

function queryFormatOf({ statePersistence: { timestamp } }: HttpPollingConfig): CursorFormat {
  return parseCursorFormat(
    timestamp?.queryFormat ?? timestamp?.format ?? "iso8601",
    timestamp?.timezone ?? "UTC",
  );
}

interface Body {
  readonly body?: string;
  readonly contentType: Readonly<Record<string, string>>;
}

function bodyOf(
  { body, paramsIn, headers }: HttpPollingConfig,
  parameters: ReadonlyMap<string, Parameter>,
): Body {
  if (typeof body === "string") return { body, contentType: {} };
  if (body === undefined && paramsIn === "query") return { contentType: {} };
  let filled: Readonly<Record<string, unknown>> = body ?? {};
  for (const [name, { json }] of parameters) filled = withParameter(filled, name, json);
  const declaresType = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
  return {
    body: stringifyJson(filled),
    contentType: declaresType ? {} : { "content-type": "application/json" },
  };
}
