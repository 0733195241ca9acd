import { TidemarkError } from "../errors.ts";
import { ExactNumber } from "../model/exact-number.ts";
import { stringifyJson } from "../model/json.ts";
import { isPlainObject } from "../model/plain-object.ts";

/** The format of a body, which decides how a value is escaped in it. */
export type BodyKind = "form" | "json" | "xml" | "multipart" | "text";

/** The kind that a content type names. */
export function bodyKindOf(contentType: string): BodyKind {
  const [type = ""] = contentType.toLowerCase().split(";");
  const name = type.trim();
  if (name === "application/x-www-form-urlencoded") return "form";
  if (name.startsWith("multipart/")) return "multipart";
  if (/[/+]json$/.test(name)) return "json";
  return /[/+]xml$/.test(name) ? "xml" : "text";
}

/** How lists are written in a form: `tags[0]=a`, `tags[]=a`, or `tags=a` once for each element. */
export const formLists = ["indices", "brackets", "repeat"] as const;
export type FormLists = (typeof formLists)[number];

/**
 * An object as a form, `application/x-www-form-urlencoded`: `{ a: { b: 1 }, tags: ["x"] }` is
 * `a%5Bb%5D=1&tags%5B0%5D=x`. Null is an empty text; empty objects and lists are left out. Throws `RECORD_INVALID`
 * for a list of lists or objects under `repeat`, and for a text with half a character.
 */
export function encodeForm(fields: Readonly<Record<string, unknown>>, lists: FormLists): string {
  const pairs: [string, string][] = [];
  const add = (name: string, value: unknown): void => {
    if (Array.isArray(value)) addList(name, value);
    else if (isPlainObject(value))
      for (const [field, inner] of Object.entries(value)) add(`${name}[${field}]`, inner);
    else if (value !== undefined) pairs.push([whole(name), whole(scalarText(value))]);
  };
  const addList = (name: string, list: readonly unknown[]): void => {
    for (const [index, element] of list.entries()) {
      if (lists === "repeat" && (Array.isArray(element) || isPlainObject(element)))
        throw unfit(
          `\`${name}\` is a list of lists or objects, which \`form.lists: repeat\` has no names for`,
        );
      add(lists === "repeat" ? name : `${name}[${lists === "indices" ? index : ""}]`, element);
    }
  };
  for (const [name, value] of Object.entries(fields)) add(name, value);
  return new URLSearchParams(pairs).toString();
}

function scalarText(value: unknown): string {
  if (value === null) return "";
  return typeof value === "object" && !(value instanceof ExactNumber) ? stringifyJson(value) : String(value);
}

/** Writes a value into a text. */
type Write = (value: string) => string;

/**
 * How a value is written into a text of this kind, at a place behind these constant parts, so that none can end
 * its field and begin another: percent-encoded in a form, escaped in JSON and XML.
 */
export function writerFor(kind: BodyKind, before: string): Write {
  switch (kind) {
    case "form":
      return (value) => new URLSearchParams([["", whole(value)]]).toString().slice(1);
    case "json":
      return isInsideText(before) ? (value) => stringifyJson(value).slice(1, -1) : jsonLiteral;
    case "xml":
      return isInsideCdata(before) ? cdataText : xmlText;
    default:
      return (value) => value;
  }
}

function whole(text: string): string {
  if (!text.isWellFormed()) throw unfit("a text with half a character cannot be sent as a body");
  return text;
}

function unfit(message: string): TidemarkError {
  return new TidemarkError("RECORD_INVALID", message);
}

/** Whether a place in JSON is between quotes. */
function isInsideText(before: string): boolean {
  let inside = false;
  for (let at = 0; at < before.length; at++) {
    const sign = before[at];
    if (sign === "\\" && inside) at++;
    else if (sign === '"') inside = !inside;
  }
  return inside;
}

const literal = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)$/;

/** Numbers and truth values may come as texts; all else is written as a JSON text. */
function jsonLiteral(value: string): string {
  return literal.test(value) ? value : stringifyJson(value);
}

function isInsideCdata(before: string): boolean {
  return before.lastIndexOf("<![CDATA[") > before.lastIndexOf("]]>");
}

function cdataText(value: string): string {
  return value.replaceAll("]]>", "]]]]><![CDATA[>");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

function xmlText(value: string): string {
  return value.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);
}
