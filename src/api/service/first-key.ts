import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf, TidemarkError } from "../../errors.ts";
import { makeFolder } from "../../folders.ts";
import { parseKey } from "../keys/key-text.ts";
import type { KeyStore } from "../keys/store.ts";

/** What was done so that the service can be used. */
export type FirstKey =
  | { readonly made: true; readonly id: string; readonly file: string }
  | { readonly made: false; readonly usable: boolean };

/**
 * Where no key was ever made, makes one with the scope `admin` and writes it to a file that only this user can read; it
 * is shown nowhere else. On an address that other machines reach, no service may start without a key: then
 * `ARGUMENT_INVALID`. Of several that start at once, one makes it.
 */
export async function ensureKey(
  keys: KeyStore,
  { host, file, actor }: { readonly host: string; readonly file: string; readonly actor: string },
): Promise<FirstKey> {
  if (await keys.hasUsable()) return { made: false, usable: true };
  if (!isLoopback(host)) {
    throw new TidemarkError("ARGUMENT_INVALID", `there is no API key, and ${host} can be reached by others`, {
      hint: "Make one first: tidemark keys create --scope admin",
    });
  }
  const draft = draftOf(file);
  try {
    const issued = await keys.createFirst({ scope: "admin", name: "first start" }, actor);
    if (issued === null) return { made: false, usable: await keys.hasUsable() };
    try {
      writeFileSync(draft, `${issued.key}\n`, { mode: 0o600 });
      renameSync(draft, file);
    } catch (error) {
      await keys.revoke(issued.id, actor);
      throw notWritten(file, error);
    }
    return { made: true, id: issued.id, file };
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Makes sure, before there is a key, that it can be kept. */
function draftOf(file: string): string {
  try {
    makeFolder(dirname(file));
    if (existsSync(file) && parseKey(readFileSync(file, "utf8").trim()) === null) {
      throw new Error("it exists and holds something else");
    }
    const draft = `${file}.${process.pid}.tmp`;
    writeFileSync(draft, "", { mode: 0o600 });
    chmodSync(draft, 0o600);
    return draft;
  } catch (error) {
    throw notWritten(file, error);
  }
}

function notWritten(file: string, error: unknown): TidemarkError {
  return new TidemarkError(
    "ARGUMENT_INVALID",
    `the first key cannot be written to ${file}: ${messageOf(error)}`,
    {
      cause: error,
      hint: "Name another file with --admin-key-file, or make a key with `tidemark keys create`.",
    },
  );
}

/** Where the first key is written: next to the state where that is on this machine. */
export function firstKeyFile(stateUrl: string): string {
  const [, scheme = "", rest = ""] = /^(sqlite|file):(.*)$/is.exec(stateUrl) ?? [];
  const path = rest.startsWith("///") ? rest.slice(2) : rest;
  switch (scheme.toLowerCase()) {
    case "sqlite":
      return join(dirname(path), "admin.key");
    case "file":
      return join(path, "admin.key");
    default:
      return join(".tidemark", "admin.key");
  }
}

/** Whether only this machine can reach what listens there. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);
}
