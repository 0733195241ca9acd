import { plainName } from "../../http/failure-values.ts";
import { snippet } from "../../http/failures.ts";
import { saysThrottled } from "../../http/waits.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import { stringifyJson } from "../../model/json.ts";
import { formatPath, isRecord, type Path, type SourceRecord, valueAt } from "../../model/record.ts";
import {
  isFailure,
  isMessageName,
  isNotFound,
  isStatusName,
  isSuccessName,
  reportNames,
  saysNothing,
  type Weight,
  weightOf,
} from "./failure-fields.ts";

/** The field in which an answer reports a failure or that it is incomplete, with its text. */
export interface FailureSign {
  /** For messages: the path, and the source's text, shortened and without secrets. */
  readonly text: string;
  /** Whether the source asks for a later retry. */
  readonly isThrottled: boolean;
  /** Whether the cause may be temporary. */
  readonly mayPass: boolean;
}

/** What is known about an answer whose envelope is checked. */
export interface Around {
  readonly body: SourceRecord;
  /** Where the list is; empty where the body is the list. */
  readonly dataField: Path;
  /** The request: a field that only repeats a parameter is ignored. */
  readonly url: URL;
  /** Whether its list is present, possibly empty. */
  readonly hasList: boolean;
  /** Whether the answer names a next page: words such as `truncated` then refer to it. */
  readonly leadsOn: boolean;
}

/** The declared `errorField` paths; null to use the usual names. */
export function declaredSign(envelope: SourceRecord, paths: readonly Path[]): FailureSign | null {
  for (const path of paths) {
    const value = valueAt(envelope, path);
    if (isFailure(path.at(-1) ?? "", value)) return signOf(envelope, path, value);
  }
  return null;
}

/** A sign of failure, and its weight. */
export interface WeighedSign extends FailureSign {
  readonly weight: Weight;
  readonly path: string;
  readonly value: unknown;
}

/** The sign by which an answer without records fails. Many sources write an empty list next to their error. */
export function* signsWithoutRecords(around: Around): Generator<WeighedSign> {
  for (const found of signsIn(around)) {
    if (found.weight === "part" && around.leadsOn) continue;
    if (!saysThereIsNone(around, found)) yield weighed(around.body, found);
  }
}

/** All signs of failure in an answer, of any weight. */
export function allSigns(around: Around): WeighedSign[] {
  return [...signsIn(around)].map((found) => weighed(around.body, found));
}

/** The strongest sign of failure in an answer with records. */
export function signWithRecords(around: Around): WeighedSign | null {
  const found = [...signsIn(around)].filter(({ weight }) => weight !== "part" || !around.leadsOn);
  // One object next to the list may report on something else.
  const sure = found.find(({ weight, isSibling }) => weight === "failed" && !isSibling);
  const [first = null] = sure === undefined ? found : [sure];
  if (first === null) return null;
  const weight = first.weight === "failed" && first.isSibling ? "nothing" : first.weight;
  return weighed(around.body, { ...first, weight });
}

interface Found {
  readonly path: Path;
  readonly value: unknown;
  readonly weight: Weight;
  /** Whether it is in an object next to the list, and not in one around it. */
  readonly isSibling: boolean;
}

function weighed(body: SourceRecord, { path, value, weight }: Found): WeighedSign {
  return { ...signOf(body, path, value), weight, path: formatPath(path), value };
}

/** Searches the answer, each object on the way to the list, and the report objects in them, but never records. */
function* signsIn({ body, dataField, url }: Around): Generator<Found> {
  let around: unknown = body;
  for (let depth = 0; isObject(around); depth++) {
    const next = dataField[depth];
    for (const [name, value] of Object.entries(around)) {
      if (name === next) continue;
      const path = [...dataField.slice(0, depth), name];
      const weight = isEcho(name, value, url) ? null : weightOf(name, value, around);
      if (weight !== null) yield { path, value, weight, isSibling: false };
      if (isObject(value) && reportNames.test(plainName(name))) yield* signsOfReport(path, value);
    }
    if (next === undefined || depth === dataField.length - 1) return;
    around = around[next];
  }
}

function* signsOfReport(path: Path, report: SourceRecord): Generator<Found> {
  for (const [name, value] of Object.entries(report)) {
    const weight = weightOf(name, value, report);
    if (weight !== null) yield { path: [...path, name], value, weight, isSibling: true };
    else if (path.at(-1) === "_shards" && name === "failed" && isFailure(name, value))
      yield { path: [...path, name], value, weight: "failed", isSibling: false };
  }
}

function isObject(value: unknown): value is SourceRecord {
  return isRecord(value) && !(value instanceof ExactNumber);
}

/** Some sources repeat `?status=failed` as `status: "failed"`. */
function isEcho(name: string, value: unknown, { searchParams }: URL): boolean {
  const asked = typeof value === "object" ? null : String(value).toLowerCase();
  return [...searchParams].some(
    ([parameter, text]) => plainName(parameter) === plainName(name) && text.toLowerCase() === asked,
  );
}

/**
 * Whether a sign, alone or with the texts next to it, only means that there are no records: `success: false` with
 * `message: "No data found"`. A status of 404 means so if the list is empty, not if it is missing.
 */
function saysThereIsNone({ body, hasList }: Around, { path, value }: Found): boolean {
  if (saysNothing(value)) return true;
  const around = valueAt(body, path.slice(0, -1));
  const name = path.at(-1) ?? "";
  if (!isObject(around) || typeof value === "object" || Number(value) >= 500) return false;
  const others = Object.entries(around).filter(([other]) => other !== name);
  const isOfStatus = isStatusName(name);
  if (hasList && isOfStatus && [[name, value], ...others].some(([, code]) => isNotFound(code))) return true;
  if (!isOfStatus && !isSuccessName(name)) return false;
  const texts = others.filter(([other, text]) => typeof text === "string" && isMessageName(other));
  return texts.length > 0 && texts.every(([, text]) => saysNothing(text, hasList));
}

const passing =
  /time(?:d.?)?.?out|temporar|maintenance|degraded|throttled|limit|busy|outage|down|gateway|went wrong|transient|unavailable|overload|busy|try.?again|retry|internal|deadlock|shard|incomplete|partial/i;

function signOf(envelope: SourceRecord, path: Path, value: unknown): FailureSign {
  const name = path.at(-1) ?? "";
  const isStatus = isStatusName(name);
  const isBare = typeof value !== "object" && typeof value !== "string";
  const reasons = isBare || isStatus || value === "false" ? siblingReasons(envelope, path) : [];
  const said = [[formatPath(path), value] as const, ...reasons];
  const texts = said
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
    isThrottled: saysThrottled(texts),
    mayPass: saysThrottled(texts) || passing.test(texts) || (isStatus && Number(value) >= 500),
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

/** The reasons next to a flag, which has no text of its own. */
function siblingReasons(envelope: SourceRecord, path: Path): (readonly [string, unknown])[] {
  const around = path.length === 1 ? envelope : valueAt(envelope, path.slice(0, -1));
  if (!isRecord(around)) return [];
  const isReason = (name: string): boolean => {
    const value = around[name];
    const hasReason = typeof value === "string" || typeof value === "object";
    return name !== path.at(-1) && hasReason && isFailure(name, value);
  };
  const name =
    reasonNames.find(isReason) ??
    Object.keys(around).find((other) => isMessageName(other) && isReason(other));
  return name === undefined ? [] : [[formatPath([...path.slice(0, -1), name]), around[name]]];
}
