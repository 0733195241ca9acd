import { exactNumber } from "./exact-number.ts";
import { holdsCutNumber } from "./json-scan.ts";

declare global {
  interface JSON {
    /** As in ECMAScript 2025: the reviver receives the source text of a primitive. */
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
  }
}

/** What `parseJson` and `stringifyJson` throw: the text is not JSON, or nested too deeply to be handled. */
export class JsonError extends SyntaxError {
  override readonly name = "JsonError";
}

/**
 * Reads JSON and keeps every digit: numbers that a double cannot hold come as `ExactNumber`, all else as `JSON.parse`
 * gives it. A field named `__proto__` is an ordinary field of its object. Throws `JsonError`, a `SyntaxError`; the
 * caller adds the source.
 */
export function parseJson(text: string): unknown {
  const json = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  try {
    return holdsCutNumber(json) ? JSON.parse(json, keepDigits) : JSON.parse(json);
  } catch (error) {
    throw jsonError(error);
  }
}

function keepDigits(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== "number" || context.source === undefined) return value;
  const source = context.source;
  return source.length <= 15 && !/[eE]/.test(source) ? value : exactNumber(source);
}

/**
 * Writes JSON, `ExactNumber` and bigint with every digit. A value without a JSON form becomes `null`. Throws
 * `JsonError` for one that is nested too deeply or holds itself.
 */
export function stringifyJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "null";
  } catch (error) {
    if (!(error instanceof TypeError)) throw jsonError(error);
  }
  try {
    return JSON.stringify(value, writeBigint) ?? "null";
  } catch (error) {
    throw jsonError(error);
  }
}

function writeBigint(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? JSON.rawJSON(value.toString()) : value;
}

function jsonError(error: unknown): unknown {
  if (error instanceof RangeError) return new JsonError("the JSON is nested too deeply", { cause: error });
  if (error instanceof SyntaxError || error instanceof TypeError)
    return new JsonError(error.message, { cause: error });
  return error;
}
