import { endOfString } from "./json-scan.ts";

/**
 * Estimates the memory of a JSON text's values. A small text can make very many of them: `{},` takes three bytes as
 * text and 56 as an object.
 */

const quote = 34;
const comma = 44;
const digitZero = 48;
const digitNine = 57;
const colon = 58;
const openList = 91;
const closeList = 93;
const openObject = 123;
const closeObject = 125;

/**
 * How many values a JSON text holds: texts, numbers, words, lists and objects, at any depth; an empty list or object
 * may count twice. Of a text that is not JSON it is some number up to its length.
 */
export function countValues(json: string): number {
  const end = json.length;
  let values = 1;
  let at = 0;
  while (at < end) {
    const code = json.charCodeAt(at);
    if (code === quote) {
      at = endOfString(json, at);
      continue;
    }
    if (code === comma || code === openList || code === openObject) values++;
    at++;
  }
  return values;
}

/** In bytes, as measured on V8; rounded up where it depends. */
const cost = {
  container: 56,
  value: 16,
  text: 24,
  /** Where a number may be one that a double would cut: it becomes an object of its own, and needs its text. */
  longNumber: 160,
  /** While there is such a number, each value is noted with its place. */
  noted: 72,
  /** A name that is a number makes a table of its own in each object. */
  numberedName: 128,
  /** The first object with these names in this order needs a description, and each name an entry in it. */
  form: 160,
  nameOfForm: 40,
  /** An object of very many names is a table: so much for each of them. */
  nameOfTable: 48,
} as const;

const mostNamesInPlace = 100;

/** How many object shapes are remembered; any further one counts as new. */
const mostForms = 20_000;

/** An object or list that is open: how its names go on, and how many there are. */
interface Open {
  readonly isObject: boolean;
  form: number;
  names: number;
}

/**
 * About how many bytes of memory the values of a JSON text take, rather more than less. For records of a source it
 * is one to three times the length of the text, for texts that are made to use memory up to thirty times.
 */
export function weighJson(json: string): number {
  const end = json.length;
  const open: Open[] = [];
  const forms = new Set<number>();
  let bytes = 0;
  let values = 1;
  let holdsLong = false;
  let at = 0;
  while (at < end) {
    const code = json.charCodeAt(at);
    if (code === quote) {
      const start = at;
      at = endOfString(json, at);
      const top = open.at(-1);
      if (top?.isObject === true && json.charCodeAt(at) === colon) {
        top.form = hashOf(json, start + 1, at - 1, top.form);
        top.names++;
        if (isDigit(json.charCodeAt(start + 1))) bytes += cost.numberedName;
      } else bytes += cost.text + (at - start);
    } else if (isDigit(code)) {
      const start = at;
      at = endOfNumber(json, at);
      if (at - start > 15) {
        bytes += cost.longNumber;
        holdsLong = true;
      }
    } else {
      at++;
      if (code === comma) values++;
      else if (code === openList || code === openObject) {
        values++;
        bytes += cost.container;
        open.push({ isObject: code === openObject, form: 0, names: 0 });
      } else if (code === closeList || code === closeObject) {
        const closed = open.pop();
        if (closed !== undefined && closed.names > 0) bytes += formCost(closed, forms);
      }
    }
  }
  return bytes + values * (cost.value + (holdsLong ? cost.noted : 0));
}

/** What the names of an object take, which objects with the same names in the same order share. */
function formCost({ form, names }: Open, forms: Set<number>): number {
  const table = names > mostNamesInPlace ? names * cost.nameOfTable : 0;
  if (forms.has(form)) return table;
  if (forms.size < mostForms) forms.add(form);
  return table + cost.form + names * cost.nameOfForm;
}

function isDigit(code: number): boolean {
  return code >= digitZero && code <= digitNine;
}

function endOfNumber(json: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const code = json.charCodeAt(at);
    // Digits, the point, signs, and the letter of an exponent, which makes a short number long.
    if (!(isDigit(code) || code === 46 || code === 43 || code === 45)) {
      if (code !== 69 && code !== 101) return at;
      at = Math.max(at, start + 16);
    }
    at++;
  }
}

function hashOf(json: string, start: number, end: number, before: number): number {
  let hash = Math.imul(before, 31) + end - start;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + json.charCodeAt(at)) | 0;
  return hash;
}
