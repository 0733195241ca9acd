import { createHash } from "node:crypto";

/** An identity as an output's ledger stores it: itself, or its hash where an index, JSON or UTF-8 could not carry it. */
export function storedIdentity(identity: string): string {
  if (identity.length <= 200 && !identity.includes("\0") && identity.isWellFormed()) return identity;
  return `sha256:${createHash("sha256").update(identity, "utf16le").digest("hex")}`;
}
