const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * The text of bytes in UTF-8, without a byte order mark; null if they are none. Other readers put U+FFFD in place of what
 * they cannot read, which would change a path, a password or a cursor without a word.
 */
export function utf8Text(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}
