/**
 * The same JavaScript with each character past Latin-1 written as an escape. V8 keeps a source with one such character
 * in two bytes a character, as long as the process lives, and takes longer to read it. See docs/decisions/0024.
 *
 * Throws where that would change a value: in `String.raw`, which gives an escape as it is written.
 */
export function asLatin1(code: string): string {
  const raw = /String\.raw`[^`]*[^\0-\xff]/.exec(code);
  if (raw !== null) throw new Error(`a character past Latin-1 in ${raw[0]}: write it another way`);
  // A backslash before the character would escape the one of the escape.
  return code.replaceAll(/(\\*)([^\0-\xff])/g, (_, slashes: string, character: string) => {
    const pairs = slashes.slice(slashes.length % 2);
    return `${pairs}\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
