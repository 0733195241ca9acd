import { hash } from "node:crypto";

/** The most characters of a stored identity. */
export const longestIdentity = 200;

/** An identity in its stored form: itself, or its hash where an index, JSON or UTF-8 cannot hold it. */
export function storedIdentity(identity: string): string {
  return storedText(identity, longestIdentity);
}

/** A key text in its stored form: itself up to `longest` characters, else its hash. */
export function storedText(text: string, longest: number): string {
  if (text.length <= longest && !text.includes("\0") && text.isWellFormed()) return text;
  return `sha256:${hash("sha256", Buffer.from(text, "utf16le"), "hex")}`;
}
