import { createHash } from "node:crypto";

/** How many characters an identity has at most, as stored. */
export const longestIdentity = 200;

/** An identity as sink offsets store it: itself, or its hash where an index, JSON or UTF-8 could not carry it. */
export function storedIdentity(identity: string): string {
  return storedText(identity, longestIdentity);
}

/** A text that is a key as it is stored: itself up to `longest` characters, else its hash. */
export function storedText(text: string, longest: number): string {
  if (text.length <= longest && !text.includes("\0") && text.isWellFormed()) return text;
  return `sha256:${createHash("sha256").update(text, "utf16le").digest("hex")}`;
}
