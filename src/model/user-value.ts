import { TidemarkError } from "../errors.ts";
import { ExactNumber, exactNumber } from "./exact-number.ts";
import { isPlainObject, kindOf } from "./plain-object.ts";

/**
 * A copy that user code may change as it likes without touching the original. Numbers that keep
 * their digits are shared, since they never change.
 */
export function copyValue(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyValue);
  if (value instanceof Uint8Array) return value.slice();
  if (!isPlainObject(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const field of Object.keys(value)) put(copy, field, copyValue(value[field]));
  return copy;
}

/** Deeper values are taken for ones that contain themselves. */
const deepest = 200;

/**
 * Converts what user code returned to a value that a record can hold, independent of the user's objects: dates become
 * ISO 8601 text, big integers keep their digits, fields that are undefined are left out. Throws `RECORD_INVALID`,
 * naming the field, for what JSON has no form for.
 */
export function adoptValue(value: unknown, path: string, depth = 0): unknown {
  if (typeof value === "bigint") return exactNumber(value.toString());
  if (typeof value === "number" && !Number.isFinite(value)) throw noValue(path, String(value));
  if (typeof value === "function" || typeof value === "symbol") throw noValue(path, kindOf(value));
  if (typeof value !== "object" || value === null || value instanceof ExactNumber) return value;
  if (depth > deepest) throw noValue(path.slice(0, 80), `more than ${deepest} levels deep`);
  if (Array.isArray(value))
    return value.map((element, i) => adoptValue(element ?? null, `${path}[${i}]`, depth + 1));
  if (value instanceof Uint8Array) return value.slice();
  if (isPlainObject(value)) return adoptObject(value, path, depth);
  const json = jsonForm(value);
  if (json === undefined) throw noValue(path, kindOf(value));
  return adoptValue(json, path, depth + 1);
}

function adoptObject(value: Record<string, unknown>, path: string, depth: number): Record<string, unknown> {
  const adopted: Record<string, unknown> = {};
  for (const field of Object.keys(value)) {
    const content = value[field];
    if (content === undefined) continue;
    put(adopted, field, adoptValue(content, path === "" ? field : `${path}.${field}`, depth + 1));
  }
  return adopted;
}

/** The JSON form that an object of a class defines; undefined where it defines none. */
function jsonForm(value: object): unknown {
  if (!("toJSON" in value) || typeof value.toJSON !== "function") return undefined;
  const json: unknown = value.toJSON();
  return json === null || json === value ? undefined : json;
}

/** A source may well send a field called `__proto__`; assigning it would set the prototype instead. */
function put(holder: Record<string, unknown>, field: string, value: unknown): void {
  if (field === "__proto__") {
    Object.defineProperty(holder, field, { value, enumerable: true, configurable: true, writable: true });
  } else {
    holder[field] = value;
  }
}

function noValue(path: string, what: string): TidemarkError {
  const where = path === "" ? "the record" : `the field \`${path}\``;
  return new TidemarkError("RECORD_INVALID", `${where} is ${what}, which a record cannot hold`);
}
