import { TidemarkError } from "../errors.ts";
import type { SourceRecord } from "../model/record.ts";
import {
  compileStrictText,
  compileText,
  filledWith,
  hasPlaceholder,
  type TextTemplate,
} from "../templates/template.ts";
import { withParameters } from "./address.ts";
import type { QueryParams } from "./schema.ts";

/** Makes the address that a record's request goes to. */
export type AddressOf = (record: SourceRecord) => URL;

export interface AddressTemplate {
  readonly endpoint: string;
  readonly queryParams: QueryParams;
  /** Whether a `/` in a value is one in the endpoint's path; it is encoded unless it is. */
  readonly keepSlashes?: boolean;
}

/**
 * Fills the endpoint and its parameters from a record. No value can change the host or the place of
 * another part: each is percent-encoded, and one that is missing, or that would leave out or climb a
 * step of the path, throws `RECORD_INVALID`.
 */
export function compileAddress({ endpoint, queryParams, keepSlashes = false }: AddressTemplate): AddressOf {
  const base = compileEndpoint(endpoint, keepSlashes);
  const parameters = compileParameters(queryParams);
  if (hasPlaceholder(endpoint) || hasPlaceholder(queryParams)) {
    return (record) => withParameters(base(record), parameters(record));
  }
  const constant = withParameters(base({}), parameters({}));
  return () => constant;
}

function compileEndpoint(endpoint: string, keepSlashes: boolean): AddressOf {
  if (!hasPlaceholder(endpoint)) return () => new URL(filledWith(endpoint, ""));
  const queryAt = endpoint.indexOf("?");
  const end = queryAt < 0 ? endpoint.length : queryAt;
  const path = compileStrictText(endpoint.slice(0, end), keepSlashes ? encodedSteps : encodedStep);
  const query = compileStrictText(endpoint.slice(end), encoded);
  return (record) => {
    const filled = path(record);
    if (filled.split("/").some((step) => climbs.test(step))) {
      throw unusable("`.` or `..` cannot be a step of the endpoint's path");
    }
    return new URL(filled + query(record));
  };
}

/** What every reader of addresses takes for this folder or the one above, encoded or not. */
const climbs = /^(?:\.|%2e){1,2}$/i;

function encodedStep(text: string): string {
  if (text === "") throw unusable("an empty text cannot be a step of the endpoint's path");
  return encoded(text);
}

function encodedSteps(text: string): string {
  return text.split("/").map(encodedStep).join("/");
}

function encoded(text: string): string {
  if (!text.isWellFormed()) throw unusable("a text with half a character cannot be put into the endpoint");
  return encodeURIComponent(text);
}

function unusable(message: string): TidemarkError {
  return new TidemarkError("RECORD_INVALID", message);
}

/** Query parameters whose texts are filled from a record; one that is a single placeholder may be left out. */
export function compileParameters(queryParams: QueryParams): (record: SourceRecord) => Map<string, string[]> {
  const compiled = Object.entries(queryParams).map(([name, values]): [string, TextTemplate[]] => [
    name,
    [values].flat().map((value) => compileText(String(value))),
  ]);
  return (record) => {
    const parameters = new Map<string, string[]>();
    for (const [name, fills] of compiled) {
      const values = fills.map((fill) => fill(record)).filter((value) => value !== undefined);
      if (!values.every((value) => value.isWellFormed()))
        throw unusable(`a text with half a character cannot be put into the parameter \`${name}\``);
      parameters.set(name, values);
    }
    return parameters;
  };
}
