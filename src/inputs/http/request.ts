import type { Incremental, ReadRequest } from "../../engine/ports.ts";
import { isSecretName, withParameters } from "../../http/address.ts";
import type { HttpRequest } from "../../http/message.ts";
import { stringifyJson } from "../../model/json.ts";
import type { ResumePoint } from "../../model/position.ts";
import type { SourceForms } from "../forms/source-forms.ts";
import { withParameter } from "./body-parameters.ts";
import {
  boundParameters,
  keptBounds,
  numberParameter,
  type Parameter,
  resumedBounds,
  textParameter,
} from "./bound-parameters.ts";
import type { Pagination } from "./pagination-schema.ts";
import type { HttpPollingConfig } from "./schema.ts";

/** The requests of one read. Their common parts are made once. */
export interface PageRequests {
  /** The request for the page at a place; null for a first page that needs no place. */
  at(place: ResumePoint | null): HttpRequest;
  /** The bounds of all of them, stored with a resume point: see `ResumePoint`. */
  readonly bounds: Readonly<Record<string, string>>;
}

export interface PageRequestParts {
  readonly config: HttpPollingConfig;
  /** Sent with each of them, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly incremental: Incremental;
  /** The forms in which records give their cursors. */
  readonly forms: SourceForms;
  readonly pagination: Pagination | null;
  readonly read: ReadRequest;
  /** Whether the lower bound was moved to a record of this read. */
  readonly hasMoved?: boolean;
}

export function createPageRequests(parts: PageRequestParts): PageRequests {
  const { config, headers, incremental, forms, pagination, read, hasMoved } = parts;
  const endpoint = withParameters(new URL(config.endpoint), declaredParameters(config));
  const bounds =
    resumedBounds(read.resume) ?? boundParameters({ config, incremental, forms }, read, hasMoved);
  const shared = new Map(bounds);
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
    bounds: keptBounds(bounds),
    at(place) {
      const parameters = new Map(shared);
      if (place?.kind === "link") {
        // The link contains the whole request, except for the credentials that were removed from it.
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

/** An offset is stored as the number of records before it, however the source counts. */
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
