import { ExactNumber } from "./exact-number.ts";

/** An object as JSON has it, and nothing with a class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The type of a value, for messages. */
export function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return "text";
  if (value instanceof ExactNumber) return "a number";
  if (typeof value === "object") return isPlainObject(value) ? "an object" : withArticle(className(value));
  return `a ${typeof value}`;
}

/** Generators and classes without a name of their own are called as `Object.prototype.toString` calls them. */
function className(value: object): string {
  return value.constructor?.name || Object.prototype.toString.call(value).slice("[object ".length, -1);
}

function withArticle(name: string): string {
  return /^[aeiou]/i.test(name) ? `an ${name}` : `a ${name}`;
}
