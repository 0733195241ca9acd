import { TidemarkError } from "../../../errors.ts";
import type { KeyStore } from "../../keys/store.ts";
import { keyAuditToWire, keyToWire } from "../../keys/wire.ts";
import type { keyRoutes } from "../contracts.ts";
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
    return { items: (await used(keys).audit()).map(keyAuditToWire) };
  },
};

function used(keys: KeyStore | null): KeyStore {
  if (keys !== null) return keys;
  throw withoutKeys();
}

function withoutKeys(): TidemarkError {
  return new TidemarkError("FORBIDDEN", "this service runs without keys", {
    hint: "Start it without --no-auth to use keys.",
  });
}
