import { isTidemarkError, TidemarkError } from "../../errors.ts";
import { type HttpStateOptions, openServiceClient } from "../../state/storage/http/http.ts";
import type { ServiceClient } from "../../state/storage/http/service-client.ts";
import { keyRoutes } from "../service/contracts.ts";
import { keyIdForm } from "./key-text.ts";
import type { IssuedKey, KeyManagement, KeyRecord, NewKey } from "./store.ts";
import type { KeyAuditRecord } from "./tables.ts";
import { keyAuditFromWire, keyFromWire } from "./wire.ts";

/**
 * The keys of a service, through its own routes, with an admin key that is not bound to connectors. The
 * service's audit log names that key as the actor, whoever else is named here.
 *
 * Throws as `openHttpState` and its calls do.
 */
export function openRemoteKeys(url: string, options: HttpStateOptions): KeyManagement {
  return new RemoteKeys(openServiceClient(url, options));
}

class RemoteKeys implements KeyManagement {
  readonly #client: ServiceClient;

  constructor(client: ServiceClient) {
    this.#client = client;
  }

  async create({ scope, connectors, name, expiresAtUtc }: NewKey): Promise<IssuedKey> {
    const body = { scope, connectors, name, expires_at_utc: expiresAtUtc };
    // A repeated request would leave a key behind that nobody has seen.
    const asked = this.#client.call(keyRoutes.createKey, { body, repeatable: "unsent" });
    const { key, ...record } = await asked.catch((error: unknown) => {
      throw keyError(error);
    });
    return { id: record.id, key, scope: record.scope, record: keyFromWire(record) };
  }

  async list(): Promise<KeyRecord[]> {
    const { items } = await this.#client.call(keyRoutes.listKeys);
    return items.map(keyFromWire);
  }

  async revoke(id: string): Promise<KeyRecord> {
    // No service has a key of another form, and none takes such an id.
    if (!keyIdForm.test(id)) throw new TidemarkError("KEY_NOT_FOUND", `there is no key ${id}`);
    return keyFromWire(await this.#client.call(keyRoutes.revokeKey, { params: { id }, body: {} }));
  }

  async audit(): Promise<KeyAuditRecord[]> {
    const { items } = await this.#client.call(keyRoutes.keyAudit);
    return items.map(keyAuditFromWire);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client.close();
  }
}

/** Adds a hint where it is unknown whether the key was created. */
function keyError(error: unknown): unknown {
  if (!isTidemarkError(error, "STATE_UNAVAILABLE") || error.details?.outcome_unknown !== true) return error;
  return new TidemarkError(error.code, error.message, {
    cause: error,
    details: error.details,
    recoverable: false,
    hint: "Look for the key with `tidemark keys list`; if it was made, revoke it, and make another.",
  });
}
