import {
  hasWordOfSuccess,
  isFailedReturn,
  isFailedStatus,
  longestFailureText,
  noSuchPage,
  nothingFound,
  saysSuccess,
  speaksOfTrouble,
  wordOf,
} from "../../http/failure-text.ts";
import { areWarnings, isCount, isSet, plainName, saysNo } from "../../http/failure-values.ts";
import type { SourceRecord } from "../../model/record.ts";

/**
 * The weight of a sign of failure next to the list:
 * - `failed`: the answer fails, whatever its list holds.
 * - `nothing`: the answer fails if it has no records. With records it is a warning.
 * - `part`: as `nothing`, for words that may also mean that another page follows. They are ignored where the answer
 *   leads to that page, or where all answers of the source have them.
 * - `spoken`: as `part`, for texts written for people.
 */
export type Weight = "failed" | "nothing" | "part" | "spoken";

interface FailureField {
  /** Names in lower case, without punctuation: `error_code`, `errorCode` and `Error-Code` are equal. */
  readonly names: RegExp;
  readonly weight: Weight;
  /** Whether a value means that the answer failed; `around` is the object that contains it. */
  readonly fails: (value: unknown, around: SourceRecord) => boolean;
  /** Sources that answer like this. */
  readonly seen: string;
}

const messageNames =
  /^(?:error|(?:err|error|exception|ret|result|response|status)?(?:message|msg)|error(?:description|text)|details?|reason|notes?|notices?|info(?:rmation)?|warnings?|alerts?|remarks?)$/;

/**
 * The fields in which answers report a failure or that they are incomplete. A further source needs a name or a line
 * here, and a test.
 */
const failureFields: readonly FailureField[] = [
  {
    names: /^(?:errors?|haserrors?|timedout|incompleteresults|partialfailureerror)$/,
    weight: "failed",
    fails: (value) => isSet(value) && !areWarnings(value),
    seen: "GraphQL, Slack, Elasticsearch, GitHub's search, Google Ads",
  },
  {
    names: /^(?:ok|(?:is)?success|succeeded)$/,
    weight: "failed",
    fails: (value, around) => saysNo(value) && !isCount(value, around),
    seen: "Slack, Cloudflare, Zendesk",
  },
  { names: /^(?:is)?successful(?:ly)?$/, weight: "nothing", fails: saysNo, seen: "Jira's older APIs" },
  {
    names: /^(?:fault|exceptions?|err(?:no|code)?|error(?:code|type|info))$/,
    weight: "nothing",
    fails: (value) => isSet(value) && !saysSuccess(value),
    seen: "Apigee, WeChat, Rails",
  },
  {
    names: /^(?:errmsg|error(?:message|msg|description|text)|exceptionmessage)$/,
    weight: "nothing",
    fails: (value, around) => isSet(value) && !saysSuccess(value) && !hasCodeOfSuccess(around),
    seen: "WeChat, Google Maps, OAuth",
  },
  {
    names:
      /^(?:failures|failed(?:shards|nodes|regions|sources|requests|partitions)|missingshards|skippedshards)$/,
    weight: "nothing",
    fails: isSet,
    seen: "Elasticsearch, Solr, federated searches",
  },
  {
    names:
      /^(?:is)?(?:failed|degraded|timeout|outage|maintenance(?:mode)?|undermaintenance|unavailable|throttled|ratelimited|overloaded|busy|aborted|interrupted|retry)$/,
    weight: "nothing",
    fails: (value) => value === true || value === "true",
    seen: "gateways before a source that is down",
  },
  {
    names: /^retry(?:after|in)(?:ms|seconds|secs)?$/,
    weight: "nothing",
    fails: (value) => Number(value) > 0,
    seen: "Discord, Telegram",
  },
  {
    names:
      /^(?:status|state|stat|result|outcome|code|(?:http|response|result|return|api)?status(?:code|text)?|(?:response|result|return)code)$/,
    weight: "nothing",
    fails: (value) => failedText.test(wordOf(value)) || isFailedStatus(value),
    seen: "JSend, Flickr, Veeva, and many more",
  },
  {
    names: /^(?:ret|retcode|rc)$/,
    weight: "nothing",
    fails: (value, around) => isFailedReturn(value) && !hasWordOfSuccess(around),
    seen: "Bybit, QQ",
  },
  {
    names: /^(?:is)?(?:partial(?:results?|data)?|truncated|incomplete)$/,
    weight: "part",
    fails: (value) => value === true || value === "true",
    seen: "Loki, Prometheus, Google Cloud Logging",
  },
  {
    names: /^(?:is)?complete$/,
    weight: "part",
    fails: (value) => value === false || value === "false",
    seen: "Salesforce, Azure Monitor",
  },
  {
    names: /^(?:status|state|stat|result|responsestatus)$/,
    weight: "part",
    fails: (value) => /^(?:partial(?:ly)?|incomplete|truncated)(?: \w+)?$/.test(wordOf(value)),
    seen: "Google's APIs, Azure",
  },
  {
    names: /^errors$/,
    weight: "spoken",
    fails: (value) => areWarnings(value) && speaksOfTrouble(value),
    seen: "GraphQL servers that report deprecations among their errors",
  },
  {
    names: messageNames,
    weight: "spoken",
    fails: speaksOfTrouble,
    seen: "Alpha Vantage, Bybit, and many more",
  },
];

/** Objects next to the list in which sources report the outcome of the request: `meta: { status: "error" }`. */
export const reportNames =
  /^(?:meta(?:data)?|info|header|api|service|outcome|execution|diagnostics?|status|state|result|shards|response|(?:response|result|query)(?:header|status|info|meta(?:data)?))$/;

/** The weight of a field next to the list; null where it is no sign of failure. */
export function weightOf(name: string, value: unknown, around: SourceRecord): Weight | null {
  if (value === null || value === undefined) return null;
  const word = plainName(name);
  for (const { names, weight, fails } of failureFields) {
    if (names.test(word) && fails(value, around)) return weight;
  }
  return null;
}

const successNames = /^(?:ok|(?:is)?success(?:ful)?|succeeded)$/;

/**
 * Whether a value at a path of `errorField` means failure. A field named like success means failure if it is false. Any
 * other means failure if it is true, a number other than 0, or a text, list or object that is not empty. An object with
 * a `code` is judged by its code; an object whose values are all empty counts as empty. Texts such as `0`, `none` and
 * `ok` mean no failure.
 */
export function isFailure(name: string, value: unknown): boolean {
  return successNames.test(plainName(name)) ? saysNo(value) : isSet(value);
}

export function isSuccessName(name: string): boolean {
  return successNames.test(plainName(name));
}

const statusNames =
  /^(?:status|state|stat|result|outcome|code|(?:http|response|result|return)?status(?:code)?|(?:response|result|return|ret|err|error)code)$/;

export function isStatusName(name: string): boolean {
  return statusNames.test(plainName(name));
}

/** Whether a field of this name holds text for people. */
export function isMessageName(name: string): boolean {
  return messageNames.test(plainName(name));
}

const failedText =
  /^(?:err|errors?|internal error|fail|failed|failure|nok|ko|denied|forbidden|unauthorized|degraded|unavailable|down|busy|throttled|timed? ?out|aborted|maintenance|(?:over|rate|query|quota)[ a-z]* limit|rate limited|request denied|unknown error|invalid request)$/;

function hasCodeOfSuccess(around: SourceRecord): boolean {
  return Object.entries(around).some(([name, value]) => isStatusName(name) && saysSuccess(value));
}

/** Words about the source's backends: next to them, `no` does not mean that there are no records. */
const backendText = /\b(?:shards?|nodes?|replicas?|backends?|servers?|workers?|upstream|regions?)\b/i;
/** Whether a text says that there are no records (or with `mayBePastEnd` no such page), and mentions no failure. */
export function saysNothing(value: unknown, mayBePastEnd = false): boolean {
  if (typeof value !== "string") return false;
  const text = value.trim().slice(0, longestFailureText).replaceAll("_", " ");
  if (speaksOfTrouble(text) || backendText.test(text)) return false;
  return text.search(nothingFound) >= 0 || (mayBePastEnd && text.search(noSuchPage) >= 0);
}

/** Statuses that mean that a query has no result or a page does not exist. */
export function isNotFound(value: unknown): boolean {
  return String(value) === "404" || String(value) === "416";
}

const endNames =
  /^(?:is)?(?:empty|blank|last|lastpage|end|eof|atend|endreached|reachedend|endof\w+|done|finished|complete|completed|exhausted|final|uptodate|caughtup|cached|all\w*|no(?:more|data|results?|records?|items?)\w*)$/;

/** Whether the fields next to the records only report success, or that there are no records. */
export function isHarmless(name: string, value: unknown, mayBePastEnd: boolean): boolean {
  if (value === null || value === "" || value === 0 || value === "0") return true;
  if (Array.isArray(value)) return value.length === 0;
  const word = plainName(name);
  // Tokens for a later read come only with the last page: `nextSyncToken`, `@odata.deltaLink`.
  if (/(?:synctoken|deltalink)$/.test(word)) return true;
  if (typeof value === "number" && placeNumber.test(word)) return true;
  // Only pages after the first have a page before them.
  if (/^(?:prev|previous|first|self)(?:page)?(?:link|url|uri|href|cursor|token|offset)?$/.test(word))
    return true;
  if (endNames.test(word) && (value === true || value === "true")) return true;
  if (/^(?:has(?:more|next)|more)/.test(word) && saysNo(value)) return true;
  if (isSuccessName(name) || isStatusName(name))
    return saysSuccess(value) || (mayBePastEnd && isNotFound(value)) || saysNothing(value, mayBePastEnd);
  return typeof value === "string" && (saysSuccess(value) || saysNothing(value, mayBePastEnd));
}

const placeNumber = /^(?:page|offset|limit|start|skip|(?:per)?page(?:size|number)?|perpage)$/;

/**
 * Whether a field that comes only with an empty list deserves a warning: a flag or a sentence does; numbers, addresses
 * and tokens do not.
 */
export function isReason(value: unknown): boolean {
  return value === true || isSentence(value);
}

export function isSentence(value: unknown): boolean {
  return typeof value === "string" && /\p{L}\s+\p{L}/u.test(value);
}
