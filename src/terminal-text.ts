/**
 * What a terminal would obey or draw in another order instead of showing it: control characters (C0, C1, DEL), line separators,
 * and marks that turn the direction of text. The sequences that we style text by are found whole.
 */
const commands = /\p{Cc}\[(?:1|2|22|3[1-6]|39|90)m|[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;
const escapeCode = 0x1b;

/**
 * The text with everything in it that a terminal would obey written as `\u001b`, but for line breaks, tabs, and the few
 * colours that our own text has. JSON stays the same JSON: there such characters stand in texts alone.
 *
 * ```ts
 * visibleText("\u001b]0;owned\u0007"); // "\\u001b]0;owned\\u0007"
 * ```
 */
export function visibleText(text: string): string {
  return text.replace(commands, (found) => {
    if (found === "\n" || found === "\t" || (found.length > 1 && found.charCodeAt(0) === escapeCode))
      return found;
    return `${escaped(found.charAt(0))}${found.slice(1)}`;
  });
}

/**
 * Text from elsewhere on one line, with everything in it that a terminal would obey written as `\u001b`, colours too.
 * Nothing is left out: two names that differ look different.
 */
export function visibleLine(text: string): string {
  return visibleText(text.replace(/[\n\r\t]+/g, " ").replace(/\p{Cc}/gu, escaped));
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
