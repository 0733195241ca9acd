import { unreadableRecord } from "../../engine/tracking/unreadable-record.ts";
import type { TidemarkError } from "../../errors.ts";
import { snippet } from "../../http/failures.ts";
import type { HttpResponse } from "../../http/message.ts";
import { AttemptFailed } from "../../http/retry.ts";
import { saysThrottled, waitAsked } from "../../http/waits.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import { stringifyJson } from "../../model/json.ts";
import { formatPath, isRecord, type Path, type SourceRecord, valueAt } from "../../model/record.ts";
import { parseBody, typeOf } from "./answer-body.ts";
import type { EnvelopeKeys } from "./envelope-keys.ts";
import type { Facts } from "./facts.ts";
import {
  type Around,
  allSigns,
  declaredSign,
  type FailureSign,
  signsWithoutRecords,
  signWithRecords,
  type WeighedSign,
} from "./failure-signs.ts";
import type { HalfAnswers } from "./half-answers.ts";
import { leadsOn } from "./more-signs.ts";
import type { PageFailure } from "./page-failure.ts";
import { holdsOther, showsZero } from "./shown-nothing.ts";

/** An answer, parsed. */
export interface Answer {
  /** The body; undefined where there is none (204, an empty body). */
  readonly body: unknown;
  readonly records: readonly SourceRecord[];
  /** As a `Page` has it. */
  readonly holdsUnreadable?: boolean;
}

/** What is declared about the answers of an endpoint, with split paths. */
export interface AnswerRules {
  /** Where the records are; null is the body itself. */
  readonly dataField: Path | null;
  /** Where an answer reports a failure; null for the fields that most sources use. */
  readonly errorFields: readonly Path[] | null;
  /** Where an answer gives its total of records or pages. */
  readonly totalFields: readonly Path[];
  /** Where an answer shows that another page follows; includes the flag. */
  readonly nextFields: readonly Path[];
  readonly moreField: Path | null;
  /** Facts about the source: whether it has returned its list of records before. */
  readonly facts: Facts;
}

export interface AnswerParts {
  readonly rules: AnswerRules;
  readonly fail: PageFailure;
  /** By this machine's clock, in milliseconds. */
  readonly now: number;
  /** Called with the body before it is checked; may throw. */
  readonly inspect?: ((body: unknown) => void) | undefined;
  /** Whether an answer without the list may mean that there is no such page. */
  readonly mayLackList?: boolean;
  /** The keys of this read's answers; those of an answer with a list are added. */
  readonly keys?: EnvelopeKeys;
  /** The page's number in its read, and the object that warns of incomplete answers. */
  readonly page: number;
  readonly halves?: HalfAnswers;
}

const nothing: Answer = { body: undefined, records: [] };

/**
 * The body of an answer and its records. There are none if the source says so: with 204, an empty body, or null in
 * place of the list. A missing list also means none if the source has returned it before, gives a total of 0, says that
 * nothing follows, or if the requested page may not exist.
 *
 * Throws `AttemptFailed` where the body is cut off or asks for a later retry; `SOURCE_PARTIAL` where it reports a
 * failure or says that it is incomplete; `SOURCE_INVALID` where it is not JSON or has no list; `RECORD_INVALID` for a
 * list without any object. Single elements that are not objects are left to the engine.
 */
export function readAnswer(response: HttpResponse, parts: AnswerParts): Answer {
  const { rules, fail, now, inspect, mayLackList = false, keys, page, halves } = parts;
  const { status, problem } = response;
  if (status === 204 || status === 205) return nothing;
  if (problem !== null) {
    throw fail(
      "SOURCE_INVALID",
      `the answer cannot be read: ${problem.message}${typeOf(response)}`,
      problem.hint,
    );
  }
  const body = parseBody(response, fail);
  inspect?.(body);
  const list = rules.dataField === null ? body : valueAt(body, rules.dataField);
  const { failure, warning, all, isLed } = isRecord(body)
    ? signsIn(body, list, rules, response, halves)
    : noSigns;
  if (failure !== null) throw failureOf(failure, response, { fail, now, hasList: Array.isArray(list) });
  if (Array.isArray(list)) {
    const records = recordsOf(list, rules, fail);
    if (list.length > 0) halves?.withRecords({ warning, all, body }, page, list.length);
    else {
      halves?.withoutRecords(all, page);
      if (rules.errorFields === null && !isLed) warnOfForeignKeys(body, parts);
    }
    keys?.learn(body, list.length > 0);
    return records === list ? { body, records } : { body, records, holdsUnreadable: true };
  }
  if (status === 202) {
    throw fail(
      "SOURCE_INVALID",
      "the source accepted the request (status 202) and has no list of records yet",
      "Ask for the address at which the source gives the result once it is there.",
      true,
    );
  }
  if (saysNothingThere(response, { body, list, rules, mayLackList })) {
    halves?.withoutRecords(all, page);
    if (saysNone(body, rules)) return { body, records: [] };
    if (keys?.areKnown === true) {
      const foreign = keys.foreignIn(body, mayLackList);
      if (foreign.length > 0) throw foreignAnswer(body, foreign, response, { fail, now });
    } else if (rules.errorFields === null) {
      const { keys: foreign, isAlien } = keys?.foreignToStream(body) ?? noForeign;
      if (isAlien && foreign.length > 0) halves?.foreign(foreign, page, snippet(stringifyJson(body)));
    }
    return { body, records: [] };
  }
  throw noList(body, list, rules.dataField, fail);
}

const noForeign = { keys: [], isAlien: false };

/** An empty list after pages with records, with keys that none of those had. */
function warnOfForeignKeys(body: unknown, { keys, halves, page }: AnswerParts): void {
  const foreign = keys?.foreignNextToEmptyList(body) ?? [];
  if (foreign.length === 0 || halves === undefined || halves.wereReported(body, foreign)) return;
  halves.foreign(foreign, page, snippet(stringifyJson(body)));
}

/** Where an answer reports a failure or is incomplete: `failure` makes it fail, `warning` only warns. */
interface Signs {
  readonly failure: FailureSign | null;
  readonly warning: WeighedSign | null;
  /** All signs; for an answer without records, only those that do not make it fail. */
  readonly all: readonly WeighedSign[];
  /** Whether the answer names a next page. */
  readonly isLed: boolean;
}

const noSigns: Signs = { failure: null, warning: null, all: [], isLed: false };

/** An answer without records fails on weaker signs; one without a list even where `errorField` is declared. */
function signsIn(
  body: SourceRecord,
  list: unknown,
  { dataField, errorFields, nextFields }: AnswerRules,
  { url, headers }: HttpResponse,
  halves: HalfAnswers | undefined,
): Signs {
  const hasList = Array.isArray(list);
  const declared = errorFields === null ? null : declaredSign(body, errorFields);
  const none = { ...noSigns, failure: declared };
  if (declared !== null || (errorFields !== null && hasList)) return none;
  const isLed =
    leadsOn({ body, headers, dataField }) || nextFields.some((path) => isGiven(valueAt(body, path)));
  const around: Around = { body, dataField: dataField ?? [], url, hasList, leadsOn: isLed };
  if (!hasList || list.length === 0) {
    const all = [...signsWithoutRecords(around)];
    const failure = all.find((sign) => halves?.isUsual(sign) !== true) ?? null;
    return { ...none, failure, all, isLed };
  }
  const sign = signWithRecords(around);
  if (sign?.weight === "failed") return { ...none, failure: sign };
  return { ...none, warning: sign, all: allSigns(around), isLed };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== "" && value !== "false";
}

/** The fact that the list of records was present once. */
function listFact(dataField: Path): string {
  return `list:${formatPath(dataField)}`;
}

function recordsOf(
  list: readonly unknown[],
  { dataField, facts }: AnswerRules,
  fail: PageFailure,
): readonly SourceRecord[] {
  if (dataField !== null) facts.learn(listFact(dataField));
  if (areRecords(list)) return list;
  const refused = (element: unknown, index: number): TidemarkError =>
    fail(
      "RECORD_INVALID",
      `element ${index + 1} of the list is ${jsonKindOf(element)}, not an object`,
      "Records are objects: lists of columns or of plain values are not read.",
    );
  // A list without any object is probably not the list of records.
  if (!list.some(isObject)) throw refused(list[0], 0);
  return list.map((element, index) =>
    isObject(element) ? element : unreadableRecord(element, refused(element, index)),
  );
}

function areRecords(list: readonly unknown[]): list is readonly SourceRecord[] {
  return list.every(isObject);
}

function isObject(value: unknown): value is SourceRecord {
  return isRecord(value) && !(value instanceof ExactNumber);
}

/** Whether an answer without a list means that there are no records. */
function saysNothingThere(
  { headers }: HttpResponse,
  {
    body,
    list,
    rules,
    mayLackList,
  }: Pick<AnswerParts, "rules" | "mayLackList"> & { body: unknown; list: unknown },
): boolean {
  const { dataField, facts, moreField } = rules;
  if (body === undefined || body === null || list === null) return true;
  if (dataField === null || list !== undefined) return false;
  // Some languages write an object without fields as an empty list.
  const isEnvelope = isRecord(body) || (Array.isArray(body) && body.length === 0);
  if (!isEnvelope || !leadsNowhere(body, dataField)) return false;
  if (mayLackList === true || facts.has(listFact(dataField)) || saysNone(body, rules)) return true;
  if (!isRecord(body) || holdsOther(body, dataField)) return false;
  const more = moreField === null ? undefined : valueAt(body, moreField);
  return more === false || more === "false" || showsZero({ body, headers, dataField });
}

/** Whether a declared total is 0. */
function saysNone(body: unknown, { totalFields }: AnswerRules): boolean {
  return totalFields.some((path) => isZero(valueAt(body, path)));
}

/** Whether a path ends at a missing key, and not inside a list or a text. */
function leadsNowhere(body: unknown, path: Path): boolean {
  for (let length = 1; length < path.length; length++) {
    const value = valueAt(body, path.slice(0, length));
    if (value === undefined || value === null) return true;
    if (!isRecord(value) && !(Array.isArray(value) && value.length === 0)) return false;
  }
  return true;
}

function isZero(value: unknown): boolean {
  return value === 0 || value === "0";
}

function failureOf(
  sign: FailureSign,
  { headers }: HttpResponse,
  { fail, now, hasList }: { fail: PageFailure; now: number; hasList: boolean },
): Error {
  const message = `the answer says that it failed or is not whole: ${sign.text}`;
  if (sign.isThrottled || headers.has("retry-after")) {
    return new AttemptFailed("said", message, {
      retryAfterMs: waitAsked(headers, now)?.milliseconds ?? null,
    });
  }
  const hint = hasList
    ? undefined
    : "The answer has no list of records: see the source's own words in the message.";
  return fail("SOURCE_PARTIAL", message, hint, sign.mayPass);
}

/** The error for an answer without a list that differs from the earlier ones of the same read. */
function foreignAnswer(
  body: unknown,
  foreign: readonly string[],
  { headers }: HttpResponse,
  { fail, now }: { fail: PageFailure; now: number },
): Error {
  const text = stringifyJson(body);
  const names = foreign.slice(0, mostKeys).map((name) => `\`${name}\``);
  const message = `the answer has no list of records, and has ${names.join(", ")}, which no answer with a list had in this read${snippet(text)}`;
  if (saysThrottled(text) || headers.has("retry-after")) {
    return new AttemptFailed("said", message, {
      retryAfterMs: waitAsked(headers, now)?.milliseconds ?? null,
    });
  }
  return fail(
    "SOURCE_PARTIAL",
    message,
    "The next run asks for this page again. Where the source ends its pages so, declare how it says that nothing follows: `hasMoreField`, `totalField` or `totalPagesField`.",
    true,
  );
}

function noList(body: unknown, found: unknown, dataField: Path | null, fail: PageFailure): TidemarkError {
  if (dataField === null) {
    const lists = isRecord(body) ? Object.keys(body).filter((name) => Array.isArray(body[name])) : [];
    const hint =
      lists.length === 0 ? undefined : `Declare where the records are: \`dataField: ${lists[0]}\`.`;
    return fail(
      "SOURCE_INVALID",
      `the answer is ${jsonKindOf(body)}, not a list of records${keysOf(body)}`,
      hint,
    );
  }
  const path = formatPath(dataField);
  if (found !== undefined) {
    const keys = isRecord(found) ? keysOf(found) : "";
    return fail("SOURCE_INVALID", `\`${path}\` is ${jsonKindOf(found)}, not a list of records${keys}`);
  }
  return fail(
    "SOURCE_INVALID",
    `the answer has no \`${path}\`${keysOf(deepestOf(body, dataField))}`,
    "Set `dataField` to the path of the list of records. A source that leaves the list out while there is nothing is understood where it says so (`total: 0`, a declared `hasMoreField` that is false), and else once it has given the list for the first time.",
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

/** The keys at the level where a path was not found, for messages. */
export function siblingKeys(body: unknown, path: Path): string {
  return keysOf(deepestOf(body, path));
}

const mostKeys = 12;

function keysOf(value: unknown): string {
  if (!isRecord(value)) return `; there is ${jsonKindOf(value)}`;
  const keys = Object.keys(value);
  if (keys.length === 0) return "; it is an empty object";
  return `; its keys are ${keys.slice(0, mostKeys).join(", ")}${keys.length > mostKeys ? ", …" : ""}`;
}

export function jsonKindOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "number" || value instanceof ExactNumber) return "a number";
  if (typeof value === "string") return "a text";
  return typeof value === "boolean" ? "a boolean" : "an object";
}
