import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";
import { memoryKeys } from "./memory.ts";
import { type KeyStorage, KeyStore } from "./store.ts";

/**
 * Opens the API keys of the state that a URL names, as `openState` takes it; makes their tables where
 * there are none. State in files keeps its keys in `keys.db` inside the folder. Throws
 * `STATE_URL_INVALID` for state that keeps none of its own, and as `openState` does.
 */
export async function openKeys(url: string, options: { clock?: Clock } = {}): Promise<KeyStore> {
  const storage = await keyStorage(url, { create: true });
  if (storage === null) throw new TidemarkError("INTERNAL", "the tables of the API keys were not made");
  return new KeyStore(storage, options.clock);
}

/** As `openKeys`, and null where no key was ever made; nothing is made then either. */
export async function openKeysIfAny(url: string): Promise<KeyStore | null> {
  if (/^https?:/i.test(url)) return null;
  const storage = await keyStorage(url, { create: false });
  return storage === null ? null : new KeyStore(storage);
}

async function keyStorage(url: string, how: { readonly create: boolean }): Promise<KeyStorage | null> {
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(url) ?? [];
  const path = rest.startsWith("///") ? rest.slice(2) : rest;
  switch (scheme.toLowerCase()) {
    case "sqlite": {
      const { sqliteKeys } = await import("./sqlite.ts");
      return sqliteKeys(path, how);
    }
    case "file": {
      const { existsSync } = await import("node:fs");
      const file = join(path, "keys.db");
      if (!how.create && !existsSync(file)) return null;
      const { sqliteKeys } = await import("./sqlite.ts");
      return sqliteKeys(file, how);
    }
    case "postgres":
    case "postgresql": {
      const { postgresKeys } = await import("./postgres.ts");
      return postgresKeys(url, how);
    }
    case "memory":
      return memoryKeys();
    default:
      throw new TidemarkError("STATE_URL_INVALID", `state by \`${scheme}:\` keeps no API keys of its own`, {
        hint: "Name the state that the service itself uses (sqlite:…, postgres://… or file:…), or ask the service with `tidemark keys`.",
      });
  }
}
