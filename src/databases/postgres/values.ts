import { exactNumber, negativeZero } from "../../model/exact-number.ts";
import { parseJson } from "../../model/json.ts";
import type { ColumnKind } from "../port.ts";
import { parseArray } from "./arrays.ts";

/** How the text of a value of one type is read, and what kind of column it makes. */
interface TypeReader {
  readonly kind: ColumnKind;
  readonly parse: (text: string) => unknown;
}

const asText = (text: string) => text;

/** Up to 15 digits a double holds whatever the number is. */
const anyNumber = (text: string) => (text.length <= 15 ? number(text) : longNumber(text));

/** `NaN` and the infinities have no number in JSON and stay words. */
function number(text: string): unknown {
  const value = Number(text);
  if (value === 0) return text.startsWith("-") ? negativeZero : 0;
  return Number.isFinite(value) ? value : text;
}

function longNumber(text: string): unknown {
  return /^[-+]?[\d.]/.test(text) ? exactNumber(text) : text;
}

const timestampTz = /^(\d{4,})-(\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)\+00$/;
const timestampBare = /^(\d{4,})-(\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)$/;

/** The session's zone is UTC, so the offset is always +00; `infinity` and years BC stay as they are. */
function instant(text: string): string {
  return text.replace(timestampTz, "$1-$2T$3Z");
}

/** Without a zone, as it is stored: what it means is declared where it is used. */
function localTime(text: string): string {
  return text.replace(timestampBare, "$1-$2T$3");
}

const bool: TypeReader = { kind: "boolean", parse: (text) => text === "t" };
const integer: TypeReader = { kind: "integer", parse: anyNumber };
const float: TypeReader = { kind: "float", parse: number };
const decimal: TypeReader = { kind: "decimal", parse: anyNumber };
const timestamptz: TypeReader = { kind: "timestamp", parse: instant };
const timestamp: TypeReader = { kind: "timestamp", parse: localTime };
const date: TypeReader = { kind: "date", parse: asText };
const json: TypeReader = { kind: "json", parse: parseJson };
const bytes: TypeReader = { kind: "bytes", parse: asText };
const text: TypeReader = { kind: "text", parse: asText };

/** Bounds that do not start at 1 (`[0:1]={…}`) have no place in a list, so that such an array stays text. */
function arrayOf({ parse }: TypeReader): TypeReader {
  return { kind: "json", parse: (value) => (value.startsWith("[") ? value : parseArray(value, parse)) };
}

/**
 * A list of JSON values. What would not come back as it was stays text: a list of such lists, which reads
 * like a list of JSON lists, and the JSON value `null` beside elements that are NULL.
 */
const jsonList: TypeReader = {
  kind: "json",
  parse(value) {
    let plain = !/^\[|^\{\{/.test(value);
    const list = parseArray(value, (element) => {
      const parsed = parseJson(element);
      plain &&= parsed !== null;
      return parsed;
    });
    return plain ? list : value;
  },
};

/** By type OID; PostgreSQL never changes those of its own types. */
const readers: ReadonlyMap<number, TypeReader> = new Map([
  [16, bool],
  [17, bytes],
  [20, integer],
  [21, integer],
  [23, integer],
  [26, integer],
  [28, integer],
  [5069, integer],
  [114, json],
  [3802, json],
  [700, float],
  [701, float],
  [1700, decimal],
  [1082, date],
  [1114, timestamp],
  [1184, timestamptz],
  [199, jsonList],
  [3807, jsonList],
  [1000, arrayOf(bool)],
  [1005, arrayOf(integer)],
  [1007, arrayOf(integer)],
  [1016, arrayOf(integer)],
  [1021, arrayOf(float)],
  [1022, arrayOf(float)],
  [1231, arrayOf(decimal)],
  [1009, arrayOf(text)],
  [1014, arrayOf(text)],
  [1015, arrayOf(text)],
  [2951, arrayOf(text)],
  [1182, arrayOf(date)],
  [1115, arrayOf(timestamp)],
  [1185, arrayOf(timestamptz)],
]);

/** What kind of column a type makes; types without a kind of their own come as text. */
export function kindOfType(oid: number): ColumnKind {
  return (readers.get(oid) ?? text).kind;
}

/** The reader of a type's text form, in the shape that `pg` asks for. */
export const typeReaders = {
  getTypeParser(oid: number): (text: string) => unknown {
    return (readers.get(oid) ?? text).parse;
  },
};
