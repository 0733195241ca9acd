import { messageOf } from "../../errors.ts";
import { snippet } from "../../http/failures.ts";
import type { HttpResponse } from "../../http/message.ts";
import { AttemptFailed } from "../../http/retry.ts";
import { parseJson } from "../../model/json.ts";
import type { PageFailure } from "./page-failure.ts";

/**
 * Parses the body of an answer as JSON; undefined for an empty one. Throws `AttemptFailed` where it is cut off, and
 * `SOURCE_INVALID` where it is not JSON, with what it looks like.
 */
export function parseBody(response: HttpResponse, fail: PageFailure): unknown {
  const { text, isDelimited, status } = response;
  if (text.trim() === "") {
    if (!isDelimited) {
      throw new AttemptFailed("truncated", "the answer has an empty body, and does not say how long it is");
    }
    if (status !== 202) return undefined;
    throw fail(
      "SOURCE_INVALID",
      "the source accepted the request (status 202) and gave no answer to it",
      undefined,
      true,
    );
  }
  try {
    return parseJson(text);
  } catch (error) {
    throw notJson(response, messageOf(error), fail);
  }
}

function notJson(response: HttpResponse, reason: string, fail: PageFailure): Error {
  const { text } = response;
  const position = / at position (\d+)/.exec(reason)?.[1];
  if (/unexpected end/i.test(reason) || position === String(text.length)) {
    return new AttemptFailed("truncated", "the JSON of the answer breaks off before its end");
  }
  const token = /^Unexpected token '(.+?)'/.exec(reason)?.[1];
  const place =
    position !== undefined
      ? `, at character ${Number(position) + 1}`
      : token === undefined
        ? ""
        : `, at \`${token}\``;
  const [kind, hint] = kindOfText(text) ?? [];
  const what = kind === undefined ? "not JSON" : `${kind}, not JSON`;
  return fail("SOURCE_INVALID", `the answer is ${what}${place}${typeOf(response)}${snippet(text)}`, hint);
}

/** The content type of an answer, for messages. */
export function typeOf({ headers }: HttpResponse): string {
  return ` (content type: ${headers.get("content-type") ?? "none"})`;
}

/** What a text that is not JSON looks like, with a hint; null where that is not clear. */
function kindOfText(text: string): readonly [kind: string, hint: string] | null {
  const start = text.slice(0, 512).trimStart();
  const askForJson =
    "Ask the source for one JSON document, by its address, a parameter or an `accept` header.";
  if (/^<(?:!doctype\s+html|html|head|body)/i.test(start)) {
    return [
      "an HTML page",
      "Pages are given for sign-in, maintenance and mistyped addresses: open the address to see which.",
    ];
  }
  if (/^<(?:\?xml|[\w:-]+[\s>])/.test(start)) return ["XML", askForJson];
  if (/^\)\]\}['",]?/.test(start)) return ["JSON behind a guard against scripts", askForJson];
  if (/^\s*[{[].*[}\]][^\S\n]*\n\s*[{[]/.test(text.slice(0, 65_536))) return ["JSON lines", askForJson];
  if (/^[\w"' -]+(?:[,;\t][\w"' -]+)+\r?\n/.test(start)) return ["CSV", askForJson];
  return null;
}
