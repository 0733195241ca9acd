import { TidemarkError } from "../../errors.ts";
import { canonicalDecimal, compareDecimals, isInteger } from "../../model/decimal.ts";
import { comparableNumber, ExactNumber, exactNumber } from "../../model/exact-number.ts";
import { isPlainObject } from "../../model/plain-object.ts";

/** Whether a value holds a number with more digits than a double has. */
export function holdsExact(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (value instanceof ExactNumber) return true;
  if (Array.isArray(value)) return value.some(holdsExact);
  if (!isPlainObject(value)) return false;
  for (const field in value) if (holdsExact(value[field])) return true;
  return false;
}

/** JSONata's `=`, with every digit. */
export function areEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isNumber(a) && isNumber(b)) return comparableNumber(a) === comparableNumber(b);
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((element, index) => areEqual(element, b[index]));
  }
  if (!isPlainObject(a) || !isPlainObject(b)) return false;
  const fields = Object.keys(a);
  return (
    fields.length === Object.keys(b).length &&
    fields.every((field) => Object.hasOwn(b, field) && areEqual(a[field], b[field]))
  );
}

/** JSONata's `in`, with every digit. */
export function isIn(value: unknown, list: unknown): boolean {
  if (value === undefined || list === undefined) return false;
  return (Array.isArray(list) ? list : [list]).some((element) => areEqual(element, value));
}

const orders = {
  "<": (order: number) => order < 0,
  "<=": (order: number) => order <= 0,
  ">": (order: number) => order > 0,
  ">=": (order: number) => order >= 0,
} as const;

export type OrderOperator = keyof typeof orders;

export function isOrderOperator(operator: unknown): operator is OrderOperator {
  return typeof operator === "string" && Object.hasOwn(orders, operator);
}

/** JSONata's `<` and its kin, with every digit; undefined where a side is missing. Throws as JSONata does. */
export function isOrdered(operator: OrderOperator, a: unknown, b: unknown): boolean | undefined {
  const wrong = [a, b].find((side) => side !== undefined && typeof side !== "string" && !isNumber(side));
  if (wrong !== undefined) throw { code: "T2010", value: wrong, token: operator };
  if (a === undefined || b === undefined) return undefined;
  if (typeof a === "string" && typeof b === "string") return orders[operator](a < b ? -1 : a > b ? 1 : 0);
  if (isNumber(a) && isNumber(b)) return orders[operator](compareNumbers(a, b));
  throw { code: "T2009", value: a, value2: b, token: operator };
}

function isNumber(value: unknown): value is number | ExactNumber {
  return typeof value === "number" || value instanceof ExactNumber;
}

function compareNumbers(a: number | ExactNumber, b: number | ExactNumber): number {
  const [first, second] = [Number(a), Number(b)];
  // Rounding keeps the order: only what rounds to the same double has to be looked at digit by digit.
  if (first !== second) return first < second ? -1 : 1;
  const [left, right] = [canonicalDecimal(String(a)), canonicalDecimal(String(b))];
  if (left !== null && right !== null) return compareDecimals(left, right);
  throw beyond(left === null ? a : b, "compared");
}

/**
 * A value as JSONata calculates with it: decimals as the nearest double. Throws `FILTER_FAILED` for an integer that a
 * double would round, since what is calculated of it would be of another number.
 */
export function calculable(value: unknown): unknown {
  if (Array.isArray(value))
    return value.some((one) => one instanceof ExactNumber) ? value.map(calculable) : value;
  if (!(value instanceof ExactNumber)) return value;
  const double = Number(value);
  const canonical = canonicalDecimal(value.text);
  const isRounded = canonical === null || (isInteger(canonical) && canonical !== "0");
  if (isRounded || !Number.isFinite(double)) throw beyond(value, "calculated with");
  return double;
}

/** What `$type` is asked of: it knows no exact numbers. */
export function shapeOf(value: unknown): unknown {
  return value instanceof ExactNumber ? Number(value) : value;
}

/** JSONata's `$number`, with every digit of a text. */
export function toNumber(value: unknown): unknown {
  if (value === undefined || isNumber(value)) return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string" && decimalText.test(value)) return exactNumber(value);
  if (typeof value === "string" && /^0[xob][\da-f]+$/i.test(value)) {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
  }
  throw { code: "D3030", value, index: 1, token: "number" };
}

const decimalText = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function beyond(value: unknown, what: string): TidemarkError {
  return new TidemarkError(
    "FILTER_FAILED",
    `${String(value)} cannot be ${what}: JSONata holds integers up to 9007199254740991`,
    { hint: "Compare it as it is, which is exact, or use a script." },
  );
}
