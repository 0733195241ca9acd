import { z } from "zod";
import type { KeyAuditRecord } from "./audit.ts";
import type { KeyRecord } from "./store.ts";

/** A key as the service and `--json` give it. */
export function keyToWire(record: KeyRecord) {
  return {
    id: record.id,
    name: record.name,
    scope: record.scope,
    connectors: record.connectors === null ? null : [...record.connectors],
    created_at_utc: record.createdAtUtc,
    created_by: record.createdBy,
    expires_at_utc: record.expiresAtUtc,
    revoked_at_utc: record.revokedAtUtc,
    revoked_by: record.revokedBy,
    last_used_at_utc: record.lastUsedAtUtc,
  };
}

export function keyAuditToWire(row: KeyAuditRecord) {
  const { number, keyId: key_id, atUtc: at_utc, actor, action, terms, hash } = row;
  return { number, key_id, at_utc, actor, action, terms: visibleTerms(terms), hash };
}

type WireKey = ReturnType<typeof keyToWire>;

export function keyFromWire(wire: WireKey): KeyRecord {
  return {
    id: wire.id,
    name: wire.name,
    scope: wire.scope,
    connectors: wire.connectors,
    createdAtUtc: wire.created_at_utc,
    createdBy: wire.created_by,
    expiresAtUtc: wire.expires_at_utc,
    revokedAtUtc: wire.revoked_at_utc,
    revokedBy: wire.revoked_by,
    lastUsedAtUtc: wire.last_used_at_utc,
  };
}

/** Without the hashes of secrets among its terms, which no service hands out. */
export function keyAuditFromWire(wire: ReturnType<typeof keyAuditToWire>): KeyAuditRecord {
  const { number, key_id: keyId, at_utc: atUtc, actor, action, terms, hash } = wire;
  return { number, keyId, atUtc, actor, action, terms: JSON.stringify(terms), hash };
}

const termsSchema = z.record(z.string(), z.unknown());

/** Hashes of secrets are for comparing, and stay where that is done. */
export function visibleTerms(terms: string): Record<string, unknown> {
  const { secret_sha256: _, ...visible } = termsSchema.parse(JSON.parse(terms));
  return visible;
}
