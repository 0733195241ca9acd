import { TidemarkError } from "../../errors.ts";
import { ChainFollower, type ChainLink, chainHash } from "../../state/hash-chain.ts";
import type { KeyAuditRecord, KeyRow } from "./tables.ts";

type Entry = Omit<KeyAuditRecord, "number" | "hash">;

/** All of a key that never changes once it is made. */
export function termsOf(row: KeyRow): string {
  const { name, scope, connectors, expiresAtUtc, hash } = row;
  return JSON.stringify({ name, scope, connectors, expires_at_utc: expiresAtUtc, secret_sha256: hash });
}

function auditHash(previous: string, row: Omit<KeyAuditRecord, "hash">): string {
  return chainHash(previous, [String(row.number), row.keyId, row.atUtc, row.actor, row.action, row.terms]);
}

/** Chains an entry to the end of the log. */
export function chained(tail: ChainLink, entry: Entry): KeyAuditRecord {
  const row = { ...entry, number: tail.number + 1 };
  return { ...row, hash: auditHash(tail.hash, row) };
}

/** Throws `AUDIT_BROKEN` naming the first row, or the key, that is not as the log says. */
export function verifyKeyAudit(
  rows: readonly KeyAuditRecord[],
  tail: ChainLink,
  keys: readonly KeyRow[],
): void {
  const chain = new ChainFollower(broken);
  const created = new Map<string, string>();
  const revoked = new Set<string>();
  for (const row of rows) {
    chain.row(row, (previous) => auditHash(previous, row));
    if (row.action === "create") created.set(row.keyId, row.terms);
    else revoked.add(row.keyId);
  }
  chain.end(tail);
  for (const key of keys) {
    if (created.get(key.id) !== termsOf(key)) throw brokenKey(key.id, "is not as it was made");
    if ((key.revokedAtUtc !== null) !== revoked.has(key.id)) {
      throw brokenKey(key.id, key.revokedAtUtc === null ? "was revoked and is not" : "was not revoked");
    }
  }
}

function broken(number: number, what: string): TidemarkError {
  return new TidemarkError("AUDIT_BROKEN", `row ${number} of the keys' audit log ${what}`, {
    details: { number },
  });
}

function brokenKey(id: string, what: string): TidemarkError {
  return new TidemarkError("AUDIT_BROKEN", `by the keys' audit log, ${id} ${what}`, { details: { key: id } });
}
