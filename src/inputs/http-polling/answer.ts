import { type ErrorCode, messageOf, TidemarkError } from "../../errors.ts";
import { showAddress } from "../../http/address.ts";
import { snippet } from "../../http/failures.ts";
import type { HttpResponse } from "../../http/message.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import { parseJson } from "../../model/json.ts";
import { formatPath, isRecord, type Path, type SourceRecord, valueAt } from "../../model/record.ts";

/** An answer, parsed. */
export interface Answer {
  /** The body; undefined where the source answered that there is none (204). */
  readonly body: unknown;
  readonly records: readonly SourceRecord[];
}

/** Makes the errors of one page: they name the stream, the page and its address. */
export type PageFailure = (
  code: ErrorCode,
  message: string,
  hint?: string,
  /** As the code has it, unless given. */
  recoverable?: boolean,
) => TidemarkError;

export function pageFailure(stream: string, page: number, url: URL): PageFailure {
  return (code, message, hint, recoverable) =>
    new TidemarkError(code, `page ${page} (${showAddress(url)}): ${message}`, {
      stream,
      ...(hint === undefined ? {} : { hint }),
      ...(recoverable === undefined ? {} : { recoverable }),
    });
}

/** Where a walk through pages stops at its cap (promise P15). */
export function pageCap(maxPages: number, fail: PageFailure): TidemarkError {
  return fail("PAGE_CAP_REACHED", `the run read ${maxPages} pages (\`maxPages\`) and more follow`);
}

/**
 * The body of an answer and the records at `dataField`, or in the body itself where that is null.
 * Throws `SOURCE_INVALID` where the body is no JSON or has no list there, `SOURCE_TRUNCATED` where it
 * is empty or breaks off, `RECORD_INVALID` for an element that is no object. `inspect` sees the body
 * before anything is expected of it, and may throw.
 */
export function readAnswer(
  response: HttpResponse,
  dataField: Path | null,
  fail: PageFailure,
  inspect?: (body: unknown) => void,
): Answer {
  if (response.status === 204) return { body: undefined, records: [] };
  const body = parseBody(response, fail);
  inspect?.(body);
  const list = dataField === null ? body : valueAt(body, dataField);
  if (!Array.isArray(list)) throw noList(body, list, dataField, fail);
  list.forEach((element: unknown, index) => {
    if (isRecord(element) && !(element instanceof ExactNumber)) return;
    throw fail("RECORD_INVALID", `element ${index + 1} of the list is ${kindOf(element)}, not an object`);
  });
  return { body, records: list };
}

function parseBody({ text, headers }: HttpResponse, fail: PageFailure): unknown {
  if (text.trim() === "") throw fail("SOURCE_TRUNCATED", "the answer has an empty body");
  try {
    return parseJson(text);
  } catch (error) {
    const reason = messageOf(error);
    const position = / at position (\d+)/.exec(reason)?.[1];
    if (/unexpected end/i.test(reason) || position === String(text.length)) {
      throw fail("SOURCE_TRUNCATED", "the JSON of the answer breaks off before its end");
    }
    const place = position === undefined ? "" : `, at character ${Number(position) + 1}`;
    const type = headers.get("content-type") ?? "none";
    throw fail("SOURCE_INVALID", `the answer is not JSON${place} (content type: ${type})${snippet(text)}`);
  }
}

function noList(body: unknown, found: unknown, dataField: Path | null, fail: PageFailure): TidemarkError {
  if (dataField === null) {
    const lists = isRecord(body) ? Object.keys(body).filter((name) => Array.isArray(body[name])) : [];
    const hint =
      lists.length === 0 ? undefined : `Declare where the records are: \`dataField: ${lists[0]}\`.`;
    return fail(
      "SOURCE_INVALID",
      `the answer is ${kindOf(body)}, not a list of records${keysOf(body)}`,
      hint,
    );
  }
  const path = formatPath(dataField);
  if (found !== undefined) {
    return fail("SOURCE_INVALID", `\`${path}\` is ${kindOf(found)}, not a list of records`);
  }
  return fail(
    "SOURCE_INVALID",
    `the answer has no \`${path}\`${keysOf(deepestOf(body, dataField))}`,
    "Set `dataField` to the path of the list of records.",
  );
}

/** The last value on the way along a path that is there. */
function deepestOf(body: unknown, path: Path): unknown {
  let deepest = body;
  for (let length = 1; length < path.length; length++) {
    const value = valueAt(body, path.slice(0, length));
    if (value === undefined || value === null) return deepest;
    deepest = value;
  }
  return deepest;
}

const mostKeys = 12;

function keysOf(value: unknown): string {
  if (!isRecord(value)) return `; there is ${kindOf(value)}`;
  const keys = Object.keys(value);
  if (keys.length === 0) return "; it is an empty object";
  return `; its keys are ${keys.slice(0, mostKeys).join(", ")}${keys.length > mostKeys ? ", …" : ""}`;
}

export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "number" || value instanceof ExactNumber) return "a number";
  if (typeof value === "string") return "a text";
  return typeof value === "boolean" ? "a boolean" : "an object";
}
