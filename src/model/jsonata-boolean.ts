import { ExactNumber } from "./exact-number.ts";

/**
 * A value as true or false, as JSONata's own `$boolean` casts it: a missing value, null, 0, "", and empty lists and
 * objects are false.
 */
export function jsonataBoolean(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(jsonataBoolean);
  if (value instanceof ExactNumber) return Number(value) !== 0;
  if (typeof value === "object" && value !== null) {
    return !("_jsonata_function" in value || "_jsonata_lambda" in value) && Object.keys(value).length > 0;
  }
  return typeof value === "function" ? false : Boolean(value);
}
