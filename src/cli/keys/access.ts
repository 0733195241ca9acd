import { openKeys, openKeysIfAny } from "../../api/keys/open.ts";
import type { KeyManagement } from "../../api/keys/store.ts";
import { invalidArgument } from "../failure.ts";
import { missingFile, stateKey } from "../state-access.ts";
import { note, style } from "../terminal.ts";

/** Opens the keys, lends them out, and closes them; makes their tables, and the state, where there are none. */
export async function withKeys<T>(url: string, use: (keys: KeyManagement) => Promise<T>): Promise<T> {
  if (/^memory:/i.test(url)) {
    throw invalidArgument(
      "state in memory ends with the command, and its keys with it",
      "Name the service's state.",
    );
  }
  await using keys = isService(url) ? await remoteKeys(url) : await openKeys(url);
  return await use(keys);
}

/** The same for commands that only look: where no key was ever made, a note says so. */
export async function withStoredKeys(
  url: string,
  use: (keys: KeyManagement) => Promise<void>,
): Promise<void> {
  if (isService(url)) return withKeys(url, use);
  await using keys = missingFile(url) === null ? await openKeysIfAny(url) : null;
  if (keys === null) note("no keys are stored; `tidemark keys create` makes one\n");
  else await use(keys);
}

function isService(url: string): boolean {
  return /^https?:/i.test(url);
}

async function remoteKeys(url: string): Promise<KeyManagement> {
  const { openRemoteKeys } = await import("../../api/keys/remote.ts");
  const onOutage = (message: string): void => note(`${style("yellow", message, process.stderr)}\n`);
  return openRemoteKeys(url, { ...stateKey(), onOutage });
}
