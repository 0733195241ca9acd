import { createHash } from "node:crypto";

/** The longest name of a table in PostgreSQL, which cuts longer ones, in bytes of UTF-8. */
const mostBytes = 63;
/** What is kept of a longer name; `_` and 8 digits of its hash follow. */
const keptBytes = 54;

/**
 * A name that tables and files can have everywhere: letters, digits and `_` of any script, in NFC, of at most 63 bytes.
 * Any run of other characters becomes one `_`. Two names may become one.
 *
 * @example safeName("crm/orders 2024") === "crm_orders_2024"
 */
export function safeName(name: string): string {
  return shortName(name.normalize("NFC").replace(/[^\p{L}\p{M}\p{N}_]+/gu, "_"));
}

/** A name of more than 63 bytes as its beginning and a hash of the whole, so that it stays distinct when it is cut. */
export function shortName(name: string): string {
  const bytes = Buffer.from(name);
  if (bytes.length <= mostBytes) return name;
  let end = keptBytes;
  // A character is never cut in two: bytes 10xxxxxx go on with the one before.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return `${bytes.subarray(0, end).toString()}_${hash}`;
}
