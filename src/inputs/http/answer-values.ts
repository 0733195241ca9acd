import { ExactNumber } from "../../model/exact-number.ts";

/** The value as text: a text, or a number with all its digits; null for anything else. */
export function exactText(value: unknown): string | null {
  const isText = typeof value === "string" || typeof value === "number" || value instanceof ExactNumber;
  return isText ? String(value) : null;
}
