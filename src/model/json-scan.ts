import { exactNumber } from "./exact-number.ts";

/** Deeper nesting than any record has; what walks a value by recursion is safe up to here. */
export const deepestNesting = 1000;

/** A number literal of up to 15 characters and without exponent is held by a double in full. */
const surelyHeld = 15;

const quote = 34;
const backslash = 92;
const point = 46;
const digitZero = 48;
const digitNine = 57;
const colon = 58;
const upperE = 69;
const lowerE = 101;

/**
 * Whether a JSON text holds a number that a double would cut, found by one pass over the characters
 * outside of strings. Throws a `RangeError` where it is nested deeper than `deepestNesting`. A text
 * that is not JSON may give either answer.
 */
export function holdsCutNumber(json: string): boolean {
  const end = json.length;
  let held = true;
  let depth = 0;
  let at = 0;
  while (at < end) {
    const code = json.charCodeAt(at);
    if (code === quote) {
      at = endOfString(json, at);
    } else if (code >= digitZero && code <= digitNine) {
      const start = at;
      at = endOfDigits(json, at);
      const after = json.charCodeAt(at);
      if (at - start > surelyHeld || after === lowerE || after === upperE) {
        at = endOfNumber(json, at);
        held &&= isHeld(json.slice(start, at));
      }
    } else {
      at++;
      if (code <= colon) continue;
      if (code === 91 || code === 123) depth++;
      else if (code === 93 || code === 125) depth--;
      if (depth > deepestNesting) throw new RangeError(`nested more than ${deepestNesting} levels deep`);
    }
  }
  return !held;
}

/** The place after the string that begins here. */
export function endOfString(json: string, start: number): number {
  let at = json.indexOf('"', start + 1);
  while (at !== -1 && isEscaped(json, at)) at = json.indexOf('"', at + 1);
  return at === -1 ? json.length : at + 1;
}

/** Whether an odd number of backslashes stands before a place. */
function isEscaped(json: string, at: number): boolean {
  let before = at - 1;
  while (json.charCodeAt(before) === backslash) before--;
  return (at - before) % 2 === 0;
}

function endOfDigits(json: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const code = json.charCodeAt(at);
    if (!((code >= digitZero && code <= digitNine) || code === point)) return at;
    at++;
  }
}

/** The exponent's letter, sign and digits go with the number. */
function endOfNumber(json: string, start: number): number {
  let at = start;
  while (/[\d.eE+-]/.test(json.charAt(at))) at++;
  return at;
}

function isHeld(literal: string): boolean {
  return Number.isNaN(Number(literal)) || typeof exactNumber(literal) === "number";
}
