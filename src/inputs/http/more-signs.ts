import { plainName } from "../../http/failure-values.ts";
import { formatPath, isRecord, type Path, type SourceRecord, valueAt } from "../../model/record.ts";
import { exactText } from "./answer-values.ts";
import { nextLink } from "./link-header.ts";

/** A sign next to an answer's records that more records follow. */
export interface MoreSign {
  /** A token or an address of the next page; a flag; a number of pages or of records. */
  readonly kind: "token" | "address" | "flag" | "pages" | "records";
  readonly in: "body" | "header";
  /** The dotted path, or the header's name. */
  readonly at: string;
  /** The token or the address itself. Never show it in a message. */
  readonly text?: string;
}

export interface Envelope {
  /** The whole answer; the inside of records is ignored. */
  readonly body: unknown;
  readonly headers: ReadonlyMap<string, string>;
  /** Where the records are; null where the body is their list. */
  readonly dataField: Path | null;
  /** How many pages and records have been read, including this page; null where unknown. */
  readonly read: { readonly pages: number | null; readonly records: number | null };
}

/**
 * The first sign that more follows, the most reliable kind first; null where there is none, or a flag says that this is
 * the end.
 */
export function signOfMore(envelope: Envelope): MoreSign | null {
  const objects = allObjects(envelope);
  const flags = objects.flatMap(flagsOf);
  if (flags.some(({ more }) => !more)) return null;
  return (
    linkSign(envelope.headers) ??
    first(objects, placeIn) ??
    first([...envelope.headers], headerSign) ??
    flags[0]?.sign ??
    first(objects, (part) => countIn(part, "pages", pageTotals, envelope.read.pages)) ??
    first(objects, remainderIn) ??
    first(objects, (part) => countIn(part, "records", recordTotals, envelope.read.records)) ??
    totalHeader(envelope) ??
    rangeHeader(envelope)
  );
}

/**
 * A value that may lead to a next page, under a name with other meanings too: `cursor`, `page_token`. Used only where
 * it is unknown how the source pages.
 */
export function vagueSignOfMore(envelope: Envelope): MoreSign | null {
  const objects = allObjects(envelope);
  if (objects.flatMap(flagsOf).some(({ more }) => !more)) return null;
  return first(objects, ({ path, object, header }) => {
    // Facebook gives the last record's cursor on the last page, too.
    if (plainName(path.at(-1) ?? "") === "cursors") return null;
    for (const [name, value] of Object.entries(object)) {
      if (!vaguePlaces.has(plainName(name)) || typeof value !== "string" || !isNext(value)) continue;
      return { kind: isAddress(value) ? "address" : "token", ...placeOf(header, [...path, name]) };
    }
    return null;
  });
}

/** The sign that the result has more than this many records; null where there is none. */
export function signOfRecords(envelope: Envelope): MoreSign | null {
  return (
    first(allObjects(envelope), (part) => countIn(part, "records", recordTotals, envelope.read.records)) ??
    totalHeader({ ...envelope, read: { ...envelope.read, pages: null } }) ??
    rangeHeader(envelope)
  );
}

/** Whether an answer names a next page, or has a flag that can only say that one follows. */
export function leadsOn({ body, headers, dataField }: Omit<Envelope, "read">): boolean {
  const objects = allObjects({ body, headers, dataField, read: { pages: null, records: null } });
  if (linkSign(headers) !== null || first(objects, placeIn) !== null) return true;
  return objects.some(({ object }) =>
    Object.entries(object).some(
      ([name, value]) => saysTrue(value) && moreFlags.has(plainName(name)) && !partFlags.has(plainName(name)),
    ),
  );
}

/** A flag that says that more follows; null where there is none, or another says that this is the end. */
export function flagOfMore(envelope: Pick<Envelope, "body" | "dataField">): MoreSign | null {
  const flags = [...objectsOf(envelope)].flatMap(flagsOf);
  return flags.some(({ more }) => !more) ? null : (flags[0]?.sign ?? null);
}

function saysTrue(value: unknown): boolean {
  return value === true || value === "true";
}

/** Whether a flag next to the records says that nothing follows. */
export function saysEnd(envelope: Pick<Envelope, "body" | "dataField">): boolean {
  return [...objectsOf(envelope)].flatMap(flagsOf).some(({ more }) => !more);
}

/** Describes the sign for messages, without its value. */
export function describeSign({ kind, in: place, at }: MoreSign): string {
  const where = place === "header" ? `the header \`${at}\`` : `\`${at}\``;
  switch (kind) {
    case "token":
      return `${where} holds a value for the next page`;
    case "address":
      return `${where} holds the next page's address`;
    case "flag":
      return isVagueEndFlag(at.split(".").at(-1) ?? "")
        ? `${where} is false, so that more follows, or the answer is not whole`
        : `${where} says that more follows`;
    case "pages":
      return `${where} shows that there are more pages`;
    case "records":
      return `${where} shows that there are more records`;
  }
}

/** Whether a true field of this name can only mean that more follows. */
export function isMoreFlag(name: string): boolean {
  return moreFlags.has(plainName(name)) && !partFlags.has(plainName(name));
}

/** Whether a field of this name is true at the end, and not where more follows. */
export function isEndFlag(name: string): boolean {
  return endFlags.has(plainName(name));
}

/** `complete: false` may be about the pages, or about this answer. */
function isVagueEndFlag(name: string): boolean {
  return isEndFlag(name) && !pageFlags.has(plainName(name));
}

export interface Part {
  readonly path: Path;
  readonly object: SourceRecord;
  /** The header whose value it is. */
  readonly header?: string;
}

/** The objects on the way to the records, and the objects in them whose names suggest paging data. */
function* objectsOf({ body, dataField }: Pick<Envelope, "body" | "dataField">): Generator<Part> {
  let value = body;
  const path: string[] = [];
  for (const step of dataField ?? []) {
    if (!isRecord(value)) return;
    const next = value[step];
    yield* withContainers({ path: [...path], object: value }, 2);
    path.push(step);
    value = next;
  }
}

function* withContainers(part: Part, depth: number): Generator<Part> {
  yield part;
  if (depth === 0) return;
  for (const [name, value] of Object.entries(part.object)) {
    if (isRecord(value) && containers.has(plainName(name))) {
      yield* withContainers({ path: [...part.path, name], object: value }, depth - 1);
    }
  }
}

/** The objects around the records, and objects in headers: `X-Pagination: {"TotalCount":57,"HasNext":true}`. */
export function allObjects(envelope: Envelope): Part[] {
  const objects = [...objectsOf(envelope)];
  for (const name of objectHeaders) {
    const object = jsonIn(envelope.headers.get(name));
    if (object !== null) objects.push({ path: [], object, header: name });
  }
  return objects;
}

function jsonIn(text: string | undefined): SourceRecord | null {
  if (text === undefined || !text.trimStart().startsWith("{")) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

/** The place of a sign: a header, or a path in the body. */
function placeOf(header: string | undefined, path: Path): Pick<MoreSign, "in" | "at"> {
  return header === undefined ? { in: "body", at: formatPath(path) } : { in: "header", at: header };
}

/** A token or an address: `next_page`, `paging.next`, `@odata.nextLink`, `links: [{ rel: next, href }]`. */
function placeIn({ path, object, header }: Part): MoreSign | null {
  for (const [name, value] of Object.entries(object)) {
    const word = plainName(name);
    const at = placeOf(header, [...path, name]);
    if (Array.isArray(value) && (word === "links" || word === "link")) {
      // A dotted path cannot select one of the links.
      if (value.some(isNextLink)) return { kind: "flag", ...at };
    } else if (isPlace(word, value)) {
      const found = isRecord(value) ? insideOf(value) : { text: exactText(value), steps: [] };
      if (found !== null && isNext(found.text)) {
        const whole = placeOf(header, [...path, name, ...found.steps]);
        return { kind: isAddress(found.text) ? "address" : "token", text: found.text, ...whole };
      }
      // DynamoDB's `LastEvaluatedKey` and MediaWiki's `continue` are objects of which each field is sent back.
      if (found === null && wholePlaces.has(word) && isRecord(value) && Object.keys(value).length > 0) {
        return { kind: "flag", ...at };
      }
    }
  }
  return null;
}

/** An `offset` that is no number is a token, as Airtable gives it. */
function isPlace(word: string, value: unknown): boolean {
  if (places.has(word) || wholePlaces.has(word) || placeNames.test(word)) return true;
  return word === "offset" && typeof value === "string" && !/^\d*$/.test(value.trim());
}

/** `next: { href: "…" }` */
function insideOf(object: SourceRecord): { text: string | null; steps: string[] } | null {
  for (const name of ["href", "url", "uri", "link", "after", "starting_after", "token", "cursor", "page"]) {
    const text = exactText(object[name]);
    if (isNext(text)) return { text, steps: [name] };
  }
  return null;
}

/** The token or the address in a value such as `"/x?page=2"` or `{ href: "…" }`; null where there is none. */
export function textOfPlace(value: unknown): string | null {
  const text =
    isRecord(value) && exactText(value) === null ? (insideOf(value)?.text ?? null) : exactText(value);
  return isNext(text) ? text : null;
}

function isNextLink(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const relation = value.rel ?? value.relation ?? value.name;
  return relation === "next" && insideOf(value) !== null;
}

function isNext(text: string | null): text is string {
  return text !== null && text.trim() !== "" && !/^(?:-\d+|0+|null|none|false|true)$/i.test(text.trim());
}

function isAddress(text: string): boolean {
  return /^(?:https?:)?\/|^\?/i.test(text);
}

interface Flag {
  readonly sign: MoreSign;
  readonly more: boolean;
}

function flagsOf({ path, object, header }: Part): Flag[] {
  return Object.entries(object).flatMap(([name, value]): Flag[] => {
    const flag = value === "true" || value === "false" ? value === "true" : value;
    if (typeof flag !== "boolean") return [];
    const word = plainName(name);
    const sign = { kind: "flag", ...placeOf(header, [...path, name]) } as const;
    if (moreFlags.has(word)) return [{ sign, more: flag }];
    if (!endFlags.has(word)) return [];
    // `done` or `complete` may be about the request.
    return !flag || pageFlags.has(word) ? [{ sign, more: !flag }] : [];
  });
}

function countIn(
  { path, object, header }: Part,
  kind: "pages" | "records",
  names: ReadonlySet<string>,
  read: number | null,
): MoreSign | null {
  if (read === null) return null;
  for (const [name, value] of Object.entries(object)) {
    if (!names.has(plainName(name))) continue;
    // Elasticsearch: `total: { value: 57, relation: "eq" }`.
    const steps = isRecord(value) && exactText(value) === null ? [name, "value"] : [name];
    const number = exactText(steps.length === 1 ? value : valueAt(value, ["value"]));
    if (Number(number ?? 0) > read) return { kind, ...placeOf(header, [...path, ...steps]) };
  }
  return null;
}

/** Kubernetes says how many records are left: `metadata.remainingItemCount`. */
function remainderIn({ path, object, header }: Part): MoreSign | null {
  const isOfPages = pageObjects.has(plainName(path.at(-1) ?? ""));
  for (const [name, value] of Object.entries(object)) {
    const word = plainName(name);
    if (!remainders.has(word) && !(isOfPages && word === "remaining")) continue;
    if (Number(exactText(value) ?? 0) > 0) return { kind: "records", ...placeOf(header, [...path, name]) };
  }
  return null;
}

/**
 * The field for the largest size of a page, if it equals this count; null where there is none, or where a total has the
 * same value.
 */
export function sizeSign(envelope: Omit<Envelope, "read">, count: number): string | null {
  const read = { pages: null, records: count - 1 };
  const objects = allObjects({ ...envelope, read });
  if (objects.flatMap(flagsOf).some(({ more }) => !more)) return null;
  if (signOfRecords({ ...envelope, read }) !== null) return null;
  const sign = first(objects, ({ path, object, header }) => {
    const name = Object.keys(object).find(
      (key) => sizes.has(plainName(key)) && exactText(object[key]) === String(count),
    );
    return name === undefined ? null : { kind: "records", ...placeOf(header, [...path, name]) };
  });
  return sign === null ? null : sign.at;
}

function linkSign(headers: Envelope["headers"]): MoreSign | null {
  const text = nextLink(headers.get("link"));
  return text === null ? null : { kind: "address", in: "header", at: "link", text };
}

/** `X-Next-Page`, `NextPageToken`, `x-ms-continuation`, `x-ms-continuationtoken`. */
function headerSign([name, value]: readonly [string, string]): MoreSign | null {
  const word = plainName(name).replace(/^x(?:ms)?/, "");
  if (!isNext(value) || !(places.has(word) || placeNames.test(word) || word === "continuation")) return null;
  return { kind: isAddress(value) ? "address" : "token", in: "header", at: name, text: value };
}

function totalHeader({ headers, read }: Envelope): MoreSign | null {
  for (const [name, value] of headers) {
    const word = plainName(name).replace(/^x(?:wp)?(?:pagination|paging)?|^pagination/, "");
    const kind = pageTotals.has(word) ? "pages" : recordTotals.has(word) ? "records" : null;
    if (kind === null || !/^(?:x-|pagination-|total-)/.test(name)) continue;
    const count = read[kind];
    if (count !== null && Number(value) > count) return { kind, in: "header", at: name };
  }
  return null;
}

/** `Content-Range: items 0-9/57`; PostgREST leaves the unit out. */
function rangeHeader({ headers, read }: Envelope): MoreSign | null {
  const total = /^(?:(?!bytes\b)[a-z][\w-]*[ =]\s*)?\d+-\d+\/(\d+)$/i.exec(
    headers.get("content-range")?.trim() ?? "",
  )?.[1];
  if (total === undefined || read.records === null || Number(total) <= read.records) return null;
  return { kind: "records", in: "header", at: "content-range" };
}

function first<T>(items: readonly T[], signIn: (item: T) => MoreSign | null): MoreSign | null {
  for (const item of items) {
    const sign = signIn(item);
    if (sign !== null) return sign;
  }
  return null;
}

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

const containers = words(
  "meta metadata page pages paging pagination paginator pageinfo paginginfo paginationinfo pager links link responsemetadata cursor cursors resultinfo listmetadata resultset navigation nav additionaldata response",
);
const places = words(`
  next nextpage nextpagetoken nexttoken nextcursor nextpagecursor nextlink nextpagelink nexturl nextpageurl nexturi
  nextpageuri nexthref odatanextlink nextrecordsurl nextoffset nextstart nextmarker nextkey nextpagenumber
  nextpagestart continuationtoken nextcontinuationtoken`);
/** `nextResultsUrl`, `more_topics_url`. A `nextSyncToken` is for a later run, and `more_info_url` for people. */
const placeNames =
  /^(?:next|more)(?:result|record|item|batch|set|topic|entrie|object)s?(?:token|cursor|url|uri|link|href|marker|offset)$/;
/** The value that the next request needs: a text, or an object of fields. */
const wholePlaces = words("lastevaluatedkey continue exclusivestartkey");
const vaguePlaces = words(
  "cursor pagetoken paginationtoken pagecursor pagingtoken bookmark marker after continuation resumptiontoken nextbatch",
);
const objectHeaders = ["x-pagination", "pagination", "x-paging", "paging-headers"];
const moreFlags = words(`
  hasmore more hasnext hasnextpage hasmorepages hasmoreresults hasmoreresult moreresult hasmoreitems hasmoredata hasmorerecords
  moreresults moreitems morerecords moredata morepages moreavailable moreitemsincollection istruncated truncated exceededtransferlimit`);
/** Names that some sources use for an incomplete answer. */
const partFlags = words("istruncated truncated exceededtransferlimit");
/** True at the end of the pages. */
const pageFlags = words(
  "last islast lastpage islastpage endofstream endoflist endofresults nomore nomoreresults nomorepages",
);
const endFlags = new Set([
  ...pageFlags,
  ...words("done isdone finished isfinished complete iscomplete completed eof end isend"),
]);
const pageTotals = words("totalpages pagecount pagescount totalpagecount numpages nbpages lastpage pages");
const recordTotals = words(
  "total totalcount totalresults totalitems totalrecords totalelements totalhits totalsize nbhits numfound recordsfiltered count odatacount totalrows",
);
const remainders = words(
  "remainingitemcount remainingitems remainingrecords remainingresults remainingcount",
);
/** Objects that are only about pages: elsewhere `remaining` may be about a rate limit. */
const pageObjects = words("page pages paging pagination paginator pageinfo paginginfo paginationinfo pager");
const sizes = words("limit perpage pagesize maxresults maxitems pagelimit");
