import {
  hasWordOfSuccess,
  isFailedReturn,
  isFailedStatus,
  saysSuccess,
  speaksOfTrouble,
  wordOf,
} from "../../../http/failure-text.ts";
import { areWarnings, isCount, isSet, plainName, saysNo } from "../../../http/failure-values.ts";
import { snippet } from "../../../http/failures.ts";
import { stringifyJson } from "../../../model/json.ts";
import { isRecord, type SourceRecord } from "../../../model/record.ts";
import { signInText } from "./text-signs.ts";

/** Fields that report failures where they are not empty. */
const reports =
  /^(?:errors?|haserrors?|inserterrors|(?:num|numberof)?errors?count|numerrors|failures?|(?:num)?failed(?:(?:record|put|item|entry)?count)?)$/;
/** Fields that report success as a flag. */
const verdicts = /^(?:ok|(?:is)?success(?:ful)?|succeeded)$/;
/** Fields that report the outcome as one word. */
const outcomes = /^(?:status|result|outcome)$/;
/** Fields for error messages in gateways and frameworks. */
const faults = /^(?:fault|exceptions?)$/;
const failedWord = /^(?:err|errors?|fail|failed|failure|rejected|nok|ko)$/;
/** Fields with a number that is 0 on success. */
const errorCodes = /^err(?:or)?(?:code|no)$/;
const statusNames = /^(?:http)?status(?:code)?$/;
const messages = /^(?:(?:err(?:or)?)?(?:message|msg)|errordescription|reason|description|details?)$/;
/** Fields of an answer that returns the created object: a status in it is that of the object. */
const namesOfThings = /^(?:(?:s|sys)?id|uuid|guid|object|self|href|(?:created|updated)(?:at|on)?)$/;
/** Lists of results per record, next to other fields. */
const resultLists = /^(?:results?|responses|statuses|replies)$/;
/** Lists that may also contain the created objects, with a state of their own. */
const thingLists = /^(?:items|records|data)$/;
/** Objects in which targets report the outcome, if they are not the created object. */
const wrappers = /^(?:result|response|outcome|reply)$/;

/**
 * The field in a 2xx answer that clearly reports a failure, for a message; null where there is none. Reads the top
 * level of an object, and each element of a list with one element per item sent. Fields that only repeat what was sent
 * are ignored.
 */
export function signOfFailure(body: unknown, sent: readonly unknown[]): string | null {
  if (typeof body === "string") return signInText(body);
  if (Array.isArray(body)) return body.length === sent.length ? signInList(body, sent) : null;
  if (!isRecord(body)) return null;
  const own = sent.length === 1 ? sent : [];
  return signIn(body, own) ?? signInWrapper(body, own) ?? signInResults(body, sent);
}

/** `{"result": {"success": false}}` */
function signInWrapper(body: SourceRecord, sent: readonly unknown[]): string | null {
  for (const [name, inner] of Object.entries(body)) {
    if (!wrappers.test(plainName(name)) || !isRecord(inner) || isThing(inner)) continue;
    const sign = failureSign(inner, (field, value) => {
      const word = plainName(field);
      const fails = verdicts.test(word)
        ? saysNo(value) && !isCount(value, inner)
        : reports.test(word) && isSet(value) && !areWarnings(value);
      return fails && !sent.some((one) => isEcho(field, value, one));
    });
    if (sign !== null) return `${sign} in \`${name}\``;
  }
  return null;
}

function signInList(list: readonly unknown[], sent: readonly unknown[]): string | null {
  for (const [index, element] of list.entries()) {
    if (!isRecord(element)) continue;
    const sign = signIn(element, [sent[index]]) ?? signOfResult(element, sent, false);
    if (sign !== null) return `${sign} in element ${index + 1}`;
  }
  return null;
}

/** In a list inside an answer only signs of results per record count: its elements may be records as well. */
function signInResults(body: SourceRecord, sent: readonly unknown[]): string | null {
  for (const [name, list] of Object.entries(body)) {
    const areResults = resultLists.test(plainName(name));
    if (!areResults && !thingLists.test(plainName(name))) continue;
    if (!Array.isArray(list) || list.length !== sent.length) continue;
    for (const [index, element] of list.entries()) {
      const sign = isRecord(element) ? signOfResult(element, sent, areResults) : null;
      if (sign !== null) return `${sign} in element ${index + 1} of \`${name}\``;
    }
  }
  return null;
}

/** `isResult`: the element is not an object with a state of its own. */
function signOfResult(element: SourceRecord, sent: readonly unknown[], isResult: boolean): string | null {
  const fails = (name: string, value: unknown): boolean => {
    const word = plainName(name);
    if (verdicts.test(word)) return saysNo(value) && !isCount(value, element);
    if (/^errors?$/.test(word)) return isSet(value) && !areWarnings(value);
    if (statusNames.test(word) && isFailedStatus(value)) return true;
    if (!outcomes.test(word)) return false;
    return isResult ? failedWord.test(wordOf(value)) : /^(?:error|fail)$/i.test(wordOf(value));
  };
  return failureSign(
    element,
    (name, value) => fails(name, value) && !sent.some((one) => isEcho(name, value, one)),
  );
}

/** All signs in the object: a flag has no text of its own, but a field next to it may. */
function signIn(body: SourceRecord, sent: readonly unknown[]): string | null {
  const mayBeState = isThing(body);
  return failureSign(body, (name, value) => {
    const fails = saysFailed(name, value, body) || (!mayBeState && mayFail(name, value, body));
    return fails && !sent.some((one) => isEcho(name, value, one));
  });
}

/** Whether an object is the created object, because it has an `id` or the like. */
function isThing(body: SourceRecord): boolean {
  return Object.entries(body).some(([name, value]) => namesOfThings.test(plainName(name)) && value !== null);
}

function failureSign(body: SourceRecord, isSign: (name: string, value: unknown) => boolean): string | null {
  const signs = Object.entries(body).filter(([name, value]) => isSign(name, value));
  if (signs.length === 0) return null;
  const message = Object.entries(body).find(
    ([name, value]) => messages.test(plainName(name)) && typeof value === "string" && value !== "",
  );
  const shownSigns = signs.slice(0, mostShown);
  if (message !== undefined && signs.every(([name]) => name !== message[0])) shownSigns.push(message);
  return shownSigns.map(([name, value]) => shown(name, value)).join(", ");
}

const mostShown = 3;

function shown(name: string, value: unknown): string {
  if (typeof value === "boolean" || typeof value === "number") return `\`${name}\` is ${value}`;
  return `\`${name}\`${snippet(typeof value === "string" ? value : stringifyJson(value))}`;
}

function saysFailed(name: string, value: unknown, around: SourceRecord): boolean {
  const word = plainName(name);
  if (verdicts.test(word)) return saysNo(value) && !isCount(value, around);
  if (reports.test(word)) return isSet(value) && !areWarnings(value);
  if (faults.test(word)) return isRecord(value) && isSet(value);
  return word === "status" && (value === "error" || value === "fail");
}

/** Signs that a created object may also have, such as a payment whose status is `failed`. */
function mayFail(name: string, value: unknown, around: SourceRecord): boolean {
  const word = plainName(name);
  if (outcomes.test(word) && failedWord.test(wordOf(value))) return true;
  if (word === "accepted") return value === false || value === "false";
  if (word === "rejected" || faults.test(word)) return isSet(value);
  if (statusNames.test(word) && isFailedStatus(value)) return true;
  if (!isFailedReturn(value) && !(errorCodes.test(word) && value === 1)) return false;
  if (errorCodes.test(word)) return !hasWordOfSuccess(around);
  return word === "code" && hasWordOfFailure(around);
}

function hasWordOfFailure(around: SourceRecord): boolean {
  return Object.entries(around).some(
    ([name, value]) => messages.test(plainName(name)) && speaksOfTrouble(value) && !saysSuccess(value),
  );
}

function isEcho(name: string, value: unknown, sent: unknown): boolean {
  return isRecord(sent) && name in sent && stringifyJson(sent[name]) === stringifyJson(value);
}
