import { hash } from "node:crypto";
import { TidemarkError } from "../errors.ts";
import { comparableNumber, ExactNumber } from "./exact-number.ts";
import { nearest } from "./nearest.ts";
import { formatPath, type Path, type SourceRecord, valueAt } from "./record.ts";
import { fieldNamesAlong } from "./unknown-field.ts";
import { showValue } from "./unreadable-value.ts";

/** What identifies a record: the values at `key`, its whole content, or both. */
export interface IdentityPlan {
  /** The paths of the key; null where records have none and their content identifies them. */
  readonly key: readonly Path[] | null;
  /** Whether the content counts in addition to the key, so that a changed record has another identity. */
  readonly content: boolean;
}

/** Keys up to this length stay readable; longer ones are hashed. */
const longestReadable = 120;

/**
 * A text that is equal for two records exactly if they are the same record by the plan. Short keys stay readable
 * (`"us1000abc"`, `42,"eu"`). A number is the same however it is held or written; a number and a string never are.
 * Throws `RECORD_INVALID` naming the path of a key whose value is missing, null, a list or an object.
 */
export function identityOf(record: SourceRecord, plan: IdentityPlan): string {
  if (plan.key === null) return contentHash(record);
  const key = keyText(record, plan.key);
  return plan.content ? `${key}@${contentHash(record)}` : key;
}

/** The identity by the key alone, of one that has the content behind the key; any other is returned as it is. */
export function withoutContent(identity: string): string {
  return identity.at(-contentLength) === "@" ? identity.slice(0, -contentLength) : identity;
}

/** Throws as `identityOf` does for a record without its key. */
export function requireKey(record: SourceRecord, key: readonly Path[]): void {
  for (const path of key) {
    const value = valueAt(record, path);
    if (typeof value !== "string" && typeof value !== "number") scalarText(value, path, record);
    else if (typeof value === "number" && !Number.isFinite(value)) scalarText(value, path, record);
  }
}

function keyText(record: SourceRecord, key: readonly Path[]): string {
  let text = "";
  for (const path of key) {
    const part = scalarText(valueAt(record, path), path, record);
    text = text === "" ? part : `${text},${part}`;
  }
  return text.length <= longestReadable ? text : `#${digest(text)}`;
}

function scalarText(value: unknown, path: Path, record: SourceRecord): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number" && Number.isFinite(value)) return comparableNumber(value);
  if (typeof value === "boolean") return String(value);
  if (typeof value === "bigint" || value instanceof ExactNumber) return comparableNumber(value);
  throw new TidemarkError(
    "RECORD_INVALID",
    value === undefined
      ? `A record has no value at its key ${formatPath(path)}${namesInstead(record, path)}`
      : `A record's key ${formatPath(path)} is ${showValue(value)}; a text, a number or a boolean is needed`,
    { details: { path: formatPath(path), field: formatPath(path) } },
  );
}

/** The fields of a record that lacks its key, for messages. */
function namesInstead(record: SourceRecord, path: Path): string {
  const names = fieldNamesAlong([record], path);
  const meant = nearest(formatPath(path), names);
  const shown = names.length > 30 ? [...names.slice(0, 30), "…"] : names;
  return meant === undefined ? `; it has ${shown.join(", ") || "no fields"}` : `; did you mean ${meant}?`;
}

/**
 * At least 128 bits of SHA-256, as 22 characters of base64url, over the record as canonical JSON: the order of its fields and
 * the way a number is written make no difference. Throws `RECORD_INVALID` for a record nested so
 * deeply that it cannot be walked.
 */
export function contentHash(record: SourceRecord): string {
  try {
    return digest(canonicalJson(record));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new TidemarkError("RECORD_INVALID", "A record is nested too deeply, or holds itself", { cause });
  }
}

function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
    case "bigint":
      return comparableNumber(value);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      return value === null ? "null" : canonicalObject(value);
    default:
      return "null";
  }
}

function canonicalObject(value: object): string {
  if (Array.isArray(value)) return canonicalList(value);
  if (value instanceof ExactNumber) return comparableNumber(value);
  if (value instanceof Uint8Array) return `bytes:${Buffer.from(value).toString("base64url")}`;
  if ("toJSON" in value && typeof value.toJSON === "function") return canonicalJson(value.toJSON());
  const fields: Readonly<Record<string, unknown>> = { ...value };
  let text = "";
  for (const name of Object.keys(fields).sort()) {
    const field = fields[name];
    if (field !== undefined)
      text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${canonicalJson(field)}`;
  }
  return `{${text}}`;
}

function canonicalList(values: readonly unknown[]): string {
  let text = "";
  for (const value of values) text += `${text === "" ? "" : ","}${canonicalJson(value)}`;
  return `[${text}]`;
}

/** 22 characters of base64url hold the first 128 bits and a little more. */
const digestLength = 22;
/** `@` and a content hash. */
const contentLength = digestLength + 1;

function digest(text: string): string {
  return hash("sha256", text, "base64url").slice(0, digestLength);
}
