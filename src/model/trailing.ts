/** A text without what it has at its end of one character. `/x+$/` would look at each run of it anew. */
export function withoutTrailing(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end--;
  return text.slice(0, end);
}
