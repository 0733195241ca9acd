import { TidemarkError } from "../errors.ts";
import { ExactNumber } from "./exact-number.ts";

const longestShown = 80;

/** A value as shown in a message: short, on one line, texts in quotes. */
export function showValue(raw: unknown): string {
  if (typeof raw === "string") {
    return JSON.stringify(raw.length > longestShown ? `${raw.slice(0, longestShown)}…` : raw);
  }
  if (raw === undefined) return "nothing";
  if (raw === null || typeof raw === "boolean" || typeof raw === "number") return String(raw);
  if (typeof raw === "bigint" || raw instanceof ExactNumber) {
    const text = raw.toString();
    return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
  }
  if (Array.isArray(raw)) return "a list";
  return typeof raw === "object" ? `an object (${raw.constructor?.name ?? "Object"})` : `a ${typeof raw}`;
}

/** `CURSOR_INVALID`: the value, what was expected of it, and what is wrong where that is known. */
export function unreadableValue(raw: unknown, expected: string, reason?: string): TidemarkError {
  const why = reason === undefined ? "" : `: ${reason}`;
  return new TidemarkError("CURSOR_INVALID", `${showValue(raw)} cannot be read as ${expected}${why}`);
}
