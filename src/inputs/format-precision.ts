import { type Precision, parsePrecision } from "../model/precision.ts";
import type { CursorFormat } from "../model/timestamp.ts";
import { compilePattern } from "../model/timestamp-pattern.ts";

const patternPrecisions: readonly [sets: string, precision: string][] = [
  ["second", "1s"],
  ["minute", "1m"],
  ["hour", "1h"],
  ["hour12", "1h"],
  ["day", "1d"],
  ["month", "31d"],
];

/** The smallest step between two timestamps that a format can distinguish. */
export function precisionOfFormat(format: CursorFormat): Precision {
  if (format.kind !== "pattern") {
    return parsePrecision(
      { iso8601: "1ns", epoch_s: "1s", epoch_ms: "1ms", epoch_us: "1us", epoch_ns: "1ns" }[format.kind],
    );
  }
  const fields = compilePattern(format.pattern).parts.filter((part) => typeof part !== "string");
  const fraction = fields.find(({ sets }) => sets === "fraction");
  if (fraction !== undefined) {
    return { unit: "time", nanoseconds: 10n ** BigInt(9 - fraction.letters.length) };
  }
  const finest = patternPrecisions.find(([sets]) => fields.some((field) => field.sets === sets));
  return parsePrecision(finest?.[1] ?? "366d");
}

const byLength = ["year", "month", "day", "hour", "minute", "second", "fraction"];

/**
 * Whether texts of a pattern sort by time, because the longest unit comes first. Texts then compare like times, except
 * for the offset.
 */
export function sortsByTime(pattern: string): boolean {
  const units = compilePattern(pattern).parts.flatMap((part) =>
    typeof part === "string" || part.sets === "offset" ? [] : [part],
  );
  return units.every(({ sets, letters }, at) => {
    const isPadded = sets === "year" || sets === "fraction" || letters.length === 2;
    return sets === byLength[at] && isPadded;
  });
}

/** Whether a pattern that sorts by time has text or an offset after its shortest unit. */
export function goesOnBehindTime(pattern: string): boolean {
  const last = compilePattern(pattern).parts.at(-1);
  return sortsByTime(pattern) && (typeof last === "string" || last?.sets === "offset");
}
