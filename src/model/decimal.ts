/**
 * Decimal numbers as text, of any length and without ever passing through floating point. The
 * canonical text has no `+`, no leading zeros, no `-0`, no exponent and no trailing zeros of the
 * fraction: `-120.5`, `0`, `9007199254740993`.
 */

/** Texts up to this length differ as doubles and keep their order; longer texts may not. */
const exactLength = 15;

/** Above this an exponent would make a text of absurd length. */
const largestExponent = 10_000;

const decimalSyntax = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

const zero = 48;
const nine = 57;
const minus = 45;
const dot = 46;

/**
 * The canonical text of a decimal number (`+01.50` is `1.5`, `1e3` is `1000`), or null where the
 * text is not one or its exponent is beyond ±10,000.
 */
export function canonicalDecimal(text: string): string | null {
  if (isShortInteger(text)) return text;
  const plain = plainDecimal(text);
  if (plain !== null) return plain;
  const parts = splitDecimal(text);
  if (parts === null || Math.abs(parts.exponent) > largestExponent) return null;
  return joinDecimal(parts);
}

/**
 * A text that is equal for two numbers exactly if their values are equal, whatever their exponents: the canonical text,
 * or `<digits>e<exponent>` where that would be absurdly long. Null where the text is not a number.
 */
export function comparableDecimal(text: string): string | null {
  const canonical = canonicalDecimal(text);
  if (canonical !== null) return canonical;
  const parts = splitDecimal(text);
  if (parts === null) return null;
  const digits = (parts.whole + parts.fraction).replace(/^0+/, "");
  const significant = trimZerosAtEnd(digits);
  if (significant === "") return "0";
  const exponent = parts.exponent - parts.fraction.length + (digits.length - significant.length);
  return `${parts.negative ? "-" : ""}${significant}e${exponent}`;
}

function isShortInteger(text: string): boolean {
  const length = text.length;
  if (length === 0 || length > exactLength) return false;
  const first = text.charCodeAt(0);
  if (first < zero || first > nine || (first === zero && length > 1)) return false;
  for (let i = 1; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < zero || code > nine) return false;
  }
  return true;
}

/**
 * The canonical text of a number that is written in full, as databases and JSON do: at most zeros at the end are
 * to be cut (`-12.50`). Null for every other text, which has to be taken apart.
 */
function plainDecimal(text: string): string | null {
  const start = text.charCodeAt(0) === minus ? 1 : 0;
  const whole = endOfDigits(text, start);
  if (whole === start || (text.charCodeAt(start) === zero && whole > start + 1)) return null;
  let end = whole;
  if (end < text.length) {
    if (text.charCodeAt(end) !== dot || endOfDigits(text, end + 1) < text.length) return null;
    end = text.length;
    while (text.charCodeAt(end - 1) === zero) end--;
    if (end === whole + 1) end = whole;
  }
  const isNegativeZero = start === 1 && end === 2 && text.charCodeAt(1) === zero;
  if (isNegativeZero) return "0";
  return end === text.length ? text : text.slice(0, end);
}

function endOfDigits(text: string, start: number): number {
  let at = start;
  for (;;) {
    const code = text.charCodeAt(at);
    if (!(code >= zero && code <= nine)) return at;
    at++;
  }
}

interface DecimalParts {
  readonly negative: boolean;
  readonly whole: string;
  readonly fraction: string;
  readonly exponent: number;
}

function splitDecimal(text: string): DecimalParts | null {
  const match = decimalSyntax.exec(text);
  if (match === null) return null;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  if (whole === "" && fraction === "") return null;
  return { negative: sign === "-", whole, fraction, exponent: Number(exponent) };
}

function joinDecimal({ negative, whole, fraction, exponent }: DecimalParts): string {
  const digits = whole + fraction;
  const point = whole.length + exponent;
  const wholeDigits = point <= 0 ? "" : digits.slice(0, point).padEnd(point, "0");
  const fractionDigits =
    point >= digits.length ? "" : digits.slice(Math.max(point, 0)).padStart(digits.length - point, "0");
  const body = wholeDigits.replace(/^0+/, "") || "0";
  const rest = trimZerosAtEnd(fractionDigits);
  if (rest === "") return negative && body !== "0" ? `-${body}` : body;
  return `${negative ? "-" : ""}${body}.${rest}`;
}

/** A loop, since a regular expression for zeros at the end takes quadratic time on inner runs of them. */
export function trimZerosAtEnd(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === zero) end--;
  return end === digits.length ? digits : digits.slice(0, end);
}

/** Whether a canonical text is an integer. */
export function isInteger(canonical: string): boolean {
  return !canonical.includes(".");
}

/** Below 0, 0 or above 0 as the first canonical text is the smaller, the same or the larger. */
export function compareDecimals(a: string, b: string): number {
  if (a === b) return 0;
  if (a.length <= exactLength && b.length <= exactLength) {
    const left = Number(a);
    const right = Number(b);
    return left < right ? -1 : left > right ? 1 : 0;
  }
  const aNegative = a.charCodeAt(0) === minus;
  const bNegative = b.charCodeAt(0) === minus;
  if (aNegative !== bNegative) return aNegative ? -1 : 1;
  return aNegative ? compareMagnitudes(b, a) : compareMagnitudes(a, b);
}

/** Of two texts with the same sign, which are compared as if there were none. */
function compareMagnitudes(a: string, b: string): number {
  const aWhole = wholeLength(a);
  const bWhole = wholeLength(b);
  if (aWhole !== bWhole) return aWhole - bWhole;
  return a < b ? -1 : a > b ? 1 : 0;
}

function wholeLength(canonical: string): number {
  const point = canonical.indexOf(".");
  return point === -1 ? canonical.length : point;
}

/** The sum of two canonical texts. */
export function addDecimals(a: string, b: string): string {
  const scale = Math.max(scaleOf(a), scaleOf(b));
  return fromUnits(toUnits(a, scale) + toUnits(b, scale), scale);
}

/** The difference of two canonical texts. */
export function subtractDecimals(a: string, b: string): string {
  const scale = Math.max(scaleOf(a), scaleOf(b));
  return fromUnits(toUnits(a, scale) - toUnits(b, scale), scale);
}

/** The largest multiple of `step` that is not above the value; `step` is above 0. */
export function floorDecimal(value: string, step: string): string {
  const scale = Math.max(scaleOf(value), scaleOf(step));
  const stepUnits = toUnits(step, scale);
  return fromUnits(floorUnits(toUnits(value, scale), stepUnits), scale);
}

/** The largest multiple of `step` that is not above the value, also below zero. */
export function floorUnits(value: bigint, step: bigint): bigint {
  const rest = value % step;
  return rest < 0n ? value - rest - step : value - rest;
}

function scaleOf(canonical: string): number {
  const point = canonical.indexOf(".");
  return point === -1 ? 0 : canonical.length - point - 1;
}

function toUnits(canonical: string, scale: number): bigint {
  const own = scaleOf(canonical);
  return BigInt(canonical.replace(".", "") + "0".repeat(scale - own));
}

function fromUnits(units: bigint, scale: number): string {
  if (scale === 0) return units.toString();
  const negative = units < 0n;
  const digits = (negative ? -units : units).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, -scale);
  const fraction = trimZerosAtEnd(digits.slice(-scale));
  const body = fraction === "" ? whole : `${whole}.${fraction}`;
  return negative ? `-${body}` : body;
}

/**
 * ASCII text whose byte order is the order of the canonical values. A non-negative number is `1`,
 * the length of its whole part (led by the number of that length's digits), and the number; a
 * negative one is `0` and the same with every digit d as 9 − d, ended by a byte above all digits.
 */
export function decimalSortKey(canonical: string): string {
  if (canonical.charCodeAt(0) !== minus) return `1${withLength(canonical)}`;
  return `0${complementDigits(withLength(canonical.slice(1)))}~`;
}

function withLength(magnitude: string): string {
  const length = String(wholeLength(magnitude));
  return `${length.length}${length}${magnitude}`;
}

/** Digits d as 9 − d, which turns their order round; everything else stays. */
function complementDigits(text: string): string {
  let turned = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    turned += code >= zero && code <= nine ? String.fromCharCode(zero + nine - code) : text[i];
  }
  return turned;
}
