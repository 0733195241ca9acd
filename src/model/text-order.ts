/** Texts ordered by code point, which is the order of their UTF-8 bytes. */

/** Below 0, 0 or above 0 as `a` comes before, is, or comes after `b`. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return codeOrder(x) - codeOrder(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for the code points above all others and so come after U+E000 to U+FFFF. */
function codeOrder(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x2800 : unit;
}

/** The very next text; U+0000 is in no cursor. */
export function textAfter(text: string): string {
  return `${text}\u0001`;
}

/**
 * A text that comes before: the last character becomes the one before it, so that little more than
 * the text itself lies between. The empty text, which is the first, stays.
 */
export function textBefore(text: string): string {
  const last = [...text].at(-1);
  const code = last?.codePointAt(0);
  if (last === undefined || code === undefined) return text;
  const head = text.slice(0, -last.length);
  if (code <= 1) return head;
  return head + String.fromCodePoint(code === 0xe000 ? 0xd7ff : code - 1);
}
