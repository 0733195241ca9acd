import { snippet } from "../../../http/failures.ts";

/** How many characters of a text are read. */
const mostLookedAt = 64 * 1024;

/** SOAP and XML-RPC answer with an element of this name, often with status 200. */
const fault = /<(?:[\w.-]{1,40}:)?fault[\s>/]/i;
const faultText = /<(?:[\w.-]{1,40}:)?(?:faultstring|text|reason)(?:\s[^<>]{0,200})?>([^<>]{1,500})</i;

/** Matches a text that begins with a word for a failure, but not `Errors: 0`. */
const failed =
  /^[\W_]{0,5}(?:err(?:or)?|fail(?:ed|ure)?|nok|exception)(?![-\w])(?!s?[\s:=]{0,5}(?:0|no|none|null|no errors?)\s{0,3}(?:$|[,;.]))/i;

/** The sign in a text answer that clearly reports a failure; null where there is none. */
export function signInText(body: string): string | null {
  const text = body.slice(0, mostLookedAt).trim();
  if (text.startsWith("<")) {
    if (!fault.test(text)) return null;
    const [, reason = ""] = faultText.exec(text) ?? [];
    return `a \`Fault\`${snippet(reason.trim() === "" ? text : reason.trim())}`;
  }
  return failed.test(text) ? `it begins with a failure${snippet(text)}` : null;
}
