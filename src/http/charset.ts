/** The name of the character set that a label stands for; null for a label that is not known. */
export function charsetOf(label: string): string | null {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return null;
  }
}
