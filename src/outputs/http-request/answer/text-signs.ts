import { snippet } from "../../../http/failures.ts";

/** How much of a text is looked at. */
const mostLookedAt = 64 * 1024;

/** SOAP and XML-RPC answer with an element of this name, often with status 200. */
const fault = /<(?:[\w.-]{1,40}:)?fault[\s>/]/i;
const faultText = /<(?:[\w.-]{1,40}:)?(?:faultstring|text|reason)(?:\s[^<>]{0,200})?>([^<>]{1,500})</i;

/** The word with which a text begins that tells of a failure, but not `Errors: 0`. */
const failed =
  /^[\W_]{0,5}(?:err(?:or)?|fail(?:ed|ure)?|nok|exception)(?![-\w])(?!s?[\s:=]{0,5}(?:0|no|none|null|no errors?)\s{0,3}(?:$|[,;.]))/i;

/** Where an answer that is no JSON says beyond doubt that what was sent failed; null where it does not. */
export function signInText(body: string): string | null {
  const text = body.slice(0, mostLookedAt).trim();
  if (text.startsWith("<")) {
    if (!fault.test(text)) return null;
    const [, reason = ""] = faultText.exec(text) ?? [];
    return `a \`Fault\`${snippet(reason.trim() === "" ? text : reason.trim())}`;
  }
  return failed.test(text) ? `it begins with a failure${snippet(text)}` : null;
}
