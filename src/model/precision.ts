import { TidemarkError } from "../errors.ts";
import { canonicalDecimal } from "./decimal.ts";

/**
 * The smallest step between two cursor values, or a length of time or of numbers: a lookback, the
 * step of a slice.
 */
export type Precision =
  | { readonly unit: "time"; readonly nanoseconds: bigint }
  | { readonly unit: "number"; readonly amount: string };

const second = 1_000_000_000n;
const nanosecondsOf = {
  ns: 1n,
  us: 1000n,
  ms: 1_000_000n,
  s: second,
  m: 60n * second,
  h: 3600n * second,
  d: 86_400n * second,
} as const;

const short = /^(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h|d)$/;
const iso =
  /^P(?=[\dT])(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d+)?)S)?)?$/;
const plain = /^\d+(?:\.\d+)?$/;

/**
 * Reads `1ns 1us 1µs 1ms 1s 1m 1h 1d`, an ISO 8601 duration (`PT0S`, `P1D`, `PT1H30M`, `P1W`,
 * `PT0.5S`), or a plain number (`1`, `0.01`). Months and years are refused, since they have no fixed
 * length. Throws `ARGUMENT_INVALID`.
 */
export function parsePrecision(text: string): Precision {
  const shortMatch = short.exec(text);
  if (shortMatch !== null) {
    const [, amount = "", unit = ""] = shortMatch;
    return { unit: "time", nanoseconds: wholeNanoseconds(text, amount, unitLength(unit)) };
  }
  if (plain.test(text)) return { unit: "number", amount: canonicalDecimal(text) ?? text };
  const isoMatch = iso.exec(text);
  if (isoMatch === null) throw invalid(text, "write it as 1s, 500ms, PT1H30M, P1D, or as a plain number");
  const [, years, months, weeks, days, hours, minutes, seconds] = isoMatch;
  if (years !== undefined || months !== undefined) {
    throw invalid(text, "months and years have no fixed length; write days, as in P30D");
  }
  const nanoseconds =
    BigInt(weeks ?? 0) * 7n * nanosecondsOf.d +
    BigInt(days ?? 0) * nanosecondsOf.d +
    BigInt(hours ?? 0) * nanosecondsOf.h +
    BigInt(minutes ?? 0) * nanosecondsOf.m +
    wholeNanoseconds(text, (seconds ?? "0").replace(",", "."), nanosecondsOf.s);
  return { unit: "time", nanoseconds };
}

function unitLength(unit: string): bigint {
  if (unit === "µs" || unit === "μs") return nanosecondsOf.us;
  return Object.entries(nanosecondsOf).find(([name]) => name === unit)?.[1] ?? 1n;
}

function wholeNanoseconds(text: string, amount: string, unit: bigint): bigint {
  const [whole = "0", fraction = ""] = amount.split(".");
  const scale = 10n ** BigInt(fraction.length);
  const units = BigInt(whole + fraction) * unit;
  if (units % scale !== 0n) throw invalid(text, "it is finer than a nanosecond");
  return units / scale;
}

function invalid(text: string, why: string): TidemarkError {
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  return new TidemarkError("ARGUMENT_INVALID", `${shown} is not a precision or a length: ${why}`);
}

/** The precision's length. Throws `ARGUMENT_INVALID` for one that is a number. */
export function precisionNanoseconds(precision: Precision): bigint {
  if (precision.unit === "time") return precision.nanoseconds;
  throw new TidemarkError(
    "ARGUMENT_INVALID",
    `The precision ${precision.amount} is a number; a length of time is needed`,
    {
      hint: "Write a unit of time: 1ms, 1s, P1D.",
    },
  );
}

/** The precision's number. Throws `ARGUMENT_INVALID` for one that is a length of time. */
export function precisionAmount(precision: Precision): string {
  if (precision.unit === "number") return precision.amount;
  throw new TidemarkError(
    "ARGUMENT_INVALID",
    `The precision ${formatPrecision(precision)} is a length of time; a number is needed`,
    {
      hint: "Write a plain number: 1, 0.01.",
    },
  );
}

export function isZero(precision: Precision): boolean {
  return precision.unit === "time" ? precision.nanoseconds === 0n : precision.amount === "0";
}

/** The text that `parsePrecision` reads back: `1ms`, `90m`, `0.01`. */
export function formatPrecision(precision: Precision): string {
  if (precision.unit === "number") return precision.amount;
  if (precision.nanoseconds === 0n) return "0s";
  for (const [name, length] of Object.entries(nanosecondsOf).reverse()) {
    if (precision.nanoseconds % length === 0n) return `${precision.nanoseconds / length}${name}`;
  }
  return `${precision.nanoseconds}ns`;
}
