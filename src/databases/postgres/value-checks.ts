import { withoutTrailing } from "../../model/trailing.ts";
import type { FieldColumn } from "../table/column.ts";
import {
  bytes,
  characters,
  decimalDigits,
  declaredOf,
  doubles,
  integers,
  leapSecond,
  leapSecondAt,
  numberText,
  ofStrings,
  ofTexts,
  onlyBytes,
  onlyTexts,
  parseDeclared,
  secondDigits,
  singles,
  truthValues,
  type ValueCheck,
} from "../table/value-checks.ts";
import { parseArray } from "./arrays.ts";
import { bounds, day, localBound, moment, zonedMoment } from "./moments.ts";

/**
 * Values that PostgreSQL would accept and change silently: it rounds fractions to the column's digits, cuts blanks from
 * `varchar(n)`, bytes from `name` and a time from a `date`. Values that it rejects itself need no check.
 */
export function postgresCheck(column: FieldColumn, made: boolean): ValueCheck | null {
  const declared = declaredOf(column);
  if (made && column.kind === "bytes") return onlyBytes;
  return declared.endsWith("[]") ? eachElement(checkOf(declared.slice(0, -2))) : checkOf(declared);
}

/** Types that only the server itself makes values of. */
const withoutInput = new Set([
  "pg_node_tree",
  "pg_ndistinct",
  "pg_dependencies",
  "pg_mcv_list",
  "gtsvector",
  "pg_brin_bloom_summary",
  "pg_brin_minmax_multi_summary",
]);

function checkOf(declared: string): ValueCheck | null {
  if (declared.startsWith("money ")) return money(declared);
  const { base, length, scale, rest } = parseDeclared(declared);
  switch (base) {
    case "character varying":
    case "character":
      return length === null ? null : characters(length);
    case '"char"':
      return ofTexts((text) => (/^\\[0-3][0-7]{2}$/.test(text) ? null : bytes(1)(text)));
    case "name":
      return bytes(63);
    case "smallint":
      return integers(-(2n ** 15n), 2n ** 15n - 1n, false);
    case "integer":
      return integers(-(2n ** 31n), 2n ** 31n - 1n, false);
    case "bigint":
      return integers(-(2n ** 63n), 2n ** 63n - 1n, false);
    case "oid":
      return integers(0n, 2n ** 32n - 1n, true);
    case "xid":
    case "cid":
      return wholeNumber(2n ** 32n - 1n);
    case "xid8":
      return wholeNumber(2n ** 64n - 1n);
    case "tid":
      return onlyTexts("where a row is", (text) =>
        /^\(\d+,\d+\)$/.test(text) ? null : "it is no block and no line, as in `(42,1)`",
      );
    case "oidvector":
      return eachNumber(integers(0n, 2n ** 32n - 1n, true));
    case "numeric":
      return length === null ? null : decimalDigits(length - (scale ?? 0), scale ?? 0);
    case "real":
      return singles;
    case "double precision":
      return doubles;
    case "boolean":
      return truthValues;
    case "bit":
      return bits(length ?? 1);
    case "bit varying":
      return (value) =>
        typeof value === "string" ? null : "a number says nothing of how many bits there are";
    case "bytea":
      return onlyTexts("bytes", (text) =>
        text.includes("\\") && !/^\\x(?:[0-9a-f]{2})*$/i.test(text)
          ? "it is no bytes (`\\x` and two hexadecimal digits a byte), and its backslashes would be read as signs for other bytes"
          : null,
      );
    case "date":
      return onlyTexts("a day", day);
    case "time":
      return onlyTexts(
        "a time of day",
        timeOnly(length ?? 6, rest.includes("without") ? timeForm : zonedTime),
      );
    case "timestamp":
      return onlyTexts("a moment", (rest.includes("without") ? moment : zonedMoment)(length ?? 6));
    case "tsrange":
    case "tsmultirange":
      return ofStrings(bounds(localBound));
    case "tstzrange":
    case "tstzmultirange":
      return ofStrings(bounds(zonedMoment(6)));
    case "daterange":
    case "datemultirange":
      return ofStrings(bounds(day));
    default:
      if (base.startsWith("interval")) return onlyTexts("an interval", interval(base, length ?? 6));
      return withoutInput.has(base) ? () => `PostgreSQL takes no values of the type ${base}` : null;
  }
}

function eachElement(check: ValueCheck | null): ValueCheck | null {
  if (check === null) return null;
  const leaf = (value: unknown): string | null => {
    if (value === null || value === undefined) return null;
    if (!Array.isArray(value)) return check(value);
    for (const element of value) {
      const problem = leaf(element);
      if (problem !== null) return problem;
    }
    return null;
  };
  return (value) => {
    if (typeof value !== "string") return leaf(value);
    const text = value.trimStart();
    return /^[[{]/.test(text) ? leaf(parseArray(text, (element) => element)) : null;
  };
}

/** Numbers in decimal digits: old servers read others as octal, or as 0. */
function wholeNumber(most: bigint): ValueCheck {
  const fits = integers(0n, most, true);
  const plain = ofStrings((text) => (/^(?:0|[1-9]\d*)$/.test(text) ? null : "it is no whole number"));
  return (value) => plain(value) ?? fits(value);
}

/** Numbers with blanks between them, or a list of them. */
function eachNumber(check: ValueCheck): ValueCheck {
  return (value) => {
    const numbers =
      typeof value === "string" ? value.split(/\s+/).filter((word) => word !== "") : [value].flat();
    for (const number of numbers) {
      const problem = check(number);
      if (problem !== null) return problem;
    }
    return null;
  };
}

function bits(length: number): ValueCheck {
  const most = 2n ** BigInt(length);
  return (value) => {
    if (typeof value === "string") return null;
    if (typeof value === "boolean" && length === 1) return null;
    const text = typeof value === "boolean" ? null : numberText(value);
    if (text === null || !/^\d+$/.test(text)) return `the column holds ${length} bits`;
    return BigInt(text) < most ? null : `the number needs more than the ${length} bits of the column`;
  };
}

const timeForm = /^\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AP]M)?$/i;
const zonedTime = /^\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AP]M)? ?(?:Z|[+-]\d\d(?::?\d\d){0,2})?$/i;

function timeOnly(digits: number, form: RegExp): (text: string) => string | null {
  const tooFine = secondDigits(digits);
  return (text) => {
    if (!form.test(text)) return "the column holds a time of day, and would drop whatever else there is";
    return leapSecond(text) ? leapSecondAt : tooFine(text);
  };
}

/** The amount by which `describe` shows how the server writes amounts; see `columnsOfTable`. */
const amountSample = /^money (\D*)1(\D*)234(?:\D*)567(?:(\D)(\d+))?(\D*)$/;

/**
 * Amounts are read as the server's `lc_monetary` writes them, and `1.234` is another amount from one to the
 * next: only what has the server's own form is taken.
 */
function money(declared: string): ValueCheck {
  const [, before = "", group = "", point = "", cents = "", after = ""] = amountSample.exec(declared) ?? [];
  const quoted = [before, group, point, after].map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const [prefix, comma, dot, suffix] = quoted;
  const whole = comma === "" ? "\\d+" : `(?:\\d+|\\d{1,3}(?:${comma}\\d{3})+)`;
  const fraction = point === "" ? "" : `(?:${dot}\\d{1,${cents.length}}0*)?`;
  const form = new RegExp(`^-?(?:${prefix})?${whole}${fraction}(?:${suffix})?$`);
  const sample = declared.slice("money ".length);
  return (value) =>
    form.test(typeof value === "string" ? value : (numberText(value) ?? ""))
      ? null
      : `the server writes amounts like ${sample} (\`lc_monetary\`), and would read another amount or none`;
}

/** The units of an interval in the order of their size, and what each is in ISO 8601. */
const units = ["year", "month", "day", "hour", "minute", "second"] as const;
const isoInterval =
  /^P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:-?\d+W)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?[\d.]+)S)?)?$/;

/** In ISO 8601, with words for its units, or as hours and minutes. A number alone would be seconds. */
const intervalForm = /^[-+]?P|[a-z]|^[-+]?\d+:\d\d(?::\d\d(?:\.\d+)?)?$/i;

/** `interval day to hour` drops whatever is smaller than an hour. */
function interval(base: string, digits: number): (text: string) => string | null {
  const smallest = units.findLastIndex((unit) => base.endsWith(unit));
  return (text) => {
    if (!intervalForm.test(text)) return "it is no interval with its units";
    const fraction = /\.(\d+)/.exec(text)?.[1] ?? "";
    if (withoutTrailing(fraction, "0").length > digits)
      return `it has more than the ${digits} digits of a second that the column keeps`;
    if (smallest === -1 || smallest === units.length - 1) return null;
    if (/^[-+]?infinity$/i.test(text)) return null;
    const parts = isoInterval.exec(text)?.slice(1);
    if (parts === undefined) return "an interval with parts has to be in ISO 8601 (`P1DT2H`) for this column";
    const lost = parts.findIndex((part, at) => at > smallest && part !== undefined && Number(part) !== 0);
    return lost === -1 ? null : `the column keeps nothing smaller than a ${units[smallest]}`;
  };
}
