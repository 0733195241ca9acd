import { TidemarkError } from "../errors.ts";
import { ExactNumber, exactNumber } from "../model/exact-number.ts";
import { parseJson, stringifyJson } from "../model/json.ts";
import { showValue } from "../model/unreadable-value.ts";

/** How `mapping` can change a value on the way, each with what it does for the file's documentation. */
export const transforms = {
  string: "text; lists and objects as JSON",
  number: "a number with all its digits",
  boolean: "true for true, 1, yes; false for false, 0, no",
  trim: "text without spaces at its ends",
  lower: "text in lower case",
  upper: "text in upper case",
  json: "the value that a JSON text holds",
} as const;

export type Transform = keyof typeof transforms;

const truths = new Map<string, boolean>([
  ["true", true],
  ["1", true],
  ["yes", true],
  ["false", false],
  ["0", false],
  ["no", false],
]);

/** The value transformed. Null and missing values stay what they are. Throws `FILTER_FAILED`. */
export function transformed(value: unknown, transform: Transform): unknown {
  if (value === undefined || value === null) return value;
  switch (transform) {
    case "string":
      return typeof value === "string" ? value : isSimple(value) ? String(value) : stringifyJson(value);
    case "number":
      return toNumber(value);
    case "boolean":
      return toBoolean(value);
    case "trim":
      return textOf(value, transform).trim();
    case "lower":
      return textOf(value, transform).toLowerCase();
    case "upper":
      return textOf(value, transform).toUpperCase();
    case "json":
      return fromJson(value);
  }
}

function isSimple(value: unknown): boolean {
  return typeof value !== "object" || value instanceof ExactNumber;
}

function toNumber(value: unknown): unknown {
  if (typeof value === "number" || value instanceof ExactNumber) return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value !== "string") throw impossible(value, "a number");
  try {
    return exactNumber(value.trim());
  } catch {
    throw impossible(value, "a number");
  }
}

function toBoolean(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  const truth = isSimple(value) ? truths.get(String(value).trim().toLowerCase()) : undefined;
  if (truth === undefined) throw impossible(value, "true or false");
  return truth;
}

function textOf(value: unknown, transform: Transform): string {
  if (typeof value === "string") return value;
  throw impossible(value, `text, which \`${transform}\` needs`);
}

function fromJson(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return parseJson(value);
  } catch {
    throw impossible(value, "JSON");
  }
}

function impossible(value: unknown, wanted: string): TidemarkError {
  return new TidemarkError("FILTER_FAILED", `${showValue(value)} is not ${wanted}`);
}
