import { z } from "zod";
import { TidemarkError } from "../../errors.ts";
import type { keyRoutes, WireKey } from "../contracts.ts";
import type { KeyRecord, KeyStore } from "../keys/store.ts";
import { type Handlers, operatorOf } from "./handler.ts";

/** The keys themselves. */
export const keyHandlers: Handlers<keyof typeof keyRoutes> = {
  async whoami({ principal }) {
    if (principal.key !== null) return keyToWire(principal.key);
    throw withoutKeys();
  },

  async listKeys({ keys }) {
    return { items: (await used(keys).list()).map(keyToWire) };
  },

  async createKey({ keys, principal, body }) {
    const { scope, connectors, name, expires_at_utc } = body;
    const issued = await used(keys).create(
      {
        scope,
        connectors: connectors ?? null,
        name: name ?? null,
        expiresAtUtc: expires_at_utc == null ? null : new Date(expires_at_utc).toISOString(),
      },
      operatorOf(principal, undefined),
    );
    return { ...keyToWire(issued.record), key: issued.key };
  },

  async revokeKey({ keys, principal, params }) {
    return keyToWire(await used(keys).revoke(params.id, operatorOf(principal, undefined)));
  },

  async keyAudit({ keys }) {
    const rows = await used(keys).audit();
    return {
      items: rows.map(({ keyId, atUtc, terms, ...row }) => ({
        ...row,
        key_id: keyId,
        at_utc: atUtc,
        terms: visibleTerms(terms),
      })),
    };
  },
};

export function keyToWire(record: KeyRecord): WireKey {
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

const termsSchema = z.record(z.string(), z.unknown());

/** Hashes of secrets are for comparing, and stay where that is done. */
export function visibleTerms(terms: string): Record<string, unknown> {
  const { secret_sha256: _, ...visible } = termsSchema.parse(JSON.parse(terms));
  return visible;
}

function used(keys: KeyStore | null): KeyStore {
  if (keys !== null) return keys;
  throw withoutKeys();
}

function withoutKeys(): TidemarkError {
  return new TidemarkError("FORBIDDEN", "this service runs without keys", {
    hint: "Start it without --no-auth to use keys.",
  });
}
