import { TidemarkError } from "../../errors.ts";
import { type BodyKind, bodyKindOf, encodeForm, writerFor } from "../../http/body-text.ts";
import { stringifyJson } from "../../model/json.ts";
import { withValuePlaced } from "../../model/placed-value.ts";
import { kindOf } from "../../model/plain-object.ts";
import { isRecord, parsePath, type SourceRecord } from "../../model/record.ts";
import { compilePlacedText, compileTemplate, isOnePlaceholder } from "../../templates/template.ts";
import type { HttpRequestConfig } from "./keys.ts";

/** A record's part of a body. */
export interface BodyItem {
  /** The record's item in the body; undefined for no body. */
  readonly item: unknown;
  /** The body, where it is a text of one record. */
  readonly text: string | null;
}

export interface Body {
  readonly body?: string;
  readonly contentType: Readonly<Record<string, string>>;
}

/** The kind of body by the declared headers; text where they name none. */
export function declaredKind({ headers }: Pick<HttpRequestConfig, "headers">): BodyKind {
  return bodyKindOf(String(contentTypeOf(headers) ?? ""));
}

function contentTypeOf(headers: HttpRequestConfig["headers"]): string | number | boolean | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type")?.[1];
}

/** Fills the body from a record; throws `RECORD_INVALID` where a value is missing. */
export function compileItem(config: HttpRequestConfig): (record: SourceRecord) => BodyItem {
  const { body, method, batch } = config;
  if (body === undefined && method === "DELETE" && batch === undefined)
    return () => ({ item: undefined, text: null });
  const fill = compileFill(config);
  const textOf = batch === undefined ? compileText(config) : () => null;
  return (record) => {
    const item = fill(record);
    if (item === undefined) throw unfit(`the record has nothing at \`${String(body)}\`, which is its body`);
    return { item, text: textOf(item) };
  };
}

function compileFill(config: HttpRequestConfig): (record: SourceRecord) => unknown {
  const { body, batch } = config;
  if (body === undefined) return (record) => record;
  if (batch !== undefined || typeof body !== "string" || isOnePlaceholder(body)) return compileTemplate(body);
  const kind = declaredKind(config);
  return compilePlacedText(body, (before) => writerFor(kind, before));
}

/** The item as the whole body, where that is not JSON. */
function compileText(config: HttpRequestConfig): (item: unknown) => string | null {
  const isForm = declaredKind(config) === "form";
  const lists = config.form?.lists ?? "indices";
  const isWritten = typeof config.body === "string" && !isOnePlaceholder(config.body);
  return (item) => {
    if (isForm && !isWritten) {
      if (isRecord(item)) return encodeForm(item, lists);
      throw unfit(`a form is made of an object, and \`${String(config.body)}\` is ${kindOf(item)}`);
    }
    if (typeof item !== "string") return null;
    if (!item.isWellFormed()) throw unfit("a text with half a character cannot be sent as a body");
    return item;
  };
}

function unfit(message: string): TidemarkError {
  return new TidemarkError("RECORD_INVALID", message);
}

/** Makes the body that carries records: one of them where no batch is declared. */
export function compileBody(config: HttpRequestConfig): (items: readonly BodyItem[]) => Body {
  const { batch, headers } = config;
  const isDeclared = contentTypeOf(headers) !== undefined;
  const typed = (body: string, type: string): Body => ({
    body,
    contentType: isDeclared ? {} : { "content-type": type },
  });
  const json = (value: unknown): Body => typed(stringifyJson(value), "application/json");
  if (batch === undefined) {
    return ([{ item, text } = { item: undefined, text: null }]) => {
      if (text !== null) return typed(text, "text/plain; charset=utf-8");
      return item === undefined ? { contentType: {} } : json(item);
    };
  }
  const { bodyAs } = batch;
  if (bodyAs === "array") return (items) => json(items.map(({ item }) => item));
  if (bodyAs === "ndjson" || bodyAs === "lines") {
    const linesOf = (item: unknown): unknown[] => (bodyAs === "lines" ? [item].flat() : [item]);
    return (items) => {
      const lines = items.flatMap(({ item }) => linesOf(item)).map((line) => `${stringifyJson(line)}\n`);
      return typed(lines.join(""), "application/x-ndjson");
    };
  }
  const { field, with: around = {} } = bodyAs;
  const placing = { appends: false, fail: unfit };
  const path = parsePath(field);
  return (items) =>
    json(
      withValuePlaced(
        around,
        path,
        items.map(({ item }) => item),
        placing,
      ),
    );
}
