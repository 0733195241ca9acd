import { isRecord, type SourceRecord } from "../model/record.ts";
import { plainName } from "./failure-values.ts";

/** A text in lower case, with blanks in place of `_` and `-`; empty for anything else. */
export function wordOf(value: unknown): string {
  return typeof value === "string"
    ? value
        .trim()
        .toLowerCase()
        .replace(/[\s_-]+/g, " ")
    : "";
}

/** Whether a value, a number or a text, is an HTTP status of a failure: 400 to 599. */
export function isFailedStatus(value: unknown): boolean {
  const code = typeof value === "number" || typeof value === "string" ? Number(value) : 0;
  return code >= 400 && code <= 599;
}

/** Whether a whole number is the code of a failure. 0 means success in most APIs, 1 and 2xx in some. */
export function isFailedReturn(value: unknown): boolean {
  const text = String(value);
  return /^-?\d+$/.test(text) && !/^(?:0+|1|2\d{2,4})$/.test(text);
}

/** Whether a message reports success: `code: 7, msg: "ok"`. */
export function hasWordOfSuccess(around: SourceRecord): boolean {
  return Object.entries(around).some(
    ([name, value]) => /(?:msg|message)$/.test(plainName(name)) && saysSuccess(value),
  );
}

const successText = /^(?:0+|2\d\d|true|ok|okay|success(?:ful|fully)?|succeeded|none)$/i;

/** Whether a code, a status or a text reports success. */
export function saysSuccess(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  return (typeof value === "number" || typeof value === "string") && successText.test(String(value).trim());
}

const troubledText =
  /error|fail|exception|invalid|denied|unauthori[sz]ed|not authori[sz]ed|forbidden|not permitted|time(?:d.?)?.?out|unavailable|limit|quota|frequency|too many|throttl|busy|maintenance|expired|try again|retry|internal|refused|unexpected|went wrong|bad (?:request|gateway)|overload|(?:could|can)(?:not| not|n't)|unable|partial|incomplete|truncat|degraded|only the first|some (?:results|records|data|items)/i;
/** Texts that mean "no result", which is not a failure. */
export const nothingFound =
  /\b(?:no|0|zero|without)\s+(?:more\b|further\b|(?:\S+\s+){0,2}(?:errors?|fail\w*|exceptions?|found|match\w*|results?|records?|data|items?|rows?|entr(?:y|ies)|pages?|changes?|updates?)\b)|\bnothing\b|\bend of\b|\breached the (?:end|last)\b|\bup to date\b|\bunchanged\b|\bnot modified\b|\bempty\b|^(?:(?:data|records?|results?)\s+)?not found$|^idle$|\bzero results\b/gi;
export const noSuchPage =
  /\bnot found\b|\b(?:page|offset)\b.{0,24}\b(?:invalid|range|exceeds?|beyond|past|not exist)|\b(?:invalid|beyond|past|out of|no such)\b.{0,16}\b(?:page|offset|range)\b/gi;

/** A longer text is content. */
export const longestFailureText = 4096;

/** Whether a text, or a list of texts, mentions a failure, and not only an empty result. */
export function speaksOfTrouble(value: unknown): boolean {
  if (Array.isArray(value))
    return value.some((one) => speaksOfTrouble(isRecord(one) ? (one.message ?? one.text) : one));
  if (typeof value !== "string") return false;
  const text = value.slice(0, longestFailureText).replaceAll("_", " ");
  const rest = text.replace(nothingFound, "").replace(noSuchPage, "");
  return troubledText.test(rest);
}
