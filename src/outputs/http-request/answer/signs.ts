import { areWarnings, isSet, plainName } from "../../../http/failure-values.ts";
import { snippet } from "../../../http/failures.ts";
import { stringifyJson } from "../../../model/json.ts";
import { isRecord } from "../../../model/record.ts";

/** Fields that report failures where they are not empty. */
const reports =
  /^(?:errors?|haserrors?|inserterrors|(?:num|numberof)?errors?count|numerrors|failures?|(?:num)?failed(?:(?:record|put|item|entry)?count)?)$/;
/** Fields that say whether it went well. */
const verdicts = /^(?:ok|(?:is)?success(?:ful)?|succeeded)$/;

/**
 * Where an answer of status 2xx says beyond doubt that what was sent failed, for a message; null where it
 * does not. Looks at the top level of an object, and at each element of a list that has one for each
 * item sent. A field that only gives back what was sent says nothing.
 */
export function signOfFailure(body: unknown, sent: readonly unknown[]): string | null {
  if (Array.isArray(body)) return body.length === sent.length ? signInList(body, sent) : null;
  return isRecord(body) ? signIn(body, sent.length === 1 ? sent[0] : undefined) : null;
}

function signInList(list: readonly unknown[], sent: readonly unknown[]): string | null {
  for (const [index, element] of list.entries()) {
    const sign = isRecord(element) ? signIn(element, sent[index]) : null;
    if (sign !== null) return `${sign} in element ${index + 1}`;
  }
  return null;
}

/** All that says so: a flag has no words of its own, and the field beside it may. */
function signIn(body: Readonly<Record<string, unknown>>, sent: unknown): string | null {
  const signs = Object.entries(body).filter(
    ([name, value]) => saysFailed(name, value) && !isEcho(name, value, sent),
  );
  if (signs.length === 0) return null;
  return signs
    .slice(0, mostShown)
    .map(([name, value]) => shown(name, value))
    .join(", ");
}

const mostShown = 3;

function shown(name: string, value: unknown): string {
  if (typeof value === "boolean" || typeof value === "number") return `\`${name}\` is ${value}`;
  return `\`${name}\`${snippet(typeof value === "string" ? value : stringifyJson(value))}`;
}

function saysFailed(name: string, value: unknown): boolean {
  const word = plainName(name);
  if (verdicts.test(word)) return value === false || value === "false";
  if (reports.test(word)) return isSet(value) && !areWarnings(value);
  return word === "status" && (value === "error" || value === "fail");
}

function isEcho(name: string, value: unknown, sent: unknown): boolean {
  return isRecord(sent) && name in sent && stringifyJson(sent[name]) === stringifyJson(value);
}
