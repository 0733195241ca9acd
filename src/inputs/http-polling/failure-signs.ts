import { snippet } from "../../http/failures.ts";
import { saysThrottled } from "../../http/waits.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import { stringifyJson } from "../../model/json.ts";
import { formatPath, isRecord, type Path, type SourceRecord, valueAt } from "../../model/record.ts";

/** Where an answer says of itself that it failed or is not whole, and what it says. */
export interface FailureSign {
  /** For a message: the place, and the source's own words, shortened and without secrets. */
  readonly text: string;
  /** Whether the source wants to be asked again, only later. */
  readonly isThrottled: boolean;
  /** Whether the cause may pass by itself. */
  readonly mayPass: boolean;
}

/** Names, without regard to case, that mean one thing in whatever envelope they stand. */
const defaultNames =
  /^(?:errors?|ok|(?:is_?)?success|succeeded|has_?errors?|timed_?out|incomplete_?results|partial_?failure_?error)$/i;

/** Where a declared `errorField` has an answer say that it failed; null where that is left to the names. */
export function declaredSign(envelope: SourceRecord, paths: readonly Path[]): FailureSign | null {
  for (const path of paths) {
    const value = valueAt(envelope, path);
    if (isFailure(path.at(-1) ?? "", value)) return signOf(envelope, path, value);
  }
  return null;
}

/** Where the objects around the list say that they failed, by the names that most sources use. */
export function customarySign(body: SourceRecord, dataField: Path): FailureSign | null {
  return signAround(body, dataField, (name, value) => defaultNames.test(name) && isFailure(name, value));
}

/**
 * As `customarySign`, for an answer that has no list where one belongs: what would be too little to doubt
 * a list is enough to doubt that there is nothing.
 */
export function signWithoutList(body: SourceRecord, dataField: Path): FailureSign | null {
  return customarySign(body, dataField) ?? signAround(body, dataField, speaksOfFailure);
}

/**
 * As `signWithoutList`, for an answer whose list is empty: sources that fail often write an empty list beside
 * their report. What a source says of a result without records is none.
 */
export function signBesideEmptyList(body: SourceRecord, dataField: Path): FailureSign | null {
  return customarySign(body, dataField) ?? signAround(body, dataField, failsBesideEmptyList);
}

/** Looks at the answer and at each object on the way to the list, but not at what the way leads through. */
function signAround(
  body: SourceRecord,
  dataField: Path,
  fails: (name: string, value: unknown, around: SourceRecord) => boolean,
): FailureSign | null {
  let around: unknown = body;
  for (let depth = 0; isRecord(around) && !(around instanceof ExactNumber); depth++) {
    const next = dataField[depth];
    for (const [name, value] of Object.entries(around)) {
      if (name === next) continue;
      if (fails(name, value, around)) return signOf(body, [...dataField.slice(0, depth), name], value);
      if (name === "_shards" && isFailure("failed", valueAt(value, ["failed"]))) {
        return signOf(body, [...dataField.slice(0, depth), name, "failed"], valueAt(value, ["failed"]));
      }
    }
    if (next === undefined || depth === dataField.length - 1) return null;
    around = around[next];
  }
  return null;
}

const successName = /^(?:ok|(?:is_?)?success(?:ful)?|succeeded)$/i;
const harmlessText = /^(?:0*|false|none|null|ok|success)$/i;

/**
 * Whether a value at a path of `errorField` means failure. A field whose name says success fails by
 * false; any other by true, a number other than 0, a text or a list or an object that is not empty. An
 * object with a `code` is judged by that, and one whose values are all empty is empty. Texts such as `0`, `none` and `ok` mean no failure.
 */
function isFailure(name: string, value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (successName.test(name)) return value === false || value === 0 || value === "false" || value === "0";
  if (typeof value === "boolean") return value;
  if (typeof value === "number" || value instanceof ExactNumber) return Number(value) !== 0;
  if (typeof value === "string") return !harmlessText.test(value.trim());
  if (Array.isArray(value)) return value.some((element) => element !== null);
  if (!isRecord(value)) return false;
  if ((value.code ?? "") !== "") return isFailure("code", value.code) && Number(value.code) !== 200;
  return Object.values(value).some((inner) => isFailure("", inner));
}

const failureName =
  /^(?:fault|exception|err(?:code|msg)?|error_?(?:code|message|msg|description|type|text))$/i;
const statusName = /^(?:status|state|result|outcome|code|status_?code|http_?status)$/i;
const messageName = /^(?:message|msg|details?|reason)$/i;
const failedText = /^(?:err|error|errors|fail|failed|failure|nok|ko|denied|forbidden|unauthorized)$/i;
const troubledText =
  /error|fail|exception|invalid|denied|unauthori[sz]ed|not authori[sz]ed|forbidden|not permitted|time(?:d.?)?.?out|unavailable|limit|quota|throttl|maintenance|expired|try again|internal|refused|unexpected|bad request|overload/i;

function speaksOfFailure(name: string, value: unknown): boolean {
  if (failureName.test(name)) return isFailure(name, value);
  if (statusName.test(name)) {
    if (typeof value === "string" && failedText.test(value.trim())) return true;
    const code = typeof value === "number" || typeof value === "string" ? Number(value) : 0;
    return code >= 400 && code <= 599;
  }
  return messageName.test(name) && typeof value === "string" && troubledText.test(value);
}

const failureText = /^err(?:msg|_?message)$|^error_?(?:message|msg|description|text)$/i;
const nothingFound =
  /\b(?:no|0|zero|without)\s+(?:more\b|(?:\S+\s+){0,2}(?:errors?|fail\w*|exceptions?|found|match\w*|results?|records?|data|items?|rows?|entr(?:y|ies)|pages?)\b)|\bnothing\b|\bend of\b/i;
const noSuchPage =
  /\bnot found\b|\b(?:page|offset)\b.{0,24}\b(?:invalid|range|exceeds?|beyond|past|not exist)|\b(?:invalid|beyond|past|out of|no such)\b.{0,16}\b(?:page|offset|range)\b/i;
const successText = /^(?:0+|2\d\d|true|ok|okay|success(?:ful|fully)?|succeeded|none)$/i;

function failsBesideEmptyList(name: string, value: unknown, around: SourceRecord): boolean {
  if (failureName.test(name)) {
    if (
      !isFailure(name, value) ||
      saysSuccess(value) ||
      (typeof value === "string" && nothingFound.test(value))
    )
      return false;
    return !(failureText.test(name) && hasCode(around, saysSuccess));
  }
  if (!speaksOfFailure(name, value)) return false;
  if (statusName.test(name)) return !isNotFound(value) && !hasCode(around, isNotFound);
  return typeof value === "string" && !nothingFound.test(value) && !noSuchPage.test(value);
}

/** Whether a code or status in an object is of such a kind. */
function hasCode(around: SourceRecord, is: (value: unknown) => boolean): boolean {
  return Object.entries(around).some(
    ([name, value]) => (statusName.test(name) || /^err(?:or)?_?code$/i.test(name)) && is(value),
  );
}

/** Statuses that say of a query or a page that there is none. */
function isNotFound(value: unknown): boolean {
  return String(value) === "404" || String(value) === "416";
}

/** Whether a code, a status or a text says that all is well. */
function saysSuccess(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  return (typeof value === "number" || typeof value === "string") && successText.test(String(value).trim());
}

/** Whether what stands beside the records says no more than that all is well, or that there are none. */
export function isHarmless(name: string, value: unknown, mayBePastEnd: boolean): boolean {
  if (value === null || value === "" || value === 0 || value === "0") return true;
  if (Array.isArray(value)) return value.length === 0;
  // What a later read begins at comes with the last page only: `nextSyncToken`, `@odata.deltaLink`.
  if (/(?:sync_?token|delta_?link)$/i.test(name)) return true;
  if (
    typeof value === "number" &&
    /^(?:page|offset|limit|start|skip|(?:per_?)?page_?(?:size|number)?)$/i.test(name)
  )
    return true;
  if (successName.test(name) || statusName.test(name))
    return saysSuccess(value) || (mayBePastEnd && isNotFound(value));
  if (typeof value !== "string") return false;
  if (saysSuccess(value)) return true;
  return !troubledText.test(value) && (nothingFound.test(value) || (mayBePastEnd && noSuchPage.test(value)));
}

const passing =
  /time(?:d.?)?.?out|temporar|transient|unavailable|overload|busy|try.?again|retry|internal|deadlock|shard|incomplete|partial/i;

function signOf(envelope: SourceRecord, path: Path, value: unknown): FailureSign {
  const name = path.at(-1) ?? "";
  const isStatus = statusName.test(name);
  const isBare = typeof value !== "object" && typeof value !== "string";
  const reasons = isBare || isStatus || value === "false" ? reasonsBeside(envelope, path) : [];
  const said = [[formatPath(path), value] as const, ...reasons];
  const words = said
    .map(([name, of]) => `${name} ${typeof of === "string" ? of : stringifyJson(of)}`)
    .join(" ");
  return {
    text: said
      .map(([name, of]) =>
        typeof of === "object" || typeof of === "string"
          ? `\`${name}\`${snippet(typeof of === "string" ? of : stringifyJson(of))}`
          : `\`${name}\` is ${String(of)}`,
      )
      .join(", "),
    isThrottled: saysThrottled(words),
    mayPass: saysThrottled(words) || passing.test(words) || (isStatus && Number(value) >= 500),
  };
}

const reasonNames = [
  "error",
  "errors",
  "error_message",
  "error_description",
  "errorMessage",
  "errmsg",
  "message",
  "msg",
  "reason",
  "detail",
];

/** What stands beside a flag, which has no words of its own. */
function reasonsBeside(envelope: SourceRecord, path: Path): (readonly [string, unknown])[] {
  const around = path.length === 1 ? envelope : valueAt(envelope, path.slice(0, -1));
  if (!isRecord(around)) return [];
  const name = reasonNames.find((reason) => {
    const value = around[reason];
    return (
      reason !== path.at(-1) &&
      (typeof value === "string" || typeof value === "object") &&
      isFailure(reason, value)
    );
  });
  return name === undefined ? [] : [[formatPath([...path.slice(0, -1), name]), around[name]]];
}
